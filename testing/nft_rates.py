"""Scenarios beside nftables: rates, of packets and bytes, for all and for each key. Out: `RATES`."""

from __future__ import annotations

from typing import Final

from ebpfc.testing.nft import Scenario
from ebpfc.testing.nft_packets import LATER, SOON, tcp, times, udp

RATES: Final = (
    Scenario(
        "limit rate over",
        "limit rate over 1/second burst 3 packets drop\naccept",
        "drop over 1/s burst 3\npass",
        (*times(6, udp()), *times(3, udp(at=SOON)), *times(5, udp(at=LATER))),
        "111000 100 11100",
    ),
    Scenario(
        "limit rate",
        "limit rate 1/second burst 3 packets accept",
        "pass within 1/s burst 3",
        (*times(6, udp()), *times(3, udp(at=SOON)), *times(5, udp(at=LATER))),
        "111000 100 11100",
    ),
    Scenario(
        "limit rate, no burst given",
        "limit rate 10/minute accept",
        "pass within 10/min",
        times(7, udp()),
        "1111100",
        "1000000",
    ),
    Scenario(
        "limit bytes",
        "limit rate over 2000 bytes/second burst 2350 bytes drop\naccept",
        "drop over 2kB/s burst 4350\npass",
        (*times(5, udp(size=1408)), *times(5, udp(size=1408, at=LATER))),
        "11100 11100",
    ),
    Scenario(
        "limit bytes, the same words",
        "limit rate over 2000 bytes/second burst 900 bytes drop\naccept",
        "drop over 2kB/s burst 900\npass",
        times(5, udp(size=1408)),
        "11000",
        "10000",
    ),
    Scenario(
        "new connections a second",
        """
            ct state established accept
            tcp flags syn / fin,syn,rst,ack limit rate over 1/second burst 2 packets drop
            accept
        """,
        "pass state established\ndrop tcp flags S/FSRA over 1/s burst 2\npass",
        (
            *(tcp("client", "S", port=port) for port in range(40000, 40004)),
            *(tcp("server", "SA", 0, 1, port=port) for port in range(40000, 40002)),
            *(tcp("client", "S", port=port, at=SOON) for port in range(40004, 40006)),
        ),
        "1100 11 10",
    ),
    Scenario(
        "meter: a rate for each source",
        "update @m$n { ip saddr limit rate over 1/second burst 2 packets } drop\naccept",
        "drop over 1/s per src burst 2\npass",
        (*times(3, udp()), *times(3, udp(host=2)), *times(2, udp(at=SOON))),
        "110 110 10",
        sets="set m$n { type ipv4_addr; size 100; flags dynamic; }",
    ),
    Scenario(
        "meter: a rate for each net",
        "update @m$n { ip saddr and 255.255.255.252 limit rate over 1/second burst 2 packets } drop\naccept",
        "drop over 1/s per src/30 burst 2\npass",
        (udp(host=1), udp(host=2), udp(host=3), udp(host=4), udp(host=5), udp(host=6)),
        "110110",
        sets="set m$n { type ipv4_addr; size 100; flags dynamic; }",
    ),
    Scenario(
        "meter: a rate for each source and port",
        "update @m$n { ip6 saddr . udp dport limit rate over 1/second burst 1 packets } drop\naccept",
        "drop over 1/s per (src, dst port) burst 1\npass",
        (*times(2, udp()), *times(2, udp(service=54)), *times(2, udp(host=2))),
        "101010",
        sets="set m$n { type ipv6_addr . inet_service; size 100; flags dynamic; }",
        family=6,
    ),
)
