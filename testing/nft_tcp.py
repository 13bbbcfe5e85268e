"""Scenarios beside nftables: connections of TCP. Out: `CONNECTIONS`, `COUNTS`; `FROM_THE_MIDDLE` for `track loose`."""

from __future__ import annotations

from typing import Final

from ebpfc.testing import packets
from ebpfc.testing.nft import Scenario
from ebpfc.testing.nft_packets import LATER, SOON, WINDOW, behind_options, handshake, icmp, ready, tcp

_STATEFUL_NFT = "ct state established,related accept\ntcp dport 80 ct state new accept"
_STATEFUL = "pass state established\npass state related\npass tcp dst port 80 and state new"

CONNECTIONS: Final = (
    Scenario(
        "established after a handshake",
        _STATEFUL_NFT,
        _STATEFUL,
        (
            *handshake(),
            tcp("client", "PA", 1, 1, b"GET /"),
            tcp("server", "A", 1, 6),
            tcp("server", "PA", 1, 6, b"200"),
            tcp("client", "S", service=81),
            tcp("server", "S", port=40001, service=9),
        ),
        "11111100",
    ),
    Scenario(
        "established over IPv6",
        _STATEFUL_NFT,
        _STATEFUL,
        (*handshake(), tcp("server", "FA", 1, 1), tcp("client", "A", 1, 2), tcp("client", "S", service=81)),
        "111110",
        family=6,
    ),
    Scenario(
        "behind IPv6 destination options",
        _STATEFUL_NFT,
        _STATEFUL,
        tuple(behind_options(p) for p in (*handshake(), tcp("client", "S", service=81))),
        "1110",
        family=6,
    ),
    Scenario(
        "new to some ports only",
        "ct state established accept\ntcp dport { 22, 8000-8080 } ct state new accept",
        "pass state established\npass tcp dst port {22, 8000-8080} and state new",
        tuple(tcp("client", "S", service=port) for port in (22, 23, 7999, 8000, 8080, 8081)),
        "100110",
    ),
    Scenario(
        "drop invalid: flags that mean nothing",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        tuple(tcp("client", flags) for flags in ("", "SF", "SR", "FPU", "F", "SRFAPU", "S")),
        "0000001",
    ),
    Scenario(
        "drop invalid: an answer to nothing",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (tcp("server", "SA", 0, 1), tcp("client", "R"), tcp("client", "FA", 1, 1), icmp("server", 0)),
        "0000",
    ),
    Scenario(
        "drop invalid: out of window",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (
            *handshake(),
            tcp("client", "R", 1 << 30),
            tcp("client", "PA", 1 << 29, 1, b"x"),
            tcp("client", "A", 1, 1 << 30),
            tcp("server", "PA", 1, 1, b"still there"),
        ),
        "1110001",
    ),
    Scenario(
        "drop invalid: a little beyond the window",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (*handshake(), tcp("client", "PA", WINDOW + 1, 1, b"x"), tcp("client", "PA", WINDOW + 2, 1, b"x")),
        "11111",
        "11110",
    ),
    Scenario(
        "a reset somewhere in the window",
        "ct state established accept\ntcp dport 80 ct state new accept",
        "pass state established\npass tcp dst port 80 and state new",
        (
            *handshake(),
            tcp("client", "R", 101),
            tcp("server", "PA", 1, 1, b"x"),
            tcp("client", "A", 1, 2, at=SOON),
            tcp("client", "A", 1, 2, at=LATER),
        ),
        "1111111",
    ),
    Scenario(
        "a refusal that answers no SYN",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (
            tcp("client", "S"),
            tcp("server", "RA", 0, 5),
            tcp("server", "R", 0),
            tcp("server", "SA", 0, 1),
        ),
        "1010",
        "1001",
    ),
    Scenario(
        "an acceptance that answers no SYN",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (tcp("client", "S"), tcp("server", "SA", 0, 5)),
        "10",
    ),
    Scenario(
        "a connection that both hosts have forgotten",
        "ct state established accept\ntcp dport 80 ct state new accept",
        "pass state established\npass tcp dst port 80 and state new",
        (
            *handshake(),
            tcp("client", "S", 90_000),
            tcp("server", "SA", 7000, 90_001),
            tcp("client", "A", 90_001, 7001),
            tcp("client", "PA", 90_001, 7001, b"x"),
        ),
        "1111111",
        "1111100",
    ),
    Scenario(
        "both open at once",
        "ct state established accept\nct state new accept",
        "pass state established\npass state new",
        (
            tcp("client", "S"),
            tcp("server", "S"),
            tcp("client", "SA", 0, 1),
            tcp("server", "SA", 0, 1),
            tcp("client", "PA", 1, 1, b"x"),
        ),
        "11111",
    ),
    Scenario(
        "data before the handshake is done",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (tcp("client", "S"), tcp("client", "PA", 1, 1, b"x"), tcp("server", "SA", 0, 1)),
        "101",
    ),
    Scenario(
        "lengths that are wrong",
        "ct state invalid drop\naccept",
        "drop malformed\ndrop state invalid\npass",
        (
            ready(packets.udp(bytes(4), length=100)),
            ready(packets.udp(bytes(4), length=5)),
            ready(packets.tcp(doff=15)),
            ready(packets.tcp(doff=3)),
            ready(packets.udp(bytes(4))),
        ),
        "00001",
    ),
    Scenario(
        "a SYN inside a connection",
        "ct state established accept\ntcp dport 80 ct state new limit rate 1/day burst 1 packets accept",
        "pass state established\npass tcp dst port 80 and state new within 1/d burst 1",
        (*handshake(), tcp("client", "S", 5000), tcp("server", "PA", 1, 1, b"x")),
        "11111",
    ),
    Scenario(
        "a closed connection's port again",
        "ct state established accept\ntcp dport 80 ct state new limit rate 1/day burst 2 packets accept",
        "pass state established\npass tcp dst port 80 and state new within 1/d burst 2",
        (
            *handshake(),
            tcp("server", "FA", 1, 1),
            tcp("client", "FA", 1, 2),
            tcp("server", "A", 2, 2),
            tcp("client", "S", 90_000),
            tcp("server", "SA", 90_000, 90_001),
            tcp("client", "S", port=40001),
        ),
        "111111110",
    ),
    Scenario(
        "after a reset",
        "ct state established accept\ntcp dport 80 ct state new accept",
        "pass state established\npass tcp dst port 80 and state new",
        (*handshake(), tcp("server", "R", 1), tcp("client", "S", 90_000), tcp("server", "SA", 90_000, 90_001)),
        "111111",
    ),
)

COUNTS: Final = (
    Scenario(
        "so many connections for each source",
        "tcp dport 80 ct state new add @many$n { ip saddr ct count over 2 } drop\naccept",
        "drop tcp dst port 80 and state new connections > 1 per src\npass",
        (
            *(tcp("client", "S", port=port) for port in range(40000, 40003)),
            tcp("client", "S", host=2),
            tcp("server", "SA", 0, 1),
            tcp("client", "A", 1, 1),
        ),
        "110111",
        sets="set many$n { type ipv4_addr; size 100; flags dynamic; }",
    ),
    Scenario(
        "so many connections, the same number",
        "tcp dport 80 ct state new add @many$n { ip saddr ct count over 2 } drop\naccept",
        "drop tcp dst port 80 and state new connections > 2 per src\npass",
        tuple(tcp("client", "S", port=port) for port in range(40000, 40004)),
        "1100",
        "1110",
        sets="set many$n { type ipv4_addr; size 100; flags dynamic; }",
    ),
)
FROM_THE_MIDDLE: Final = (
    Scenario(
        "a segment without a connection, tcp_loose 1",
        "ct state established accept\ntcp dport 80 ct state new accept",
        "pass state established\npass tcp dst port 80 and state new",
        (
            tcp("client", "A", 7, 9),
            tcp("server", "PA", 9, 7, b"x"),
            tcp("client", "A", 7, 9, service=81),
            tcp("client", "FA", 7, 9, port=40001),
            tcp("client", "R", 7, port=40002),
            tcp("server", "SA", 9, 7, port=40003),
        ),
        "110000",
    ),
)
