"""What nftables and a policy are asked beside each other: rules in both languages, packets, and what arrives of them.

In: nothing. Out: `SCENARIOS`, and `LOOSE` for `track loose`. docs/nftables.md is the same for people; a test holds the
two together. A server answers only where its packets are written down here: nobody else speaks on these routes.
Times are 0, 1.5 and 5.5 seconds where something is renewed or forgotten: far from every edge (3 s; a token a second).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ebpfc.testing import packets
from ebpfc.testing.conversations import Hosts
from ebpfc.testing.nft import Packet, Scenario
from ebpfc.testing.packets import Layer
from ebpfc.testing.real_traffic import with_checksum
from ebpfc.testing.routed import End

_FIRST, _SOON, _LATER = 0.0, 1.5, 5.5


def _tcp(end: End, flags: str, sequence: int = 0, ack: int = 0, data: bytes = b"", **where: Any) -> Packet:
    return Packet(end, lambda ends: ends.segment(end, flags, sequence, ack, data), **where)


def _udp(end: End = "client", size: int = 4, **where: Any) -> Packet:
    """`size` bytes of data."""

    def make(ends: Hosts) -> Layer:
        sport, dport = (ends.client_port, ends.server_port)[:: 1 if end == "client" else -1]
        return packets.udp(bytes(size), sport=sport, dport=dport)

    return Packet(end, make, **{"service": 53, **where})


def _icmp(end: End, kind: int, **where: Any) -> Packet:
    return Packet(end, lambda ends: packets.icmp(kind, rest=0x1234_0001, data=bytes(12)), **where)


def _handshake(**where: Any) -> tuple[Packet, ...]:
    """Three packets."""
    return (_tcp("client", "S", **where), _tcp("server", "SA", 0, 1, **where), _tcp("client", "A", 1, 1, **where))


def _unreachable(**where: Any) -> Packet:
    """The server's host about a datagram or segment of the client's: no such port."""

    def make(ends: Hosts) -> Layer:
        quoted = ends.network("client", packets.udp(bytes(4), sport=ends.client_port, dport=ends.server_port)).data
        return packets.icmp(3, 3, data=quoted) if ends.family == 4 else packets.icmp6(1, 4, data=quoted)

    return Packet("server", make, **{"service": 53, **where})


def _piece(*, first: bool) -> Packet:
    """Half of a datagram of 48 bytes."""

    def make(ends: Hosts) -> Layer:
        whole = with_checksum(packets.udp(bytes(40), sport=ends.client_port, dport=53), ends.client, ends.server)
        data = whole.data[:24] if first else whole.data[24:]
        return ends.network("client", Layer(17, data), ident=7, offset=0 if first else 3, more=first)

    return Packet("client", make, whole=True)


def _spoiled(packet: Packet) -> Packet:
    """The same with a wrong checksum of TCP."""

    def make(ends: Hosts) -> Layer:
        right = with_checksum(packet.make(ends), ends.client, ends.server)
        data = bytearray(right.data)
        data[16] ^= 0xFF
        return ends.network("client", Layer(6, bytes(data)))

    return replace(packet, make=make, whole=True)


def _behind_options(packet: Packet) -> Packet:
    """The same behind an IPv6 header of destination options."""

    def make(ends: Hosts) -> Layer:
        carried = with_checksum(packet.make(ends), ends.client, ends.server)
        padded = Layer(60, bytes((carried.number, 0, 1, 4, 0, 0, 0, 0)) + carried.data)
        return ends.network(packet.end, padded)

    return replace(packet, make=make, whole=True)


def _times(count: int, packet: Packet) -> tuple[Packet, ...]:
    return (packet,) * count


def _at(*packet_times: float, of: Callable[[float], Packet]) -> tuple[Packet, ...]:
    return tuple(of(at) for at in packet_times)


_STATEFUL_NFT = "ct state established,related accept\ntcp dport 80 ct state new accept"
_STATEFUL = "pass state established\npass state related\npass tcp dst port 80 and state new"

_CONNECTIONS = (
    Scenario(
        "established after a handshake",
        _STATEFUL_NFT,
        _STATEFUL,
        (
            *_handshake(),
            _tcp("client", "PA", 1, 1, b"GET /"),
            _tcp("server", "A", 1, 6),
            _tcp("server", "PA", 1, 6, b"200"),
            _tcp("client", "S", service=81),
            _tcp("server", "S", port=40001, service=9),
        ),
        "11111100",
    ),
    Scenario(
        "established over IPv6",
        _STATEFUL_NFT,
        _STATEFUL,
        (*_handshake(), _tcp("server", "FA", 1, 1), _tcp("client", "A", 1, 2), _tcp("client", "S", service=81)),
        "111110",
        family=6,
    ),
    Scenario(
        "behind IPv6 destination options",
        _STATEFUL_NFT,
        _STATEFUL,
        tuple(_behind_options(p) for p in (*_handshake(), _tcp("client", "S", service=81))),
        "1110",
        family=6,
    ),
    Scenario(
        "new to some ports only",
        "ct state established accept\ntcp dport { 22, 8000-8080 } ct state new accept",
        "pass state established\npass tcp dst port {22, 8000-8080} and state new",
        tuple(_tcp("client", "S", service=port) for port in (22, 23, 7999, 8000, 8080, 8081)),
        "100110",
    ),
    Scenario(
        "drop invalid: flags that mean nothing",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        tuple(_tcp("client", flags) for flags in ("", "SF", "SR", "FPU", "F", "SRFAPU", "S")),
        "0000001",
    ),
    Scenario(
        "drop invalid: an answer to nothing",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (_tcp("server", "SA", 0, 1), _tcp("client", "R"), _tcp("client", "FA", 1, 1), _icmp("server", 0)),
        "0000",
    ),
    Scenario(
        "drop invalid: out of window",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (
            *_handshake(),
            _tcp("client", "R", 1 << 30),
            _tcp("client", "PA", 1 << 29, 1, b"x"),
            _tcp("client", "A", 1, 1 << 30),
            _tcp("server", "PA", 1, 1, b"still there"),
        ),
        "1110001",
    ),
    Scenario(
        "a SYN inside a connection",
        "ct state established accept\ntcp dport 80 ct state new limit rate 1/day burst 1 packets accept",
        "pass state established\npass tcp dst port 80 and state new within 1/d burst 1",
        (*_handshake(), _tcp("client", "S", 5000), _tcp("server", "PA", 1, 1, b"x")),
        "11111",
    ),
    Scenario(
        "a closed connection's port again",
        "ct state established accept\ntcp dport 80 ct state new limit rate 1/day burst 2 packets accept",
        "pass state established\npass tcp dst port 80 and state new within 1/d burst 2",
        (
            *_handshake(),
            _tcp("server", "FA", 1, 1),
            _tcp("client", "FA", 1, 2),
            _tcp("server", "A", 2, 2),
            _tcp("client", "S", 90_000),
            _tcp("server", "SA", 90_000, 90_001),
            _tcp("client", "S", port=40001),
        ),
        "111111110",
    ),
    Scenario(
        "after a reset",
        "ct state established accept\ntcp dport 80 ct state new accept",
        "pass state established\npass tcp dst port 80 and state new",
        (*_handshake(), _tcp("server", "R", 1), _tcp("client", "S", 90_000), _tcp("server", "SA", 90_000, 90_001)),
        "111111",
    ),
    Scenario(
        "a SYN sent again",
        "ct state established accept\ntcp dport 80 ct state new limit rate 1/day burst 1 packets accept",
        "pass state established\npass tcp dst port 80 and state new within 1/d burst 1",
        (_tcp("client", "S"), _tcp("client", "S"), _tcp("server", "SA", 0, 1), _tcp("client", "A", 1, 1)),
        "1011",
        "1111",
    ),
    Scenario(
        "a second datagram before the answer",
        "ct state established accept\nudp length 12 ct state new accept",
        "pass state established\npass udp[4:2] == 12 and state new",
        (_udp(size=4), _udp(size=5), _udp("server", size=6), _udp(size=5)),
        "1011",
        "1111",
    ),
    Scenario(
        "a segment without a connection, tcp_loose 0",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (_tcp("client", "A", 7, 9), _tcp("client", "PA", 7, 9, b"x")),
        "00",
    ),
    Scenario(
        "a wrong checksum of TCP",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (_spoiled(_tcp("client", "S")), _tcp("client", "S", port=40001)),
        "01",
        "11",
    ),
    Scenario(
        "answers to datagrams",
        "ct state established accept\nudp dport 53 ct state new accept",
        "pass state established\npass udp dst port 53 and state new",
        (_udp(), _udp("server"), _udp("server", port=40001), _udp(service=54)),
        "1100",
    ),
    Scenario(
        "datagrams forgotten after udp_timeout",
        "ct state established accept\nudp dport 53 ct state new accept",
        "pass state established\npass udp dst port 53 and state new",
        (_udp(), *_at(_SOON, _LATER, of=lambda at: _udp("server", at=at))),
        "110",
    ),
    Scenario(
        "pings",
        "ct state established accept\nicmp type echo-request ct state new accept",
        "pass state established\npass icmp[icmptype] == icmp-echo and state new",
        (_icmp("client", 8), _icmp("server", 0), _icmp("client", 8), _icmp("server", 13)),
        "1110",
    ),
    Scenario(
        "other questions of ICMP",
        "ct state new accept\nct state established accept",
        "pass state new\npass state established",
        (_icmp("client", 13), _icmp("server", 14)),
        "11",
        "00",
    ),
    Scenario(
        "errors about a connection",
        "ct state related accept\nudp dport 53 ct state new accept",
        "pass state related\npass udp dst port 53 and state new",
        (_unreachable(), _udp(), _unreachable(), _unreachable(port=40001)),
        "0110",
    ),
    Scenario(
        "errors about a connection, IPv6",
        "ct state related accept\nudp dport 53 ct state new accept",
        "pass state related\npass udp dst port 53 and state new",
        (_unreachable(), _udp(), _unreachable(), _unreachable(port=40001)),
        "0110",
        family=6,
    ),
    Scenario(
        "a datagram in fragments",
        "udp dport 53 ct state new accept",
        "pass state established\npass udp dst port 53 and state new\npass last fragment and state new",
        (_piece(first=True), _piece(first=False)),
        "02",
        "11",
    ),
    Scenario(
        "the second fragment first",
        "udp dport 53 ct state new accept",
        "pass udp dst port 53 and state new\npass last fragment and state new",
        (_piece(first=False), _piece(first=True)),
        "02",
        "01",
    ),
)

_RATES = (
    Scenario(
        "limit rate over",
        "limit rate over 1/second burst 3 packets drop\naccept",
        "drop over 1/s burst 3\npass",
        (*_times(6, _udp()), *_times(3, _udp(at=_SOON)), *_times(5, _udp(at=_LATER))),
        "111000" "100" "11100",
    ),
    Scenario(
        "limit rate",
        "limit rate 1/second burst 3 packets accept",
        "pass within 1/s burst 3",
        (*_times(6, _udp()), *_times(3, _udp(at=_SOON)), *_times(5, _udp(at=_LATER))),
        "111000" "100" "11100",
    ),
    Scenario(
        "limit rate, no burst given",
        "limit rate 10/minute accept",
        "pass within 10/min",
        _times(7, _udp()),
        "1111100",
        "1000000",
    ),
    Scenario(
        "limit bytes",
        "limit rate over 2000 bytes/second burst 1000 bytes drop\naccept",
        "drop over 2kB/s burst 3000\npass",
        (*_times(5, _udp(size=958)), *_times(5, _udp(size=958, at=_LATER))),
        "11100" "11100",
    ),
    Scenario(
        "limit bytes, the same words",
        "limit rate over 2000 bytes/second burst 1000 bytes drop\naccept",
        "drop over 2kB/s burst 1000\npass",
        _times(5, _udp(size=958)),
        "11100",
        "10000",
    ),
    Scenario(
        "new connections a second",
        "ct state established accept\ntcp flags syn / fin,syn,rst,ack limit rate over 1/second burst 2 packets drop\naccept",
        "pass state established\ndrop tcp flags S/FSRA over 1/s burst 2\npass",
        (
            *(_tcp("client", "S", port=port) for port in range(40000, 40004)),
            *(_tcp("server", "SA", 0, 1, port=port) for port in range(40000, 40002)),
            *(_tcp("client", "S", port=port, at=_SOON) for port in range(40004, 40006)),
        ),
        "1100" "11" "10",
    ),
    Scenario(
        "meter: a rate for each source",
        "update @m$n { ip saddr limit rate over 1/second burst 2 packets } drop\naccept",
        "drop over 1/s per src burst 2\npass",
        (*_times(3, _udp()), *_times(3, _udp(host=2)), *_times(2, _udp(at=_SOON))),
        "110" "110" "10",
        sets="set m$n { type ipv4_addr; size 100; flags dynamic; }",
    ),
    Scenario(
        "meter: a rate for each net",
        "update @m$n { ip saddr and 255.255.255.252 limit rate over 1/second burst 2 packets } drop\naccept",
        "drop over 1/s per src/30 burst 2\npass",
        (_udp(host=1), _udp(host=2), _udp(host=3), _udp(host=4), _udp(host=5), _udp(host=6)),
        "110110",
        sets="set m$n { type ipv4_addr; size 100; flags dynamic; }",
    ),
    Scenario(
        "meter: a rate for each source and port",
        "update @m$n { ip6 saddr . udp dport limit rate over 1/second burst 1 packets } drop\naccept",
        "drop over 1/s per (src, dst port) burst 1\npass",
        (*_times(2, _udp()), *_times(2, _udp(service=54)), *_times(2, _udp(host=2))),
        "101010",
        sets="set m$n { type ipv6_addr . inet_service; size 100; flags dynamic; }",
        family=6,
    ),
)

_SETS = (
    Scenario(
        "a set of intervals",
        "ip saddr { 10.1.$n.0/29, 10.1.$n.64-10.1.$n.70 } accept",
        "pass src net {10.1.$n.0/29, 10.1.$n.64-10.1.$n.70}",
        tuple(_udp(host=host) for host in (1, 7, 8, 63, 64, 70, 71)),
        "1100110",
    ),
    Scenario(
        "add to a set with timeout",
        "udp dport 7 add @banned$n { ip saddr timeout 3s } drop\nip saddr @banned$n drop\naccept",
        "drop udp dst port 7 then add src to banned$n for 3s\ndrop src in banned$n\npass",
        (_udp(), _udp(service=7), _udp(), _udp(host=2), _udp(at=_SOON), _udp(at=_LATER)),
        "100101",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "update renews the timeout",
        "udp dport 7 update @banned$n { ip saddr timeout 3s } drop\nip saddr @banned$n drop\naccept",
        "drop udp dst port 7 then add src to banned$n for 3s\ndrop src in banned$n\npass",
        (_udp(service=7), _udp(service=7, at=_SOON), _udp(at=3.75), _udp(at=_LATER)),
        "0001",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "add of what is there",
        "udp dport 7 add @banned$n { ip saddr timeout 3s } drop\nip saddr @banned$n drop\naccept",
        "drop udp dst port 7 then add src to banned$n for 3s\ndrop src in banned$n\npass",
        (_udp(service=7), _udp(service=7, at=_SOON), _udp(at=3.75), _udp(at=_LATER)),
        "0011",
        "0001",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "delete from a set",
        "udp dport 7 add @known$n { ip saddr } drop\nudp dport 8 delete @known$n { ip saddr } drop\nip saddr @known$n accept",
        "drop udp dst port 7 then add src to known$n\ndrop udp dst port 8 then delete src from known$n\npass src in known$n",
        (_udp(), _udp(service=7), _udp(), _udp(host=2), _udp(service=8), _udp()),
        "001000",
        sets="set known$n { type ipv4_addr; size 100; flags dynamic; }",
        tables="table known$n key src size 100",
    ),
    Scenario(
        "over a rate, banned for a while",
        "ip saddr @banned$n drop\nudp dport 53 limit rate over 1/second burst 2 packets add @banned$n { ip saddr timeout 3s } drop\naccept",
        "drop src in banned$n\ndrop udp dst port 53 over 1/s burst 2 then add src to banned$n for 3s\npass",
        (*_times(3, _udp()), _udp(service=54), _udp(service=54, at=_SOON), _udp(at=_LATER)),
        "110001",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "knocking at two ports",
        "udp dport 7 add @one$n { ip saddr timeout 3s } drop\nudp dport 8 ip saddr @one$n add @two$n { ip saddr timeout 3s } drop\ntcp dport 22 ip saddr @two$n accept",
        "drop udp dst port 7 then add src to one$n for 3s\ndrop udp dst port 8 and src in one$n then add src to two$n for 3s\npass tcp dst port 22 and src in two$n",
        (
            _udp(service=8),
            _tcp("client", "S", service=22),
            _udp(service=7),
            _tcp("client", "S", service=22),
            _udp(service=8),
            _tcp("client", "S", service=22),
            _tcp("client", "S", service=22, host=2),
            _tcp("client", "S", service=22, port=40001, at=_LATER),
        ),
        "00000100",
        sets="set one$n { type ipv4_addr; size 100; flags dynamic,timeout; }\nset two$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table one$n key src timeout 1h size 100\ntable two$n key src timeout 1h size 100",
    ),
    Scenario(
        "a set of pairs",
        "udp dport 7 add @pairs$n { ip saddr . udp sport } drop\nip saddr . udp sport @pairs$n accept",
        "drop udp dst port 7 then add (src, src port) to pairs$n\npass (src, src port) in pairs$n",
        (_udp(service=7), _udp(), _udp(port=40001), _udp(host=2)),
        "0100",
        sets="set pairs$n { type ipv4_addr . inet_service; size 100; flags dynamic; }",
        tables="table pairs$n key (src, src port) size 100",
    ),
    Scenario(
        "a full set",
        "udp dport 7 add @few$n { ip saddr } accept",
        "pass udp dst port 7 then add src to few$n",
        tuple(_udp(service=7, host=host) for host in (1, 2, 3, 1)),
        "1101",
        "1111",
        sets="set few$n { type ipv4_addr; size 2; flags dynamic; }",
        tables="table few$n key src size 2",
    ),
)

SCENARIOS: Final = (*_CONNECTIONS, *_RATES, *_SETS)
LOOSE: Final = (
    Scenario(
        "a segment without a connection, tcp_loose 1",
        "ct state established accept\ntcp dport 80 ct state new accept",
        "pass state established\npass tcp dst port 80 and state new",
        (
            _tcp("client", "A", 7, 9),
            _tcp("server", "PA", 9, 7, b"x"),
            _tcp("client", "A", 7, 9, service=81),
            _tcp("client", "FA", 7, 9, port=40001),
            _tcp("client", "R", 7, port=40002),
            _tcp("server", "SA", 9, 7, port=40003),
        ),
        "110000",
    ),
)
