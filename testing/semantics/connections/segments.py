"""What a TCP segment tells. In: a packet whose transport is TCP. Out: `Segment`; None where its bytes are not there.

ADR 0004, rules 3, 8 and 9. Sequence numbers are modulo 2^32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ebpfc.testing.semantics.packet import IPV4, Packet

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10  # RFC 9293 section 3.1, byte 13
Class = Literal["SYN", "SYNACK", "RST", "RST+A", "FIN", "ACK"]
CLASSES: Final[dict[int, Class]] = {
    SYN: "SYN",
    SYN | ACK: "SYNACK",
    RST: "RST",
    RST | ACK: "RST+A",
    FIN | ACK: "FIN",
    ACK: "ACK",
}
"""By these four flags; other combinations are none that a host sends."""
NEEDED: Final = 16  # bytes of the header: up to the window
MOST_PAYLOAD: Final = 0xFFFF
FIXED_HEADER: Final = 20
END_OF_OPTIONS, NO_OPERATION, WINDOW_SCALE = 0, 1, 3  # RFC 9293 section 3.2, RFC 7323 section 2.2
LARGEST_SCALE: Final = 14
MODULUS: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Segment:
    """`kind` is None for flags that no host sends. `length`: of its payload, and one each for SYN and FIN. `window` as
    it stands there, not scaled. `scale`: of its window scale option, None without one."""

    kind: Class | None
    sequence: int
    ack: int
    length: int
    window: int
    scale: int | None

    @property
    def has_ack(self) -> bool:
        return self.kind in ("SYNACK", "RST+A", "FIN", "ACK")

    @property
    def has_syn(self) -> bool:
        return self.kind in ("SYN", "SYNACK")

    @property
    def end(self) -> int:
        """The sequence number behind it."""
        return (self.sequence + self.length) % MODULUS


def segment_of(packet: Packet) -> Segment | None:
    start = packet.transport
    if start is None or packet.read(start, 0, NEEDED) is None:
        return None
    wire = packet.wire
    header, flags = (wire[start + 12] >> 4) * 4, wire[start + 13]
    payload = min(max(_ip_end(packet) - start - header, 0), MOST_PAYLOAD)
    return Segment(
        CLASSES.get(flags & (FIN | SYN | RST | ACK)),
        int.from_bytes(wire[start + 4 : start + 8], "big"),
        int.from_bytes(wire[start + 8 : start + 12], "big"),
        payload + bool(flags & SYN) + bool(flags & FIN),
        int.from_bytes(wire[start + 14 : start + 16], "big"),
        _scale(packet, start + FIXED_HEADER, start + header),
    )


def _ip_end(packet: Packet) -> int:
    """By the IP header's own length, also over the frame's (ADR 0001, rule 22). The transport's place is known."""
    wire, start = packet.wire, packet.network or 0
    if packet.merged:
        return len(wire)
    if packet.ethertype == IPV4:
        return start + int.from_bytes(wire[start + 2 : start + 4], "big")
    payload = int.from_bytes(wire[start + 4 : start + 6], "big")
    jumbo = payload == 0 and wire[start + 6] == 0  # RFC 2675
    return len(wire) if jumbo else start + 40 + payload


def _scale(packet: Packet, at: int, end: int) -> int | None:
    """The first whole window scale option between `at` and `end`."""
    while at < end:
        kind, length = packet.read(at, 0, 1), packet.read(at, 1, 1)
        if kind is None or kind == END_OF_OPTIONS:
            return None
        if kind == NO_OPERATION:
            at += 1
            continue
        if length is None or length < 2:
            return None
        if (kind, length) == (WINDOW_SCALE, 3):
            shift = packet.read(at, 2, 1) if at + 3 <= end else None
            return None if shift is None else min(shift, LARGEST_SCALE)
        at += length
    return None
