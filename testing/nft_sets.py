"""Scenarios beside nftables: sets, fixed and filled by rules. Out: `SETS`."""

from __future__ import annotations

from typing import Final

from ebpfc.testing.nft import Scenario
from ebpfc.testing.nft_packets import LATER, SOON, tcp, times, udp

SETS: Final = (
    Scenario(
        "a set of intervals",
        "ip saddr { 10.1.$n.0/29, 10.1.$n.64-10.1.$n.70 } accept",
        "pass src net {10.1.$n.0/29, 10.1.$n.64-10.1.$n.70}",
        tuple(udp(host=host) for host in (1, 7, 8, 63, 64, 70, 71)),
        "1100110",
    ),
    Scenario(
        "add to a set with timeout",
        "udp dport 7 add @banned$n { ip saddr timeout 3s } drop\nip saddr @banned$n drop\naccept",
        "drop udp dst port 7 then add src to banned$n for 3s\ndrop src in banned$n\npass",
        (udp(), udp(service=7), udp(), udp(host=2), udp(at=SOON), udp(at=LATER)),
        "100101",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "update renews the timeout",
        "udp dport 7 update @banned$n { ip saddr timeout 3s } drop\nip saddr @banned$n drop\naccept",
        "drop udp dst port 7 then add src to banned$n for 3s\ndrop src in banned$n\npass",
        (udp(service=7), udp(service=7, at=SOON), udp(at=3.75), udp(at=LATER)),
        "0001",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "add of what is there",
        "udp dport 7 add @banned$n { ip saddr timeout 3s } drop\nip saddr @banned$n drop\naccept",
        "drop udp dst port 7 then add src to banned$n for 3s\ndrop src in banned$n\npass",
        (udp(service=7), udp(service=7, at=SOON), udp(at=3.75), udp(at=LATER)),
        "0011",
        "0001",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "delete from a set",
        """
            udp dport 7 add @known$n { ip saddr } drop
            udp dport 8 delete @known$n { ip saddr } drop
            ip saddr @known$n accept
        """,
        """
            drop udp dst port 7 then add src to known$n
            drop udp dst port 8 then delete src from known$n
            pass src in known$n
        """,
        (udp(), udp(service=7), udp(), udp(host=2), udp(service=8), udp()),
        "001000",
        sets="set known$n { type ipv4_addr; size 100; flags dynamic; }",
        tables="table known$n key src size 100",
    ),
    Scenario(
        "over a rate, banned for a while",
        """
            ip saddr @banned$n drop
            udp dport 53 limit rate over 1/second burst 2 packets add @banned$n { ip saddr timeout 3s } drop
            accept
        """,
        "drop src in banned$n\ndrop udp dst port 53 over 1/s burst 2 then add src to banned$n for 3s\npass",
        (*times(3, udp()), udp(service=54), udp(service=54, at=SOON), udp(at=LATER)),
        "110001",
        sets="set banned$n { type ipv4_addr; size 100; flags dynamic,timeout; }",
        tables="table banned$n key src timeout 1h size 100",
    ),
    Scenario(
        "knocking at two ports",
        """
            udp dport 7 add @one$n { ip saddr timeout 3s } drop
            udp dport 8 ip saddr @one$n add @two$n { ip saddr timeout 3s } drop
            tcp dport 22 ip saddr @two$n accept
        """,
        """
            drop udp dst port 7 then add src to one$n for 3s
            drop udp dst port 8 and src in one$n then add src to two$n for 3s
            pass tcp dst port 22 and src in two$n
        """,
        (
            udp(service=8),
            tcp("client", "S", service=22),
            udp(service=7),
            tcp("client", "S", service=22),
            udp(service=8),
            tcp("client", "S", service=22),
            tcp("client", "S", service=22, host=2),
            tcp("client", "S", service=22, port=40001, at=LATER),
        ),
        "00000100",
        sets="""
            set one$n { type ipv4_addr; size 100; flags dynamic,timeout; }
            set two$n { type ipv4_addr; size 100; flags dynamic,timeout; }
        """,
        tables="table one$n key src timeout 1h size 100\ntable two$n key src timeout 1h size 100",
    ),
    Scenario(
        "a set of pairs",
        "udp dport 7 add @pairs$n { ip saddr . udp sport } drop\nip saddr . udp sport @pairs$n accept",
        "drop udp dst port 7 then add (src, src port) to pairs$n\npass (src, src port) in pairs$n",
        (udp(service=7), udp(), udp(port=40001), udp(host=2)),
        "0100",
        sets="set pairs$n { type ipv4_addr . inet_service; size 100; flags dynamic; }",
        tables="table pairs$n key (src, src port) size 100",
    ),
    Scenario(
        "a full set",
        "udp dport 7 add @few$n { ip saddr } accept",
        "pass udp dst port 7 then add src to few$n",
        tuple(udp(service=7, host=host) for host in (1, 2, 3, 1)),
        "1101",
        "1111",
        sets="set few$n { type ipv4_addr; size 2; flags dynamic; }",
        tables="table few$n key src size 2",
    ),
)
