"""A network device: found by name, and whether its hardware takes VLAN tags out of the frames.

In: a name. Out: `Device`; `tag_stripping`, the features by which the NIC moves tags out of the data, where an XDP
program does not see them. Source: ethtool netlink's older ioctl, include/uapi/linux/ethtool.h (feature names come from
the kernel, so bit numbers, which differ between kernels, are never written down here).
"""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
from dataclasses import dataclass

from ebpfc.runtime.errors import ControlError, failure_of, quote

TAG_FEATURES = ("rx-vlan-hw-parse", "rx-vlan-stag-hw-parse")
"""What ethtool(8) shows as rx-vlan-offload and rx-vlan-stag-hw-parse: 802.1Q's and 802.1ad's tags."""

_SIOCETHTOOL = 0x8946
_GSTRINGS, _GSSET_INFO, _GFEATURES, _SFEATURES = 0x1B, 0x37, 0x3A, 0x3B
_SET_OF_FEATURES = 4
_NAME_SIZE = 32


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    ifindex: int


def find_device(name: str) -> Device:
    """ControlError when this network namespace has no such device."""
    try:
        return Device(name, socket.if_nametoindex(name))
    except (OSError, ValueError):
        present = ", ".join(n for _, n in socket.if_nameindex())
        hints = (f"devices here: {present}", "a device of another namespace: ebpfctl --netns NAME ...")
        raise ControlError(f"no such device: {quote(name, 32)}", hints) from None


def device_exists(ifindex: int) -> bool:
    try:
        socket.if_indextoname(ifindex)
    except OSError:
        return False
    return True


def tag_stripping(device: Device) -> tuple[str, ...]:
    """Those of TAG_FEATURES that are on."""
    names, active = _features(device)
    return tuple(f for f in TAG_FEATURES if f in names and active >> names.index(f) & 1)


def set_features(device: Device, features: tuple[str, ...], on: bool) -> None:
    """Turns features on or off; ControlError when the driver keeps one as it is."""
    names, before = _features(device)
    mask = sum(1 << names.index(f) for f in features if f in names)
    if before & mask == (mask if on else 0):
        return
    blocks = (len(names) + 31) // 32
    wanted = mask if on else 0
    pairs = [(mask >> 32 * b & 0xFFFFFFFF, wanted >> 32 * b & 0xFFFFFFFF) for b in range(blocks)]
    packed = b"".join(struct.pack("=II", *pair) for pair in pairs)
    _ethtool(device, struct.pack("=II", _SFEATURES, blocks) + packed)
    _, after = _features(device)
    if after & mask != wanted:
        state = "on" if on else "off"
        raise ControlError(
            f"the driver of {quote(device.name, 32)} does not turn {' and '.join(features)} {state}",
            (f"see what it allows: ethtool -k {quote(device.name, 32)}", "or compile the policy for `hook tc ingress`"),
        )


def _features(device: Device) -> tuple[list[str], int]:
    """The kernel's names of all features, by bit, and the active ones as one number."""
    answer = _ethtool(device, struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _SET_OF_FEATURES, 0))
    (count,) = struct.unpack_from("=I", answer, 16)
    if not 0 < count <= 1024:
        return [], 0
    answer = _ethtool(device, struct.pack("=III", _GSTRINGS, _SET_OF_FEATURES, count) + bytes(count * _NAME_SIZE))
    texts = [answer[12 + n * _NAME_SIZE : 12 + (n + 1) * _NAME_SIZE] for n in range(count)]
    names = [text.split(b"\0")[0].decode("ascii", "replace") for text in texts]
    blocks = (count + 31) // 32
    answer = _ethtool(device, struct.pack("=II", _GFEATURES, blocks) + bytes(blocks * 16))
    active = 0
    for block in range(blocks):
        _, _, now, _ = struct.unpack_from("=4I", answer, 8 + block * 16)
        active |= now << 32 * block
    return names, active


def _ethtool(device: Device, request: bytes) -> bytes:
    """One SIOCETHTOOL call: the request's bytes, as the kernel has filled them."""
    room = array.array("B", request)
    address, _ = room.buffer_info()
    interface = struct.pack("=16sQ16x", os.fsencode(device.name)[:15], address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        try:
            fcntl.ioctl(channel, _SIOCETHTOOL, interface)
        except OSError as problem:
            if problem.errno == 95:  # EOPNOTSUPP: the driver knows no ethtool, so it strips nothing
                return bytes(len(request))
            raise failure_of(f"ask {quote(device.name, 32)} for its features", problem.errno or 5) from None
    return room.tobytes()
