"""Scenarios beside nftables: where connections begin, datagrams, ICMP, fragments. Out: `OTHERS`."""

from __future__ import annotations

from typing import Final

from ebpfc.testing.nft import Scenario
from ebpfc.testing.nft_packets import LATER, SOON, at_times, icmp, piece, spoiled, tcp, udp, unreachable

OTHERS: Final = (
    Scenario(
        "a SYN sent again",
        "ct state established accept\ntcp dport 80 ct state new limit rate 1/day burst 1 packets accept",
        "pass state established\npass tcp dst port 80 and state new within 1/d burst 1",
        (tcp("client", "S"), tcp("client", "S"), tcp("server", "SA", 0, 1), tcp("client", "A", 1, 1)),
        "1011",
        "1111",
    ),
    Scenario(
        "a second datagram before the answer",
        "ct state established accept\nudp length 12 ct state new accept",
        "pass state established\npass udp[4:2] == 12 and state new",
        (udp(size=4), udp(size=5), udp("server", size=6), udp(size=5)),
        "1011",
        "1111",
    ),
    Scenario(
        "a segment without a connection, tcp_loose 0",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (tcp("client", "A", 7, 9), tcp("client", "PA", 7, 9, b"x")),
        "00",
    ),
    Scenario(
        "a wrong checksum of TCP",
        "ct state invalid drop\naccept",
        "drop state invalid\npass",
        (spoiled(tcp("client", "S")), tcp("client", "S", port=40001)),
        "01",
        "11",
    ),
    Scenario(
        "answers to datagrams",
        "ct state established accept\nudp dport 53 ct state new accept",
        "pass state established\npass udp dst port 53 and state new",
        (udp(), udp("server"), udp("server", port=40001), udp(service=54)),
        "1100",
    ),
    Scenario(
        "datagrams forgotten after udp_timeout",
        "ct state established accept\nudp dport 53 ct state new accept",
        "pass state established\npass udp dst port 53 and state new",
        (udp(), *at_times(SOON, LATER, of=lambda at: udp("server", at=at))),
        "110",
    ),
    Scenario(
        "pings",
        "ct state established accept\nicmp type echo-request ct state new accept",
        "pass state established\npass icmp[icmptype] == icmp-echo and state new",
        (icmp("client", 8), icmp("server", 0), icmp("client", 8), icmp("server", 13)),
        "1110",
    ),
    Scenario(
        "other questions of ICMP",
        "ct state new accept\nct state established accept",
        "pass state new\npass state established",
        (icmp("client", 13), icmp("server", 14)),
        "11",
        "00",
    ),
    Scenario(
        "errors about a connection",
        "ct state related accept\nudp dport 53 ct state new accept",
        "pass state related\npass udp dst port 53 and state new",
        (unreachable(), udp(), unreachable(), unreachable(port=40001)),
        "0110",
    ),
    Scenario(
        "errors about a connection, IPv6",
        "ct state related accept\nudp dport 53 ct state new accept",
        "pass state related\npass udp dst port 53 and state new",
        (unreachable(), udp(), unreachable(), unreachable(port=40001)),
        "0110",
        family=6,
    ),
    Scenario(
        "a datagram in fragments",
        "udp dport 53 ct state new accept",
        "pass state established\npass udp dst port 53 and state new\npass last fragment and state new",
        (piece(first=True), piece(first=False)),
        "02",
        "11",
    ),
    Scenario(
        "the second fragment first",
        "udp dport 53 ct state new accept",
        "pass udp dst port 53 and state new\npass last fragment and state new",
        (piece(first=False), piece(first=True)),
        "02",
        "01",
    ),
)
