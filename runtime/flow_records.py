"""One connection as the maps hold it → as people read it.

In: key (48 bytes) and value (80) of `pf_flows` or `pf_opening`: host byte order, ports and addresses big-endian. Out:
`Flow`, its ends in the direction of its first packet; what no program of ours writes is shown by its number.
Law: docs/adr/0004-connections.md, rules 4 to 8; layout: docs/manifest.md.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

KEY: Final = struct.Struct("=3Bx2HI4s16s16s")
"""family, protocol, kind, VIDs, VNI, both ports, the two ends' addresses."""
VALUE: Final = struct.Struct("=Q4B2B2x6I2Q2QQ")
"""expires, state, original end, assured, who sent FIN, scales, windows, packets and bytes (original, reply), created"""
_EXPIRES, _ASSURED, _CREATED = 0, 3, 17  # places among the numbers of VALUE
STATES: Final = (
    "", "SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
)  # fmt: skip
KINDS: Final = ("", "vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes")
_WITH_VNI: Final = ("vxlan", "geneve")
_ECHO: Final = (1, 58)  # ICMP, ICMPv6: the identifier stands for both ports
_WITH_PORTS: Final = (6, 17, 132)
_TCP: Final = 6
_ADDRESSES: Final = {4: (socket.AF_INET, 4), 6: (socket.AF_INET6, 16)}


@dataclass(frozen=True, slots=True)
class End:
    """`port` None: of a protocol without ports."""

    address: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Flow:
    """`protocol`: its number. `state`: TCP's, else "". `kind`: the encapsulation around it, or ""; `vni` where that
    has one. `echo`: the identifier of echo requests and replies. `age`, `left`: ns. Pairs are (original, reply)."""

    protocol: int
    state: str
    assured: bool
    source: End
    destination: End
    echo: int | None
    vlans: tuple[int, ...]
    kind: str
    vni: int | None
    age: int
    left: int
    packets: tuple[int, int]
    bytes: tuple[int, int]


def expiry(value: bytes) -> int:
    """CLOCK_MONOTONIC, ns."""
    return int(VALUE.unpack(value)[_EXPIRES])


def created(value: bytes) -> int:
    """CLOCK_MONOTONIC, ns."""
    return int(VALUE.unpack(value)[_CREATED])


def is_assured(value: bytes) -> bool:
    """Whether a packet of the reply was seen."""
    return bool(VALUE.unpack(value)[_ASSURED])


def read_flow(key: bytes, value: bytes, now: int) -> Flow:
    """`now`: CLOCK_MONOTONIC, ns."""
    family, protocol, kind, first_vid, second_vid, vni, ports, *addresses = KEY.unpack(key)
    expires, state, original, assured, *numbers = VALUE.unpack(value)
    first, second, first_bytes, second_bytes, created = numbers[-5:]
    has_ports = protocol in _WITH_PORTS
    pair = struct.unpack("!2H", ports)
    ends = [End(_address(family, a), p if has_ports else None) for a, p in zip(addresses, pair, strict=True)]
    source, destination = reversed(ends) if original & 1 else ends
    name = _word(KINDS, kind)
    return Flow(
        protocol,
        _word(STATES, state) if protocol == _TCP or state else "",
        bool(assured),
        source,
        destination,
        pair[0] if protocol in _ECHO else None,
        tuple(vid for vid in (first_vid, second_vid) if vid),
        name,
        vni if name in _WITH_VNI or vni else None,
        max(0, now - created),
        max(0, expires - now),
        (first, second),
        (first_bytes, second_bytes),
    )


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if number < len(words) else str(number)


def _address(family: int, raw: bytes) -> str:
    if family in _ADDRESSES:
        name, size = _ADDRESSES[family]
        if not any(raw[size:]):
            return socket.inet_ntop(name, raw[:size])
    return f"0x{raw.hex()}"
