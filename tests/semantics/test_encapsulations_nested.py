"""Encapsulations in one another, and which header `KIND.FIELD` names: by hand from ADR 0002, rules 2, 4 and 7."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import Layer, ether, ip4, ip6, raw, tag, tcp, udp, vxlan
from ebpfc.testing.random_policies import checked_policy
from ebpfc.testing.semantics import Frame, judge
from ebpfc.testing.truth_tables import Row, rows

IPV4 = ip4(tcp(dport=80)).data
IPV6 = ip6(tcp(dport=80)).data
ON, BOTTOM = "00064040", "000c8140"  # MPLS labels 100 and 200; the second is the bottom of the stack


def gre(key: int, inside: bytes = IPV4) -> Layer:
    return raw(47, bytes.fromhex("20000800") + key.to_bytes(4, "big") + inside)


def mpls(entries: str, inside: bytes = IPV4) -> Layer:
    return raw(0x8847, bytes.fromhex(entries) + inside)


GTP = udp(bytes.fromhex("30 ff 003c 00000007") + IPV6, dport=2152)
SIX_IN_FOUR = ip4(raw(41, IPV6)).data

TABLES: dict[str, tuple[bytes, str]] = {
    "GRE in VXLAN: frame at 50, IP at 64, GRE at 84, IP at 92": (
        ether(ip4(vxlan(ether(ip4(gre(5))), 7))),
        """
        gre                            ? 24F
        vxlan and gre                  ? 88T
        vxlan and gre 5                ? 92T
        vxlan 7 and gre 5 and tcp      ? 102T
        vxlan 7 and gre 5 and tcp port 80  ? 116T
        vxlan and gre and vlan         ? 88F
        vxlan and vlan                 ? 64F
        (vxlan and gre) and udp        ? 88T
        vxlan and (gre and tcp) and tcp    ? 74F
        vxlan and (gre and tcp) and ip proto 47  ? 102T
        vxlan.vni = 7                  ? 49T
        gre.key = 5                    ? 24F
        vxlan and gre.key = 5          ? 92T
        vxlan and gre and gre.key = 5  ? 92T
        vxlan and gre and vxlan.vni = 7        ? 88T
        vxlan and gre and outer vxlan.vni = 7  ? 88T
        vxlan and gre and outer gre.key = 5    ? 24F
        vxlan and gre and outer udp    ? 88T
        vxlan and malformed            ? 43T 132F
        vxlan and gre and malformed    ? 88T 132F
        """,
    ),
    "GRE in GRE: the header at 34 and at 62, IP at 42 and at 70": (
        ether(ip4(gre(5, ip4(gre(6)).data))),
        """
        gre 5 and gre 6                ? 70T
        gre 6                          ? 42F
        gre.key = 5                    ? 42T
        gre and gre.key = 5            ? 42T
        gre and gre and gre.key = 6    ? 70T
        gre and gre and outer gre.key = 5  ? 66T
        gre and (gre 6) and gre.key = 5    ? 70T
        gre and gre and tcp port 80    ? 94T
        """,
    ),
    "IP in IP in IP: IP at 34 and at 54": (
        ether(ip4(raw(4, SIX_IN_FOUR))),
        """
        ipip and ip                    ? 24T
        ipip and ipip                  ? 44T
        ipip and ipip and ip6          ? 44T
        ipip and ipip and tcp port 80  ? 98T
        """,
    ),
    "GTP behind a tag and a label: label at 18, IP at 22, GTP at 50, IP at 58": (
        ether(tag(mpls(BOTTOM, ip4(GTP).data), 3)),
        """
        gtp                            ? 18F
        vlan 3 and mpls 200 and gtp 7 and tcp port 80  ? 102T
        mpls and gtp                   ? 52T
        mpls and gtp and ip6           ? 59T
        mpls and gtp and vlan          ? 52F
        mpls and gtp and mpls.label = 200  ? 52T
        mpls and gtp and gtp.teid = 7  ? 58T
        mpls and gtp.teid = 7          ? 58T
        gtp.teid = 7                   ? 18F
        """,
    ),
    "6in4 in a PPPoE session: IP at 22 and at 42": (
        ether(raw(0x8864, bytes.fromhex("11 00 0009 0052 0021") + SIX_IN_FOUR)),
        """
        ipip                           ? 14F
        pppoes 9 and ipip              ? 32T
        pppoes 9 and ipip and tcp port 80     ? 86T
        pppoes and ipip and pppoes.session = 9  ? 32T
        """,
    ),
    "a label stack in Geneve: frame at 50, labels at 64, IP at 72": (
        ether(ip4(udp(bytes.fromhex("0000 6558 000005 00") + ether(mpls(ON + BOTTOM)), dport=6081))),
        """
        mpls                           ? 14F
        geneve and mpls 100            ? 68T
        geneve and mpls 100 and mpls 200         ? 72T
        geneve and mpls and mpls and tcp port 80 ? 96T
        geneve and mpls.label = 100    ? 68T
        mpls.label = 100               ? 14F
        geneve and mpls and mpls and mpls.label = 200  ? 72T
        geneve and mpls and mpls and geneve.vni = 5    ? 67T
        geneve and malformed           ? 46T 72F
        """,
    ),
    "what is not there has nothing known inside": (
        ether(ip4(vxlan(ether(ip4(tcp(dport=80))), 7))),
        """
        gre and ip                     ? 24F
        not (gre and ip)               ? 24T
        gre or (vxlan and gre and ip)  ? 74F
        vxlan and gre.key = 5          ? 74F
        vxlan and not gre              ? 74T
        """,
    ),
}


@pytest.mark.parametrize("row", rows(TABLES), ids=str)
def test_known_from(row: Row) -> None:
    assert not row.wrong()


POLICY = """
default drop
if mpls {
    pass mpls 200
    if gre 5 {
        pass tcp port 80
    } else {
        pass ipip
    }
}
pass gre
"""


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ether(mpls(ON + BOTTOM)), ("pass", 0)),
        (ether(mpls(BOTTOM)), ("drop", None)),
        (ether(mpls(BOTTOM, ip4(gre(5)).data)), ("pass", 1)),
        (ether(mpls(BOTTOM, ip4(gre(6)).data)), ("drop", None)),
        (ether(mpls(BOTTOM, SIX_IN_FOUR)), ("pass", 2)),
        (ether(ip4(gre(6))), ("pass", 3)),
        (ether(ip4(raw(4, SIX_IN_FOUR))), ("drop", None)),
    ],
)
def test_a_block_reads_what_its_head_opened(frame: bytes, expected: tuple[str, int | None]) -> None:
    """`mpls` in the block is the second label, as in the chain."""
    policy, sink = checked_policy(POLICY)
    assert policy is not None, sink.items
    decision = judge(policy, Frame(frame), "inbound")
    assert (decision.verdict, decision.rule) == expected
