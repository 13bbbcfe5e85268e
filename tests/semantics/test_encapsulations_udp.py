"""Geneve and GTP, cut at every byte: headers by hand from RFC 8926 and 3GPP TS 29.281, truths from ADR 0002."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import Layer, ether, ip4, ip6, tag, tcp, udp
from ebpfc.testing.truth_tables import Row, rows

IPV4 = ip4(tcp(dport=80), src="10.1.0.1", dst="10.1.0.2").data
IPV6 = ip6(tcp(dport=80)).data


def geneve(header: str, inside: bytes, port: int = 6081) -> Layer:
    return udp(bytes.fromhex(header) + inside, dport=port)


def gtp(header: str, inside: bytes = IPV4, port: int = 2152) -> Layer:
    return udp(bytes.fromhex(header) + inside, dport=port)


GENEVE: dict[str, tuple[bytes, str]] = {
    "Geneve at 42, Ethernet at 50, its IP at 64": (
        ether(ip4(geneve("0000 6558 000005 00", ether(ip4(tcp(dport=80), src="10.1.0.1"))))),
        """
        geneve                         ? 46T
        not geneve                     ? 46F
        geneve 5                       ? 49T
        geneve 6                       ? 49F
        geneve {1, 4-6}                ? 49T
        geneve port 6081               ? 46T
        geneve 5 port 6082             ? 38F
        vxlan                          ? 38F
        gtp                            ? 38F
        gre                            ? 24F
        geneve.vni = 5                 ? 49T
        geneve.type = 0x6558           ? 46T
        geneve.optlen = 0              ? 46T
        geneve in {5}                  ? 49T
        udp                            ? 24T
        geneve and ip                  ? 64T
        geneve and tcp                 ? 74T
        geneve and udp                 ? 74F
        geneve and tcp port 80         ? 88T
        geneve and src host 10.1.0.1   ? 80T
        geneve and vlan                ? 64F
        geneve and ether src 02:00:00:00:00:01  ? 62T
        geneve and ether proto 0x0800  ? 64T
        geneve 5 and geneve.vni = 5    ? 49T
        geneve and geneve              ? 74F
        geneve and outer udp           ? 46T
        (geneve) and udp               ? 46T
        geneve and malformed           ? 46T 104F
        malformed                      T 104F
        """,
    ),
    "eight bytes of options, IPv4 alone at 58": (
        ether(ip4(geneve("0200 0800 000007 00 0102030102030400", IPV4))),
        """
        geneve 7                       ? 49T
        geneve.optlen = 2              ? 46T
        geneve and ip                  ? 46T
        geneve and ip6                 ? 46F
        geneve and arp                 ? 46F
        geneve and stp                 ? 46F
        geneve and mpls                ? 46F
        geneve and vlan                ? 46F
        geneve and not vlan            ? 46T
        geneve and vlan.id = 0         ? 46F
        geneve and ether src 02:00:00:00:00:01  ? 46F
        geneve and not ether host 02:00:00:00:00:01  ? 46T
        geneve and multicast           ? 46F
        geneve and not broadcast       ? 46T
        geneve and ip multicast        ? 75F
        geneve and ether[0] = 2        ? 46F
        geneve and ether[0] != 2       ? 46F
        geneve and ether.type = 0x0800 ? 46F
        geneve and ether proto 0x0800  ? 46F
        geneve and outer ether src 02:00:00:00:00:01  ? 46T
        geneve and tcp                 ? 68T
        geneve and src host 10.1.0.1   ? 74T
        geneve and tcp port 80         ? 82T
        geneve and ip.ttl = 64         ? 67T
        geneve and malformed           ? 46T 98F
        malformed                      T 98F
        """,
    ),
    "over IPv6 and IPv6 alone: Geneve at 62, IP at 70": (
        ether(ip6(geneve("0000 86dd 000000 00", IPV6))),
        """
        geneve                         ? 66T
        geneve 0                       ? 69T
        geneve and ip6                 ? 66T
        geneve and ip                  ? 66F
        geneve and tcp                 ? 77T
        geneve and tcp port 80         ? 114T
        geneve and malformed           ? 66T 130F
        """,
    ),
    "a tag in its Ethernet frame, and one outside: Geneve at 46, its frame at 54": (
        ether(tag(ip4(geneve("0000 6558 000005 00", ether(tag(ip4(tcp(dport=80)), 9)))), 4)),
        """
        geneve                         ? 50T
        vlan 4 and geneve              ? 50T
        geneve and vlan                ? 68T
        geneve and vlan 9              ? 70T
        geneve and vlan.id = 9         ? 70T
        geneve and vlan and vlan.type = 0x0800  ? 72T
        geneve and vlan 9 and tcp port 80       ? 96T
        geneve and outer vlan.id = 4   ? 50T
        """,
    ),
    "another protocol type is no known type": (
        ether(ip4(geneve("0000 0806 000005 00", IPV4))),
        """
        geneve 5                       ? 49T
        geneve and ip                  ? 46F
        geneve and ip6                 ? 46F
        geneve and arp                 ? 46F
        geneve and not tcp             ? 46T
        geneve and fragment            ? 46F
        geneve and stp                 ? 46F
        geneve and pppoes              ? 46F
        geneve and vlan                ? 46F
        geneve and malformed           ? 46F
        """,
    ),
    "version 1 is none": (
        ether(ip4(geneve("4000 6558 000005 00", IPV4))),
        """
        geneve                         ? 43F
        not geneve                     ? 43T
        geneve 5                       ? 43F
        geneve.vni = 5                 ? 43F
        geneve and ip                  ? 43F
        malformed                      T 90F
        """,
    ),
    "nothing inside": (
        ether(ip4(geneve("0000 0800 000005 00", b""))),
        """
        geneve and ip                  ? 46T
        geneve and tcp                 ?
        geneve and not tcp             ?
        geneve and malformed           ? 46T
        malformed                      T 50F
        """,
    ),
    "on another port": (
        ether(ip4(geneve("0000 0800 000005 00", IPV4, port=7000))),
        """
        geneve                         ? 38F
        geneve.vni = 5                 ? 38F
        geneve port 7000               ? 46T
        geneve port 7000 and geneve.vni = 5        ? 49T
        geneve port 7000 and outer geneve.vni = 5  ? 38F
        geneve port 7000 and tcp port 80           ? 74T
        """,
    ),
    "a later fragment has no header": (
        ether(ip4(geneve("0000 0800 000005 00", IPV4), offset=1)),
        """
        geneve                         ? 22F
        geneve.vni = 5                 ? 22F
        """,
    ),
}

GTP: dict[str, tuple[bytes, str]] = {
    "GTP at 42, IPv4 at 50": (
        ether(ip4(gtp("30 ff 0028 00000007"))),
        """
        gtp                            ? 44T
        gtp 7                          ? 50T
        gtp 8                          ? 50F
        not gtp 8                      ? 50T
        gtp port 2153                  ? 38F
        geneve                         ? 38F
        gtp.teid = 7                   ? 50T
        gtp.flags = 0x30               ? 44T
        gtp.type = 255                 ? 44T
        gtp.length = 40                ? 46T
        gtp and ip                     ? 51T
        gtp and ip6                    ? 51F
        gtp and vlan                   ? 44F
        gtp and ether multicast        ? 44F
        gtp and tcp                    ? 60T
        gtp and tcp port 80            ? 74T
        gtp 7 and src host 10.1.0.1    ? 66T
        gtp and malformed              ? 44T 90F
        malformed                      T 90F
        """,
    ),
    "with a sequence number, IPv6 at 54": (
        ether(ip6(gtp("32 ff 0040 00000007 0001 00 85", IPV6))),
        """
        gtp                            ? 64T
        gtp and ip6                    ? 75T
        gtp and tcp port 80            ? 118T
        """,
    ),
    "one extension header of four bytes, IPv4 at 58": (
        ether(ip4(gtp("34 ff 0030 00000007 0000 00 85 01 100900"))),
        """
        gtp 7                          ? 50T
        gtp and ip                     ? 59T
        gtp and tcp port 80            ? 82T
        gtp and malformed              ? 44T 98F
        """,
    ),
    "four of them, the second of twelve bytes, IPv4 at 78": (
        ether(ip4(gtp("36 ff 0044 00000007 0000 00 85 01 000020 03 0000000000000000000040 01 000085 01 000000"))),
        """
        gtp                            ? 44T
        gtp and ip                     ? 79T
        gtp and tcp port 80            ? 102T
        gtp and malformed              ? 44T 118F
        malformed                      T 118F
        """,
    ),
    "five are too many": (
        ether(ip4(gtp("34 ff 0040 00000007 0000 00 85" + " 01 000085" * 4 + " 01 000000"))),
        """
        gtp 7                          ? 50T
        gtp and ip                     ?
        gtp and not ip                 ?
        gtp and vlan                   ? 44F
        gtp and malformed              ? 44T
        malformed                      T 114F
        """,
    ),
    "one of length 0": (
        ether(ip4(gtp("34 ff 0030 00000007 0000 00 85 00 000000"))),
        """
        gtp and ip                     ?
        gtp and malformed              ? 44T
        """,
    ),
    "none behind the flag of one": (
        ether(ip4(gtp("34 ff 002c 00000007 0000 00 00"))),
        """
        gtp and ip                     ? 55T
        """,
    ),
    "a type of extension header without its flag": (
        ether(ip4(gtp("31 ff 002c 00000007 0000 01 85"))),
        """
        gtp and ip                     ? 55T
        """,
    ),
    "neither IPv4 nor IPv6 inside": (
        ether(ip4(gtp("30 ff 0001 00000007", b"\x50"))),
        """
        gtp and ip                     ? 51F
        gtp and arp                    ? 51F
        gtp and tcp                    ? 51F
        gtp and malformed              ? 44T 51F
        """,
    ),
    "an echo request carries no packet": (
        ether(ip4(gtp("32 01 0004 00000000 0001 00 00", b""))),
        """
        gtp                            ? 44F
        gtp.teid = 0                   ? 44F
        malformed                      T 54F
        """,
    ),
    "version 2 is none": (
        ether(ip4(gtp("48 ff 0028 00000007"))),
        """
        gtp                            ? 43F
        gtp and ip                     ? 43F
        """,
    ),
    "GTP' is none": (
        ether(ip4(gtp("20 ff 0028 00000007"))),
        """
        gtp                            ? 43F
        not gtp                        ? 43T
        """,
    ),
    "on another port": (
        ether(ip4(gtp("30 ff 0028 00000007", port=2153))),
        """
        gtp                            ? 38F
        gtp 7 port 2153 and tcp        ? 60T
        gtp port 2153 and gtp.teid = 7 ? 50T
        """,
    ),
}


@pytest.mark.parametrize("row", [*rows(GENEVE), *rows(GTP)], ids=str)
def test_known_from(row: Row) -> None:
    assert not row.wrong()
