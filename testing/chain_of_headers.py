"""An IPv6 packet as tcpdump could read it. In: a frame, where its IPv6 header starts. Out: frames without extensions.

libpcap looks behind no extension header, and reads `tcp[...]` over IPv4 only. What such a test says of an IPv6 packet
is asked of frames that carry the same next header or the same transport header where libpcap looks for it. The chain
is walked here by the words of RFC 8200 and of ADR 0001 (rules 9-14), apart from the reference's own walk.
"""

from __future__ import annotations

from dataclasses import dataclass

EXTENSIONS = frozenset({0, 43, 44, 51, 60, 135, 139, 140})
MOST = 8  # headers that are looked through
FIXED = 40  # bytes of the IPv6 header
FRAGMENT, AUTHENTICATION = 44, 51


@dataclass(frozen=True, slots=True)
class Chain:
    """`named`: next headers in order, the transport's last if it is known. `transport`: its number or None.

    `place`: the offset in the frame of the transport header, or None. `later`: a fragment that is not the first.
    """

    named: tuple[int, ...]
    transport: int | None
    place: int | None
    later: bool

    @property
    def extended(self) -> bool:
        return bool(self.named) and self.named[0] in EXTENSIONS


def follow(frame: bytes, start: int) -> Chain:
    """The chain of the IPv6 header at `start`."""
    if len(frame) < start + 7:
        return Chain((), None, None, later=False)
    kind, at, sound = frame[start + 6], start + FIXED, frame[start] >> 4 == 6
    if kind not in EXTENSIONS:
        return Chain((kind,), kind, at if sound else None, later=False)
    named: list[int] = []
    while kind in EXTENSIONS:
        if not sound or len(named) == MOST:
            return Chain(tuple(named), None, None, later=False)
        named.append(kind)
        size = _size(frame, at, kind)
        if size is None:
            return Chain(tuple(named), None, None, later=False)
        last, kind = kind, frame[at]
        if last == FRAGMENT and int.from_bytes(frame[at + 2 : at + 4], "big") & 0xFFF8:
            if kind in EXTENSIONS:
                return Chain((*named, kind) if len(named) < MOST else tuple(named), None, None, later=True)
            return Chain((*named, kind), kind, None, later=True)
        at += size
    return Chain((*named, kind), kind, at, later=False)


def _size(frame: bytes, at: int, kind: int) -> int | None:
    """Bytes of the extension header at `at`; None when what tells it is missing."""
    if len(frame) < at + (4 if kind == FRAGMENT else 2):
        return None
    if kind == FRAGMENT:
        return 8
    return (frame[at + 1] + 2) * 4 if kind == AUTHENTICATION else (frame[at + 1] + 1) * 8


def with_next_header(frame: bytes, start: int, number: int) -> bytes:
    """The IPv6 header with `number` as its next header, and one byte behind it (libpcap looks behind a 44)."""
    head = frame[: start + 6] + bytes((number,)) + frame[start + 7 : start + FIXED]
    return head.ljust(start + FIXED, b"\0") + bytes((FRAGMENT,))


def without_extensions(frame: bytes, start: int, chain: Chain) -> bytes:
    """The IPv6 header directly before the transport header; without a place, as cut off behind the IPv6 header."""
    number = 59 if chain.transport is None else chain.transport  # 59: no next header
    head = frame[: start + 6] + bytes((number,)) + frame[start + 7 : start + FIXED]
    return head if chain.place is None else head + frame[chain.place :]


def over_ipv4(frame: bytes, start: int, chain: Chain) -> bytes:
    """The transport header over IPv4, where libpcap reads its bytes; without a place, as cut off before it."""
    number = 59 if chain.transport is None else chain.transport
    head = frame[: start - 2] + b"\x08\x00\x45\x00" + bytes(7) + bytes((number,)) + bytes(10)
    return head if chain.place is None else head + frame[chain.place :]
