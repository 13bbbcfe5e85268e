"""MPLS and PPPoE, cut at every byte: headers by hand from RFC 3032 and 2516, truths from ADR 0002."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import Layer, ether, ip4, ip6, raw, tag, tcp
from ebpfc.testing.truth_tables import Row, rows

IPV4 = ip4(tcp(dport=80), src="10.1.0.1", dst="10.1.0.2").data
IPV6 = ip6(tcp(dport=80)).data
ON, BOTTOM = "00064040", "000c8140"  # labels 100 and 200, TTL 64; the second is the bottom of the stack


def mpls(entries: str, inside: bytes = IPV4, ethertype: int = 0x8847) -> Layer:
    return raw(ethertype, bytes.fromhex(entries) + inside)


def pppoe(header: str, inside: bytes, ethertype: int = 0x8864) -> Layer:
    return raw(ethertype, bytes.fromhex(header) + inside)


MPLS: dict[str, tuple[bytes, str]] = {
    "one label, IPv4 at 18": (
        ether(mpls("000c8140")),
        """
        mpls                           ? 14T
        not mpls                       ? 14F
        mpls 200                       ? 18T
        mpls 201                       ? 18F
        mpls {100, 200}                ? 18T
        mpls.label = 200               ? 18T
        mpls.bos = 1                   ? 18T
        mpls.ttl = 64                  ? 18T
        mpls.tc = 0                    ? 18T
        mpls in {200}                  ? 18T
        ip                             ? 14F
        tcp                            ? 14F
        pppoes                         ? 14F
        mpls and mpls                  ? 17F
        mpls and mpls 200              ? 17F
        mpls and not mpls              ? 17T
        mpls and mpls.label = 200      ? 18T
        mpls and ip                    ? 19T
        mpls and ip6                   ? 19F
        mpls and arp                   ? 19F
        mpls and vlan                  ? 14F
        mpls and ether src 02:00:00:00:00:01  ? 14F
        mpls and outer ether src 02:00:00:00:00:01  ? 14T
        mpls and tcp                   ? 28T
        mpls 200 and tcp port 80       ? 42T
        mpls and src host 10.1.0.1     ? 34T
        mpls and malformed             ? 14T 58F
        malformed                      T 18F
        """,
    ),
    "two labels, multicast type, IPv6 at 22": (
        ether(mpls(ON + BOTTOM, IPV6, 0x8848)),
        """
        mpls                           ? 14T
        mpls 100                       ? 18T
        mpls 200                       ? 18F
        mpls and mpls                  ? 17T
        mpls and not mpls              ? 17F
        mpls 100 and mpls 200          ? 22T
        mpls 100 and mpls 100          ? 22F
        mpls and (mpls 200 or mpls 300)  ? 22T
        mpls and not mpls 300          ? 22T
        (mpls) and mpls 100            ? 18T
        (mpls and mpls) and mpls 200   ? 18F
        mpls.label = 100               ? 18T
        mpls and mpls.label = 100      ? 18T
        mpls and mpls and mpls.label = 200        ? 22T
        mpls and mpls and outer mpls.label = 100  ? 18T
        mpls and ip6                   ? 23T
        mpls and mpls and ip6          ? 23T
        mpls and tcp port 80           ? 66T
        mpls and mpls and tcp port 80  ? 66T
        mpls and mpls and vlan         ? 14F
        mpls and mpls and not vlan     ? 17T
        malformed                      T 22F
        """,
    ),
    "three labels, one behind those asked for, IPv4 at 26": (
        ether(mpls(ON + ON + BOTTOM)),
        """
        mpls and mpls and ip           ? 27T
        mpls and mpls 100 and tcp      ? 36T
        malformed                      T 26F
        """,
    ),
    "four labels": (
        ether(mpls(ON * 3 + BOTTOM)),
        """
        mpls and ip                    ? 31T
        mpls and tcp port 80           ? 54T
        mpls and malformed             ? 14T 70F
        malformed                      T 30F
        """,
    ),
    "five are past the parser's limit": (
        ether(mpls(ON * 4 + BOTTOM)),
        """
        mpls 100 and mpls 100          ? 22T
        mpls and ip                    ?
        mpls and not ip6               ?
        mpls and vlan                  ? 14F
        mpls and malformed             ? 14T
        malformed                      T
        """,
    ),
    "behind two tags: labels at 22": (
        ether(tag(tag(mpls(ON + BOTTOM), 2), 1)),
        """
        mpls                           ? 22T
        vlan 1 and mpls 100            ? 26T
        vlan 1 and vlan 2 and mpls 100 and mpls 200 and tcp port 80  ? 54T
        mpls and outer vlan.id = 1     ? 22T
        malformed                      T 30F
        """,
    ),
    "neither IPv4 nor IPv6 behind the stack": (
        ether(mpls(BOTTOM, b"\x00\x00\x00\x01" + ether(ip4(tcp())))),
        """
        mpls and ip                    ? 19F
        mpls and arp                   ? 19F
        mpls and not tcp               ? 19T
        mpls and malformed             ? 14T 19F
        """,
    ),
    "a label of each bit": (
        ether(mpls("abcde f 01".replace(" ", ""))),
        """
        mpls 0xabcde                   ? 18T
        mpls.tc = 7                    ? 18T
        mpls.bos = 1                   ? 18T
        mpls.ttl = 1                   ? 18T
        """,
    ),
    "no label where the type is another": (
        ether(ip4(tcp())),
        """
        mpls                           ? 14F
        mpls.label = 0                 ? 14F
        mpls and mpls                  ? 14F
        mpls and ip                    ? 14F
        """,
    ),
    "three tags hide the type": (
        ether(tag(tag(tag(mpls(BOTTOM))))),
        """
        mpls                           ?
        mpls and vlan                  ?
        """,
    ),
}

PPPOE: dict[str, tuple[bytes, str]] = {
    "a session at 14, IPv4 at 22": (
        ether(pppoe("11 00 0009 002a 0021", IPV4)),
        """
        pppoes                         ? 14T
        pppoed                         ? 14F
        mpls                           ? 14F
        ip                             ? 14F
        pppoes 9                       ? 18T
        pppoes 8                       ? 18F
        pppoes {1-9}                   ? 18T
        pppoes.session = 9             ? 18T
        pppoes.length = 42             ? 20T
        pppoes.proto = 0x21            ? 22T
        pppoes in {9}                  ? 18T
        pppoes and ip                  ? 22T
        pppoes and ip6                 ? 22F
        pppoes and vlan                ? 14F
        pppoes and not ether host 02:00:00:00:00:01  ? 14T
        pppoes and pppoes              ? 22F
        pppoes and tcp                 ? 32T
        pppoes 9 and tcp port 80       ? 46T
        pppoes and pppoes.session = 9  ? 18T
        pppoes and malformed           ? 14T 62F
        malformed                      T 62F
        """,
    ),
    "IPv6 behind a tag: at 26": (
        ether(tag(pppoe("11 00 0009 003e 0057", IPV6), 3)),
        """
        pppoes                         ? 18T
        vlan 3 and pppoes 9 and ip6    ? 26T
        pppoes and tcp port 80         ? 70T
        """,
    ),
    "another PPP protocol is no known type": (
        ether(pppoe("11 00 0009 0006 c021", b"\x01\x01\x00\x04")),
        """
        pppoes                         ? 14T
        pppoes and ip                  ? 22F
        pppoes and tcp                 ? 22F
        pppoes and not ip6             ? 22T
        pppoes and stp                 ? 22F
        pppoes and malformed           ? 14T 22F
        malformed                      T 26F
        """,
    ),
    "discovery opens nothing": (
        ether(pppoe("11 09 0000 0004", b"\x01\x01\x00\x00", 0x8863)),
        """
        pppoed                         ? 14T
        pppoes                         ? 14F
        not pppoed                     ? 14F
        pppoed and ip                  ? 14F
        pppoed and pppoed              ? 14T
        pppoed and not vlan            ? 14T
        pppoed and ether src 02:00:00:00:00:01  ? 14T
        pppoes.session = 0             ? 14F
        malformed                      T 24F
        """,
    ),
}


@pytest.mark.parametrize("row", [*rows(MPLS), *rows(PPPOE)], ids=str)
def test_known_from(row: Row) -> None:
    assert not row.wrong()
