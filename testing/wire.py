"""A compiled policy judged by real frames: attached at one end of a veth pair, which nothing else uses.

In: the bytes of an object with counters, a hook. Out: `WirePolicy.judge(frame)`, as `KernelPolicy.judge`, for what
BPF_PROG_TEST_RUN hides: at tc ingress the kernel has taken the outermost tag (0x8100, 0x88a8) out of the data. Verdict
and rule are read from the counters that the frame moved. Needs root.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from ebpfc.runtime import bpffs
from ebpfc.runtime.attach import AttachOptions, attach_policy
from ebpfc.runtime.counters import COUNTERS_MAP, CounterReader
from ebpfc.runtime.detach import detach_policies
from ebpfc.runtime.device import find_device
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.installed import map_path
from ebpfc.runtime.manifest import Manifest, manifest_of
from ebpfc.runtime.replay import decide
from ebpfc.testing.netns import DEVICE, veth_pair

Hook = Literal["xdp", "tc ingress", "tc egress"]
Verdict = Literal["pass", "drop"]
_SOL_PACKET, _PACKET_VNET_HDR = 263, 15
_PATIENCE: Final = 0.1  # seconds until a frame that moved no counter counts as lost


@dataclass(frozen=True, slots=True)
class WirePolicy:
    """One policy at one hook; frames go in at `_channel`. `ifindex`: the device's number, as the policy sees it."""

    ifindex: int
    _manifest: Manifest
    _hook: str
    _reader: CounterReader
    _channel: socket.socket
    _prefix: bytes = b""

    def judge(self, frame: bytes) -> tuple[Verdict, int | None] | None:
        """Verdict and deciding rule (None: the default); None when the kernel drops the frame before the hook, as
        one that ends in its tag. A frame has at least 14 bytes."""
        before = self._reader.raw()
        try:
            self._channel.send(self._prefix + frame)
        except OSError as problem:
            if problem.errno != errno.ENOBUFS:  # the sender hears so of a frame that tc egress drops
                raise
        until = time.monotonic() + _PATIENCE
        while not (moved := self._reader.changed(before, self._reader.raw())):
            if time.monotonic() > until:
                return None
        rule, by_default = decide(self._manifest, moved)
        if by_default:
            return self._manifest.default(self._hook), None
        if rule is None:
            raise ControlError(f"no rule with a verdict counted a frame of {len(frame)} bytes")
        return ("drop" if "drop" in rule.actions else "pass"), rule.number


@contextmanager
def wire_policy(
    object_bytes: bytes, hook: Hook, *, tcx: bool = True, linear: int | None = None
) -> Iterator[WirePolicy]:
    """Attaches the object at one hook for the time of the context. `tcx=False`: by a clsact filter. With `linear`,
    frames of a page and more travel with that many bytes in the skb's linear part, the rest in fragments, packet(7)."""
    manifest = manifest_of(object_bytes)
    with veth_pair(quiet=True) as (far, near):
        with near.entered():
            device = find_device(DEVICE)
            options = AttachOptions(hooks=(hook,), fix_offload=True, tcx=tcx)
            attached = attach_policy(object_bytes, device, options)
            pins = map_path(bpffs.device_folder(device.ifindex) / attached.policy, COUNTERS_MAP)
        sender = near if hook == "tc egress" else far
        if linear is not None:
            for side in (far, near):
                side.run("ip", "link", "set", DEVICE, "mtu", "9000")
        try:
            with bpffs.opened(pins) as fd, sender.raw_socket() as channel:
                if fd is None:
                    raise ControlError("an object without counters cannot be judged on a wire")
                prefix = b""
                if linear is not None:
                    channel.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
                    prefix = struct.pack("=BBHHHH", 0, 0, linear, 0, 0, 0)  # struct virtio_net_hdr
                yield WirePolicy(device.ifindex, manifest, hook, CounterReader(fd), channel, prefix)
        finally:
            with near.entered():
                detach_policies(device)
