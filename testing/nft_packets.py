"""Packets for the scenarios beside nftables. In: who sends what, when, with which ports. Out: `Packet`s.

A server answers only where its packets are written down: nobody else speaks on these routes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ebpfc.testing import packets
from ebpfc.testing.conversations import Hosts
from ebpfc.testing.nft import Packet
from ebpfc.testing.packets import Layer
from ebpfc.testing.real_traffic import with_checksum
from ebpfc.testing.routed import End

SOON, LATER = 1.4, 5.5
"""Times, in seconds: far from every edge, which are at 3 s, and at each whole second's token."""
WINDOW: Final = 64240
"""What segments announce, unscaled."""


def tcp(end: End, flags: str, sequence: int = 0, ack: int = 0, data: bytes = b"", **where: Any) -> Packet:
    return Packet(end, lambda ends: ends.segment(end, flags, sequence, ack, data), **where)


def udp(end: End = "client", size: int = 4, **where: Any) -> Packet:
    """`size` bytes of data."""

    def make(ends: Hosts) -> Layer:
        sport, dport = (ends.client_port, ends.server_port)[:: 1 if end == "client" else -1]
        return packets.udp(bytes(size), sport=sport, dport=dport)

    return Packet(end, make, **{"service": 53, **where})


def icmp(end: End, kind: int, **where: Any) -> Packet:
    return Packet(end, lambda _: packets.icmp(kind, rest=0x1234_0001, data=bytes(12)), **where)


def handshake(**where: Any) -> tuple[Packet, ...]:
    """Three packets."""
    return (tcp("client", "S", **where), tcp("server", "SA", 0, 1, **where), tcp("client", "A", 1, 1, **where))


def ready(carried: Layer) -> Packet:
    """From the client, as it is but for its checksum."""
    return Packet("client", lambda _: carried)


def unreachable(**where: Any) -> Packet:
    """The server's host about a datagram or segment of the client's: no such port."""

    def make(ends: Hosts) -> Layer:
        quoted = ends.network("client", packets.udp(bytes(4), sport=ends.client_port, dport=ends.server_port)).data
        return packets.icmp(3, 3, data=quoted) if ends.family == 4 else packets.icmp6(1, 4, data=quoted)

    return Packet("server", make, **{"service": 53, **where})


def piece(*, first: bool) -> Packet:
    """Half of a datagram of 48 bytes."""

    def make(ends: Hosts) -> Layer:
        whole = with_checksum(packets.udp(bytes(40), sport=ends.client_port, dport=53), ends.client, ends.server)
        data = whole.data[:24] if first else whole.data[24:]
        return ends.network("client", Layer(17, data), ident=7, offset=0 if first else 3, more=first)

    return Packet("client", make, whole=True)


def spoiled(packet: Packet) -> Packet:
    """The same with a wrong checksum of TCP."""

    def make(ends: Hosts) -> Layer:
        right = with_checksum(packet.make(ends), ends.client, ends.server)
        data = bytearray(right.data)
        data[16] ^= 0xFF
        return ends.network("client", Layer(6, bytes(data)))

    return replace(packet, make=make, whole=True)


def behind_options(packet: Packet) -> Packet:
    """The same behind an IPv6 header of destination options."""

    def make(ends: Hosts) -> Layer:
        carried = with_checksum(packet.make(ends), ends.client, ends.server)
        padded = Layer(60, bytes((carried.number, 0, 1, 4, 0, 0, 0, 0)) + carried.data)
        return ends.network(packet.end, padded)

    return replace(packet, make=make, whole=True)


def times(count: int, packet: Packet) -> tuple[Packet, ...]:
    return (packet,) * count


def at_times(*packet_times: float, of: Callable[[float], Packet]) -> tuple[Packet, ...]:
    return tuple(of(at) for at in packet_times)
