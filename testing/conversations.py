"""Frames of two hosts that talk, for tests. In: the hosts, what each sends. Out: bytes.

    hosts = Hosts()
    hosts.tcp("client", "S"), hosts.tcp("server", "SA", 0, 1), hosts.tcp("client", "A", 1, 1)

Sequence numbers count from the first one of their sender (its ISN), modulo 2^32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ebpfc.testing import packets
from ebpfc.testing.packets import Layer

Side = Literal["client", "server"]
FLAGS = {letter: 1 << bit for bit, letter in enumerate("FSRPAUEW")}
"""Bits of TCP's byte 13, RFC 9293 section 3.1 and RFC 3168."""
ECHO = {4: (8, 0), 6: (128, 129)}
"""Types of request and reply, RFC 792 and RFC 4443."""
FRAGMENT_UNIT = 8


def flag_bits(letters: str) -> int:
    return sum(FLAGS[letter] for letter in letters)


def scale_option(shift: int) -> bytes:
    """RFC 7323 section 2.2, behind a byte that aligns it."""
    return bytes((1, 3, 3, shift))


@dataclass(frozen=True, slots=True)
class Hosts:
    """`family` says whether the addresses are IPv4's or IPv6's. `vids`: of the tags, the outermost first; with `vni`
    the whole frame lies in VXLAN, and the tags are inside. `wrap` makes the frame instead of all that."""

    family: Literal[4, 6] = 4
    client: str = "10.0.0.1"
    server: str = "10.0.0.2"
    client_port: int = 40000
    server_port: int = 80
    client_isn: int = 1000
    server_isn: int = 5_000_000
    vids: tuple[int, ...] = ()
    vni: int | None = None
    wrap: Callable[[Side, Layer], bytes] | None = None

    # ------------------------------------------------------------------------------------------------------- transport

    def tcp(
        self,
        side: Side,
        flags: str,
        sequence: int = 0,
        ack: int = 0,
        *,
        data: bytes = b"",
        window: int = 64240,
        options: bytes = b"",
        ttl: int = 64,
    ) -> bytes:
        """A segment; `sequence` and `ack` count from the ISNs of the one and the other. Without A, ack is 0."""
        return self.frame(side, self.segment(side, flags, sequence, ack, data, window, options), ttl=ttl)

    def segment(
        self,
        side: Side,
        flags: str,
        sequence: int,
        ack: int,
        data: bytes = b"",
        window: int = 64240,
        options: bytes = b"",
    ) -> Layer:
        own, other = self._isns(side)
        sport, dport = self._ports(side)
        return packets.tcp(
            data,
            sport=sport,
            dport=dport,
            flags=flag_bits(flags),
            sequence=(own + sequence) % 2**32,
            ack=(other + ack) % 2**32 if "A" in flags else 0,
            window=window,
            options=options,
        )

    def udp(self, side: Side, data: bytes = b"", *, ttl: int = 64) -> bytes:
        sport, dport = self._ports(side)
        return self.frame(side, packets.udp(data, sport=sport, dport=dport), ttl=ttl)

    def sctp(self, side: Side, *, ttl: int = 64) -> bytes:
        sport, dport = self._ports(side)
        return self.frame(side, packets.sctp(sport=sport, dport=dport), ttl=ttl)

    def echo(self, side: Side, *, reply: bool = False, identifier: int | None = None, ttl: int = 64) -> bytes:
        """ICMP's or ICMPv6's; the identifier is the client's port unless given."""
        number = self.client_port if identifier is None else identifier
        return self.frame(side, self._icmp(ECHO[self.family][reply], number << 16 | 1), ttl=ttl)

    def icmp(self, side: Side, kind: int, code: int = 0, *, rest: int = 0, data: bytes = b"") -> bytes:
        return self.frame(side, self._icmp(kind, rest, code, data))

    def _icmp(self, kind: int, rest: int, code: int = 0, data: bytes = b"") -> Layer:
        make = packets.icmp if self.family == 4 else packets.icmp6
        return make(kind, code, rest=rest, data=data)

    # ------------------------------------------------------------------------------------------------ network and link

    def network(
        self, side: Side, carried: Layer, *, ttl: int = 64, ident: int = 1, offset: int = 0, more: bool = False
    ) -> Layer:
        """The IP packet that `side` sends; `offset` counts units of 8 bytes, of a fragment."""
        src, dst = (self.client, self.server) if side == "client" else (self.server, self.client)
        if self.family == 4:
            return packets.ip4(carried, src=src, dst=dst, ttl=ttl, ident=ident, offset=offset, more=more)
        if offset or more:
            carried = packets.fragment(carried, offset=offset, more=more, ident=ident)
        return packets.ip6(carried, src=src, dst=dst, hops=ttl)

    def link(self, side: Side, carried: Layer) -> bytes:
        """The frame; in VXLAN the outer addresses are those of the two sides' tunnel ends."""
        if self.wrap is not None:
            return self.wrap(side, carried)
        for vid in reversed(self.vids):
            carried = packets.tag(carried, vid)
        frame = packets.ether(carried)
        if self.vni is None:
            return frame
        src, dst = ("192.0.2.1", "192.0.2.2") if side == "client" else ("192.0.2.2", "192.0.2.1")
        return packets.ether(packets.ip4(packets.vxlan(frame, self.vni), src=src, dst=dst))

    def frame(self, side: Side, carried: Layer, *, ttl: int = 64) -> bytes:
        return self.link(side, self.network(side, carried, ttl=ttl))

    def fragments(self, side: Side, carried: Layer, first: int, *, ident: int = 1) -> tuple[bytes, bytes]:
        """Two frames; the first holds `first` bytes of what is carried, a multiple of 8."""
        head, tail = Layer(carried.number, carried.data[:first]), Layer(carried.number, carried.data[first:])
        offset = first // FRAGMENT_UNIT
        return (
            self.link(side, self.network(side, head, ident=ident, more=True)),
            self.link(side, self.network(side, tail, ident=ident, offset=offset)),
        )

    def quoting(self, quoted: Layer, *, kind: int, source: str, to: str, kept: int | None = None) -> bytes:
        """An ICMP error about an IP packet, of which it holds the first `kept` bytes."""
        data = quoted.data if kept is None else quoted.data[:kept]
        error = self._icmp(kind, 0, data=data)
        make = packets.ip4 if self.family == 4 else packets.ip6
        return self.link("server", make(error, src=source, dst=to))

    def _ports(self, side: Side) -> tuple[int, int]:
        ports = (self.client_port, self.server_port)
        return ports if side == "client" else (ports[1], ports[0])

    def _isns(self, side: Side) -> tuple[int, int]:
        numbers = (self.client_isn, self.server_isn)
        return numbers if side == "client" else (numbers[1], numbers[0])


IPV6_HOSTS = Hosts(family=6, client="2001:db8::1", server="2001:db8::2")
