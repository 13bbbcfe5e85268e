"""`stp` and `protochain`, cut at every byte: by hand from ADR 0002, rules 9 and 10."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import arp, authentication, ether, extension, fragment, ip4, ip6, raw, tag, tcp, vxlan
from ebpfc.testing.truth_tables import Row, rows

BPDU = b"\x42\x42\x03" + bytes(35)

TABLES: dict[str, tuple[bytes, str]] = {
    "a spanning tree's message: LLC at 14": (
        ether(raw(38, BPDU)),
        """
        stp                            ? 15T
        not stp                        ? 15F
        ip                             ? 14F
        mpls                           ? 14F
        vlan                           ? 14F
        vlan and stp                   ? 14F
        """,
    ),
    "the longest length": (ether(raw(1500, BPDU)), "stp ? 15T"),
    "a type that is no length": (ether(raw(1501, BPDU)), "stp ? 14F"),
    "another DSAP": (ether(raw(38, b"\xaa\xaa\x03")), "stp ? 15F"),
    "IPv4": (ether(ip4(tcp())), "stp ? 14F"),
    "behind two tags: at 22": (
        ether(tag(tag(raw(38, BPDU), 2), 1)),
        """
        stp                            ? 23T
        vlan 1 and stp                 ? 23T
        """,
    ),
    "behind three": (ether(tag(tag(tag(raw(38, BPDU))))), "stp ?"),
    "in VXLAN: at 64": (
        ether(ip4(vxlan(ether(raw(38, BPDU))))),
        """
        vxlan and stp                  ? 65T
        vxlan and outer stp            ? 14F
        """,
    ),
    "IPv4 and TCP": (
        ether(ip4(tcp())),
        """
        ip protochain 6                ? 24T
        ip protochain 17               ? 24F
        ip6 protochain 6               ? 14F
        protochain 6                   ? 24T
        protochain {1, 6}              ? 24T
        not protochain 17              ? 24T
        """,
    ),
    "IPv4, an authentication header at 34, and TCP": (
        ether(ip4(authentication(tcp()))),
        """
        ip protochain 51               ? 24T
        ip protochain 6                ? 35T
        ip protochain 17               ? 35F
        protochain 6                   ? 35T
        protochain {17, 6}             ? 35T
        ip6 protochain 6               ? 14F
        ip proto 6                     ? 24F
        """,
    ),
    "of two authentication headers one is looked through": (
        ether(ip4(authentication(authentication(tcp())))),
        """
        ip protochain 51               ? 24T
        ip protochain 6                ? 35F
        """,
    ),
    "an authentication header without a place": (
        ether(ip4(authentication(tcp()), ihl=4)),
        """
        ip protochain 51               ? 24T
        ip protochain 6                ?
        """,
    ),
    "and in a later fragment": (
        ether(ip4(authentication(tcp()), offset=1)),
        """
        ip protochain 51               ? 24T
        ip protochain 6                ? 24F
        """,
    ),
    "IPv6 and extension headers at 54 and 62": (
        ether(ip6(extension(0, authentication(tcp(), size=12)))),
        """
        ip6 protochain 0               ? 21T
        ip6 protochain 51              ? 56T
        ip6 protochain 6               ? 64T
        ip6 protochain 17              ? 64F
        ip protochain 6                ? 14F
        protochain 6                   ? 64T
        """,
    ),
    "a later fragment of IPv6": (ether(ip6(fragment(tcp(), offset=1))), "ip6 protochain 6 ? 58T"),
    "no IP": (ether(arp()), "protochain 6 ? 14F"),
}


@pytest.mark.parametrize("row", rows(TABLES), ids=str)
def test_known_from(row: Row) -> None:
    assert not row.wrong()
