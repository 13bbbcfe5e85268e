"""Every test on one frame cut at every byte: when each becomes known, by hand from ADR 0001."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import (
    arp,
    authentication,
    ether,
    extension,
    extensions,
    fragment,
    ip4,
    ip6,
    tag,
    tcp,
    udp,
    vxlan,
)
from ebpfc.testing.truth_tables import Row, rows

INNER = ether(ip4(tcp(dport=80), src="10.1.0.1", dst="10.1.0.2"))

TABLES: dict[str, tuple[bytes, str]] = {
    "IPv4 and TCP: IP at 14, TCP at 34": (
        ether(ip4(tcp(dport=80))),
        """
        ip                             ? 14T
        ip6                            ? 14F
        arp                            ? 14F
        not ip                         ? 14F
        vlan                           ? 14F
        not vlan                       ? 14T
        vlan and vlan                  ? 14F
        vlan.id == 0                   ? 14F
        tcp                            ? 24T
        udp                            ? 24F
        not udp                        ? 24T
        icmp6                          ? 14F
        ip proto 6                     ? 24T
        ip6 proto 6                    ? 14F
        proto 6                        ? 24T
        proto {1, 17}                  ? 24F
        ether proto 0x0800             ? 14T
        src host 10.0.0.1              ? 30T
        dst host 10.0.0.2              ? 34T
        host 10.0.0.1                  ? 30T
        host 10.0.0.2                  ? 34T
        host 10.9.9.9                  ? 34F
        src and dst host 10.0.0.1      ? 34F
        src and dst net 10.0.0.0/8     ? 34T
        src net 10                     ? 30T
        src host 10.0.0.0-10.0.0.9     ? 30T
        net 10.0.0.1 mask 255.0.0.255  ? 30T
        src host 2001:db8::1           ? 14F
        src host {10.0.0.1, ::1}       ? 30T
        src in {10.0.0.0/8, ::1}       ? 30T
        ip src in {10.0.0.0/8}         ? 30T
        arp src host 10.0.0.1          ? 14F
        ip.saddr == 10.0.0.1           ? 30T
        ip.saddr != 10.0.0.1           ? 30F
        ip.saddr in {10.0.0.0/31}      ? 30T
        ip6.saddr == ::1               ? 14F
        ip6.saddr != ::1               ? 14F
        tcp src port 40000             ? 36T
        port 80                        ? 38T
        port 53                        ? 38F
        udp port 80                    ? 24F
        port {22, 79-81}               ? 38T
        dst port 22 or 80              ? 38T
        not tcp port 81                ? 38T
        tcp dst port in {80}           ? 38T
        tcp flags S/SA                 ? 48T
        tcp flags /A                   ? 48T
        tcp[13] & 2 != 0               ? 48T
        tcp[tcpflags] = tcp-syn        ? 48T
        tcp[0:4] = 0                   ? 38F
        tcp[12] / 16 = 5               ? 47T
        icmp[icmptype] = icmp-echo     ? 24F
        ether[12:2] = 0x0800           ? 14T
        ether src 02:00:00:00:00:01    ? 12T
        ether dst 02-00-00-00-00-02    ? 6T
        ether host 020000000001        ? 12T
        ether multicast                ? 1F
        ether broadcast                ? 6F
        multicast                      ? 1F
        ip multicast                   ? 31F
        ip6 multicast                  ? 14F
        fragment                       ? 22F
        first fragment                 ? 22F
        ip.ttl == 64                   ? 23T
        ip[8] = 64                     ? 23T
        ip6.hoplimit == 64             ? 14F
        ip[0] & 0xf = 5                ? 15T
        vxlan                          ? 24F
        less 53                        T 54F
        greater 20                     F 20T
        len = 54                       F 54T
        inbound                        T
        outbound                       F
        ifindex 1                      T
        malformed                      T 54F
        tcp port 80 or arp             ? 38T
        arp and tcp port 80            ? 14F
        ip or tcp port 81              ? 14T
        outer src host 10.0.0.1        ? 30T
        """,
    ),
    "a priority tag is a tag": (
        ether(tag(ip4(tcp(dport=80)), 0)),
        """
        vlan                           ? 14T
        vlan 0                         ? 16T
        vlan 5                         ? 16F
        vlan {1, 2}                    ? 16F
        vlan 0-7                       ? 16T
        not vlan                       ? 14F
        vlan and vlan                  ? 18F
        vlan and not vlan              ? 18T
        ip                             ? 18T
        tcp port 80                    ? 42T
        src host 10.0.0.1              ? 34T
        ether proto 0x8100             ? 14T
        ether proto 0x0800             ? 14F
        vlan and ether proto 0x0800    ? 18T
        vlan 0 and ether.type = 0x8100 ? 16T
        vlan.id == 0                   ? 16T
        vlan.pcp == 0                  ? 16T
        vlan.type == 0x0800            ? 18T
        vlan in {0, 1}                 ? 16T
        malformed                      T 58F
        """,
    ),
    "two tags, the outer one 802.1ad": (
        ether(tag(tag(ip4(udp(dport=53)), 7), 5, tpid=0x88A8)),
        """
        vlan 5                         ? 16T
        vlan 7                         ? 16F
        vlan 5 and vlan 7              ? 20T
        vlan 5 and vlan 8              ? 20F
        vlan and vlan 7                ? 20T
        vlan.id == 5                   ? 16T
        vlan and vlan.id == 5          ? 16T
        vlan and vlan.id == 7          ? 16F
        vlan and vlan and vlan.id == 7 ? 20T
        vlan and vlan and outer vlan.id == 5  ? 18T
        (vlan 5) and vlan 5            ? 16T
        (vlan 5) and vlan 7            ? 16F
        not vlan 6 and vlan 5          ? 16T
        vlan 5 and not vlan            ? 18F
        vlan 7 or vlan 5               ? 16T
        vlan 5 and (vlan 7 or ip)      ? 20T
        (vlan 5 and vlan 7) and vlan 5 ? 20T
        udp port 53                    ? 46T
        ip                             ? 22T
        ether proto 0x88a8             ? 14T
        vlan and ether proto 0x8100    ? 18T
        vlan and vlan and ether proto 0x0800  ? 22T
        malformed                      T 50F
        """,
    ),
    "three tags are past the parser's limit": (
        ether(tag(tag(tag(ip4(tcp(dport=80)), 3), 2), 1, tpid=0x9100)),
        """
        vlan 1 and vlan 2              ? 20T
        vlan and vlan and ether proto 0x8100  ? 22T
        ip                             ?
        not arp                        ?
        tcp port 80                    ?
        fragment                       ?
        ether src 02:00:00:00:00:01    ? 12T
        malformed                      T
        """,
    ),
    "ARP": (
        ether(arp()),
        """
        arp                            ? 14T
        rarp                           ? 14F
        tcp                            ? 14F
        fragment                       ? 14F
        src host 10.0.0.1              ? 32T
        dst host 10.0.0.2              ? 42T
        arp host 10.0.0.2              ? 42T
        src net 10.0.0.0/8             ? 32T
        src in {10.0.0.1}              ? 32T
        ip host 10.0.0.1               ? 14F
        ip.saddr == 10.0.0.1           ? 14F
        host ::1                       ? 14F
        arp.op == 1                    ? 22T
        arp[6:2] = 1                   ? 22T
        malformed                      T 42F
        """,
    ),
    "IPv4 options": (
        ether(ip4(tcp(dport=80), options=bytes(8))),
        """
        tcp                            ? 24T
        tcp port 80                    ? 46T
        malformed                      T 62F
        """,
    ),
    "an IHL under 5 leaves the transport's place unknown": (
        ether(ip4(tcp(dport=80), ihl=4)),
        """
        tcp                            ? 24T
        tcp port 80                    ?
        not tcp port 80                ?
        udp port 53                    ? 24F
        src host 10.0.0.1              ? 30T
        malformed                      T
        """,
    ),
    "a version that is not 4 does too": (
        ether(ip4(tcp(dport=80), version=6)),
        """
        ip                             ? 14T
        tcp                            ? 24T
        tcp port 80                    ?
        src host 10.0.0.1              ? 30T
        malformed                      T
        """,
    ),
    "a later fragment has no transport bytes": (
        ether(ip4(tcp(dport=80), offset=1)),
        """
        tcp                            ? 24T
        tcp port 80                    ? 22F
        not tcp port 80                ? 22T
        port 80                        ? 22F
        tcp[0] = 1                     ? 22F
        tcp[0] != 1                    ? 22F
        tcp flags S/SA                 ? 22F
        vxlan                          ? 22F
        fragment                       ? 22T
        first fragment                 ? 22F
        last fragment                  ? 22T
        malformed                      T 54F
        """,
    ),
    "a first fragment has": (
        ether(ip4(tcp(dport=80), more=True)),
        """
        fragment                       ? 22T
        first fragment                 ? 22T
        last fragment                  ? 22F
        tcp port 80                    ? 38T
        malformed                      T 54F
        """,
    ),
    "IPv6 and TCP: IP at 14, TCP at 54": (
        ether(ip6(tcp(dport=80))),
        """
        ip6                            ? 14T
        tcp                            ? 21T
        ip6 proto 6                    ? 21T
        ip proto 6                     ? 14F
        ip6 proto 0                    ? 21F
        icmp                           ? 14F
        tcp port 80                    ? 58T
        tcp[2:2] = 80                  ? 58T
        src host 2001:db8::1           ? 38T
        dst host 2001:db8::2           ? 54T
        src net 2001:db8::/32          ? 38T
        src host ::1-2001:db8::1       ? 38T
        src net ::/0                   ? 38T
        src host 10.0.0.1              ? 14F
        ip6 src in {2001:db8::/64}     ? 38T
        ip6.saddr == 2001:db8::1       ? 38T
        ip6 multicast                  ? 39F
        ip6.flowlabel == 0             ? 18T
        ip6[6] = 6                     ? 21T
        fragment                       ? 21F
        ah[0] = 6                      ? 21F
        malformed                      T 74F
        """,
    ),
    "hop-by-hop at 54, destination options at 62, TCP at 78": (
        ether(ip6(extension(0, extension(60, tcp(dport=80), size=16)))),
        """
        ip6 proto 0                    ? 21T
        ip6 proto 60                   ? 56T
        ip6 proto 6                    ? 64T
        ip6 proto 44                   ? 64F
        proto 60                       ? 56T
        tcp                            ? 64T
        udp                            ? 64F
        tcp port 80                    ? 82T
        fragment                       ? 64F
        malformed                      T 98F
        """,
    ),
    "a version that is not 6 stops the walk before it begins": (
        ether(ip6(extension(0, tcp(dport=80)), version=4)),
        """
        ip6                            ? 14T
        ip6 proto 0                    ?
        tcp                            ?
        fragment                       ?
        src host 2001:db8::1           ? 38T
        malformed                      T
        """,
    ),
    "and leaves the transport without a place": (
        ether(ip6(tcp(dport=80), version=4)),
        """
        tcp                            ? 21T
        tcp port 80                    ?
        fragment                       ? 21F
        malformed                      T
        """,
    ),
    "eight extension headers": (
        ether(ip6(extensions(8, tcp(dport=80)))),
        """
        tcp                            ? 112T
        tcp port 80                    ? 122T
        malformed                      T 138F
        """,
    ),
    "nine are one too many": (
        ether(ip6(extensions(8, extension(43, tcp(dport=80))))),
        """
        ip6 proto 60                   ? 21T
        ip6 proto 43                   ?
        tcp                            ?
        not tcp                        ?
        tcp port 80                    ?
        fragment                       ?
        malformed                      T
        """,
    ),
    "AH over IPv6": (
        ether(ip6(authentication(tcp(dport=80), size=24))),
        """
        ah                             ? 21T
        ip6 proto 51                   ? 21T
        ah[0] = 6                      ?
        tcp                            ? 56T
        tcp port 80                    ? 82T
        malformed                      T 98F
        """,
    ),
    "AH over IPv4": (
        ether(ip4(authentication(tcp(dport=80)))),
        """
        ah                             ? 24T
        ah[0] = 6                      ? 35T
        tcp                            ? 24F
        """,
    ),
    "a first fragment of IPv6": (
        ether(ip6(fragment(tcp(dport=80), more=True))),
        """
        fragment                       ? 58T
        first fragment                 ? 58T
        last fragment                  ? 58F
        ip6 proto 44                   ? 21T
        tcp                            ? 58T
        tcp port 80                    ? 66T
        malformed                      T 82F
        """,
    ),
    "an atomic fragment is none": (
        ether(ip6(fragment(tcp(dport=80)))),
        """
        fragment                       ? 58F
        last fragment                  ? 58F
        ip6 proto 44                   ? 21T
        tcp port 80                    ? 66T
        """,
    ),
    "a later fragment of IPv6": (
        ether(ip6(fragment(tcp(dport=80), offset=1, more=True))),
        """
        fragment                       ? 58T
        first fragment                 ? 58F
        last fragment                  ? 58F
        tcp                            ? 58T
        ip6 proto 60                   ? 58F
        tcp port 80                    ? 58F
        """,
    ),
    "a later fragment that names an extension header": (
        ether(ip6(fragment(extension(60, tcp(dport=80)), offset=1))),
        """
        ip6 proto 60                   ? 58T
        ip6 proto 6                    ?
        tcp                            ?
        tcp port 80                    ? 58F
        last fragment                  ? 58T
        """,
    ),
    "of two fragment headers the last one read says which": (
        ether(ip6(fragment(fragment(udp(dport=53), offset=1, more=True), more=True))),
        """
        fragment                       ? 58T
        first fragment                 ? 58T 66F
        last fragment                  ? 58F
        udp port 53                    ? 66F
        """,
    ),
    "an atomic one after a first one": (
        ether(ip6(fragment(fragment(udp(dport=53)), more=True))),
        """
        fragment                       ? 58T
        first fragment                 ? 58T
        udp port 53                    ? 74T
        """,
    ),
    "VXLAN: UDP at 34, VXLAN at 42, inner frame at 50, its IP at 64": (
        ether(ip4(vxlan(INNER, 5))),
        """
        vxlan                          ? 43T
        not vxlan                      ? 43F
        vxlan 5                        ? 49T
        vxlan 6                        ? 49F
        vxlan {1, 5-7}                 ? 49T
        vxlan port 8472                ? 38F
        vxlan.vni == 5                 ? 49T
        vxlan.flags == 8               ? 43T
        vxlan in {5}                   ? 49T
        tcp                            ? 24F
        udp port 4789                  ? 38T
        src host 10.1.0.1              ? 30F
        vxlan and tcp                  ? 74T
        vxlan and udp                  ? 74F
        vxlan and tcp port 80          ? 88T
        vxlan 5 and src host 10.1.0.1  ? 80T
        vxlan and src host 10.0.0.1    ? 80F
        vxlan and vlan                 ? 64F
        vxlan and ether src 02:00:00:00:00:01  ? 62T
        vxlan and vxlan.vni == 5       ? 49T
        vxlan and outer vxlan.vni == 5 ? 49T
        vxlan and outer udp            ? 43T
        vxlan 5 and outer src host 10.0.0.1    ? 49T
        (vxlan) and udp                ? 43T
        (vxlan and tcp) and udp        ? 74T
        not vxlan 6 and udp            ? 49T
        vxlan and len = 104            F 104T
        vxlan 5 and malformed          ? 49T 104F
        malformed                      T 104F
        vxlan and fragment             ? 72F
        """,
    ),
    "a VXLAN header without the I bit is none": (
        ether(ip4(vxlan(INNER, 5, flags=0xF7))),
        """
        vxlan                          ? 43F
        vxlan and tcp                  ? 43F
        vxlan.vni == 5                 ? 43F
        malformed                      T 104F
        """,
    ),
    "VXLAN on another port": (
        ether(ip4(vxlan(INNER, 5, port=8472))),
        """
        vxlan                          ? 38F
        vxlan.vni == 5                 ? 38F
        vxlan port 8472                ? 43T
        vxlan port 8472 and tcp port 80               ? 88T
        vxlan port 8472 and vxlan.vni == 5            ? 49T
        vxlan port 8472 and outer vxlan.vni == 5      ? 38F
        """,
    ),
    "tags inside and outside of a tunnel: VXLAN at 66, inner frame at 74, its IP at 92": (
        ether(tag(ip6(vxlan(ether(tag(ip4(tcp(dport=80)), 9)), 5)), 4)),
        """
        vlan 4                         ? 16T
        vlan 9                         ? 16F
        vlan 4 and vxlan 5 and vlan 9  ? 90T
        vlan 4 and vxlan 5 and vlan 4  ? 90F
        vxlan and vlan.id == 9         ? 90T
        vxlan and outer vlan.id == 4   ? 67T
        vxlan and vlan and ip          ? 92T
        vxlan and outer ip6            ? 67T
        vxlan and tcp port 80          ? 116T
        """,
    ),
}


@pytest.mark.parametrize("row", rows(TABLES), ids=str)
def test_known_from(row: Row) -> None:
    assert not row.wrong()
