"""GRE and IP in IP, cut at every byte: headers by hand from RFC 2784, 2890, 2003 and 4213, truths from ADR 0002."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import Layer, arp, ether, extension, fragment, ip4, ip6, raw, tag, tcp
from ebpfc.testing.truth_tables import Row, rows

IPV4 = ip4(tcp(dport=80), src="10.1.0.1", dst="10.1.0.2").data
IPV6 = ip6(tcp(dport=80)).data


def gre(header: str, inside: bytes) -> Layer:
    return raw(47, bytes.fromhex(header) + inside)


GRE: dict[str, tuple[bytes, str]] = {
    "GRE at 34, IPv4 at 38": (
        ether(ip4(gre("0000 0800", IPV4))),
        """
        gre                            ? 38T
        not gre                        ? 38F
        gre 5                          ? 38F
        not gre 5                      ? 38T
        gre.key = 0                    ? 38F
        gre.key != 0                   ? 38F
        gre.flags = 0                  ? 38T
        gre.type = 0x0800              ? 38T
        ipip                           ? 24F
        ip proto 47                    ? 24T
        udp                            ? 24F
        gre and ip                     ? 38T
        gre and ip6                    ? 38F
        gre and vlan                   ? 38F
        gre and ether dst 02:00:00:00:00:02  ? 38F
        gre and tcp                    ? 48T
        gre and tcp port 80            ? 62T
        gre and src host 10.1.0.1      ? 54T
        gre and src host 10.0.0.1      ? 54F
        gre and outer src host 10.0.0.1      ? 38T
        gre and malformed              ? 38T 78F
        malformed                      T 78F
        """,
    ),
    "a key at 38, IPv4 at 42": (
        ether(ip4(gre("2000 0800 00000005", IPV4))),
        """
        gre                            ? 38T
        gre 5                          ? 42T
        gre 6                          ? 42F
        gre {5, 7-9}                   ? 42T
        gre.key = 5                    ? 42T
        gre in {5}                     ? 42T
        gre and gre.key = 5            ? 42T
        gre and ip                     ? 38T
        gre 5 and tcp                  ? 52T
        gre 6 and tcp                  ? 42F
        malformed                      T 82F
        """,
    ),
    "checksum, key at 42, sequence number, a tagged frame at 50": (
        ether(ip4(gre("b000 6558 abcd0000 00000005 00000001", ether(tag(ip4(tcp(dport=80)), 9))))),
        """
        gre                            ? 38T
        gre 5                          ? 46T
        gre 0                          ? 46F
        gre.key = 5                    ? 46T
        gre and ether src 02:00:00:00:00:01  ? 62T
        gre and vlan                   ? 64T
        gre and not vlan               ? 64F
        gre and vlan 9                 ? 66T
        gre and ip                     ? 68T
        gre 5 and vlan 9 and tcp port 80     ? 92T
        gre and malformed              ? 38T 108F
        """,
    ),
    "a checksum and no key": (
        ether(ip4(gre("8000 0800 abcd0000", IPV4))),
        """
        gre 0                          ? 38F
        gre.key = 0                    ? 38F
        gre and tcp                    ? 52T
        """,
    ),
    "a sequence number and no key": (
        ether(ip4(gre("1000 0800 00000001", IPV4))),
        """
        gre 1                          ? 38F
        gre and tcp                    ? 52T
        """,
    ),
    "other bits say nothing of words": (
        ether(ip4(gre("4f00 0800", IPV4))),
        """
        gre 5                          ? 38F
        gre and tcp                    ? 48T
        """,
    ),
    "over IPv6 behind an extension header, IPv6 inside: GRE at 62, IP at 66": (
        ether(ip6(extension(60, gre("0000 86dd", IPV6)))),
        """
        gre                            ? 66T
        gre and ip6                    ? 66T
        gre and ip                     ? 66F
        gre and tcp                    ? 73T
        gre and tcp port 80            ? 110T
        """,
    ),
    "version 1 is PPTP's": (
        ether(ip4(gre("3081 880b 00000005", IPV4))),
        """
        gre                            ? 36F
        not gre                        ? 36T
        gre 5                          ? 36F
        gre.key = 5                    ? 36F
        gre and ip                     ? 36F
        malformed                      T 82F
        """,
    ),
    "another protocol type is no known type": (
        ether(ip4(gre("0000 8847", IPV4))),
        """
        gre and ip                     ? 38F
        gre and mpls                   ? 38F
        gre and tcp                    ? 38F
        gre and vlan                   ? 38F
        gre and malformed              ? 38F
        """,
    ),
    "a later fragment has no header": (
        ether(ip4(gre("0000 0800", IPV4), offset=1)),
        """
        gre                            ? 22F
        ip proto 47                    ? 24T
        gre.type = 0x0800              ? 22F
        """,
    ),
    "a first fragment has": (
        ether(ip4(gre("0000 0800", IPV4), more=True)),
        """
        gre and tcp                    ? 48T
        """,
    ),
    "without a place": (
        ether(ip4(gre("0000 0800", IPV4), ihl=4)),
        """
        gre                            ?
        gre and vlan                   ?
        gre.type = 0x0800              ?
        """,
    ),
    "another protocol": (ether(ip4(tcp())), "gre ? 24F"),
    "no IP": (ether(arp()), "gre ? 14F"),
}

IPIP: dict[str, tuple[bytes, str]] = {
    "IPv4 in IPv4: IP at 34, TCP at 54": (
        ether(ip4(raw(4, IPV4))),
        """
        ipip                           ? 24T
        not ipip                       ? 24F
        gre                            ? 24F
        ipip and ip                    ? 24T
        ipip and ip6                   ? 24F
        ipip and vlan                  ? 24F
        ipip and ether src 02:00:00:00:00:01  ? 24F
        ipip and tcp                   ? 44T
        ipip and tcp port 80           ? 58T
        ipip and src host 10.1.0.1     ? 50T
        ipip and outer src host 10.0.0.1      ? 30T
        ipip and ipip                  ? 44F
        ipip and malformed             ? 24T 74F
        malformed                      T 74F
        """,
    ),
    "IPv6 in IPv4": (
        ether(ip4(raw(41, IPV6))),
        """
        ipip                           ? 24T
        ipip and ip6                   ? 24T
        ipip and ip                    ? 24F
        ipip and tcp                   ? 41T
        ipip and tcp port 80           ? 78T
        """,
    ),
    "IPv4 in IPv6 behind an extension header: at 62": (
        ether(ip6(extension(60, raw(4, IPV4)))),
        """
        ipip                           ? 56T
        ipip and ip                    ? 56T
        ipip and tcp port 80           ? 86T
        """,
    ),
    "IPv6 in IPv6 behind two tags: at 62": (
        ether(tag(tag(ip6(raw(41, IPV6)), 2), 1)),
        """
        ipip                           ? 29T
        vlan 1 and vlan 2 and ipip and tcp port 80  ? 106T
        ipip and vlan                  ? 29F
        """,
    ),
    "the protocol decides of the header, the place of what is inside": (
        ether(ip4(raw(4, IPV4), ihl=4)),
        """
        ipip                           ? 24T
        ipip and ip                    ?
        ipip and not ip6               ?
        ipip and tcp                   ?
        ipip and vlan                  ? 24F
        ipip and malformed             ? 24T
        """,
    ),
    "a version that is not the protocol's": (
        ether(ip4(raw(4, ip4(tcp(dport=80), version=6).data))),
        """
        ipip and ip                    ? 24T
        ipip and tcp                   ? 44T
        ipip and tcp port 80           ?
        ipip and malformed             ? 24T
        """,
    ),
    "a later fragment has nothing inside": (
        ether(ip6(fragment(raw(41, IPV6), offset=1))),
        """
        ipip                           ? 58F
        ip6 proto 41                   ? 58T
        """,
    ),
    "another protocol": (ether(ip4(tcp())), "ipip ? 24F"),
    "no IP": (ether(arp()), "ipip ? 14F"),
}


@pytest.mark.parametrize("row", [*rows(GRE), *rows(IPIP)], ids=str)
def test_known_from(row: Row) -> None:
    assert not row.wrong()
