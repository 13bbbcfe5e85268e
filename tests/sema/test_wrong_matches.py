"""Each wrong match has its code, underlines its place, and has a right neighbour that is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# wrong, code, the text underlined, right
CASES = [
    # values in their place
    ("port 70000", "PF0420", "70000", "port 65535"),
    ("tcp dst port {22, 65536}", "PF0420", "65536", "tcp dst port {22, 65535}"),
    ("vlan 4096", "PF0420", "4096", "vlan 4095"),
    ("vxlan 0x1000000", "PF0420", "0x1000000", "vxlan 0xffffff"),
    ("vxlan 5 port 65536", "PF0420", "vxlan 5 port 65536", "vxlan 5 port 65535"),
    ("vxlan port 0", "PF0420", "vxlan port 0", "vxlan port 1"),
    ("geneve 0x1000000", "PF0420", "0x1000000", "geneve 0xffffff"),
    ("geneve {1, 5-16777216}", "PF0420", "5-16777216", "geneve {1, 5-16777215}"),
    ("geneve port 65536", "PF0420", "geneve port 65536", "geneve port 65535"),
    ("gtp 1 port 0", "PF0420", "gtp 1 port 0", "gtp 1 port 1"),
    ("gtp {10.0.0.1}", "PF0422", "10.0.0.1", "gtp {0xffffffff}"),
    ("gre ssh", "PF0306", "ssh", "gre 0xffffffff"),
    ("mpls 1048576", "PF0420", "1048576", "mpls 1048575"),
    ("mpls 1-1048576", "PF0420", "1-1048576", "mpls {1-1048575}"),
    ("pppoes 65536", "PF0420", "65536", "pppoes 65535"),
    ("mpls in {1048576}", "PF0420", "1048576", "mpls in {1048575}"),
    ("mpls.label in {1048576}", "PF0420", "1048576", "mpls.label in {1048575}"),
    ("pppoes in {65536}", "PF0420", "65536", "pppoes in {65535}"),
    ("geneve in {0x1000000}", "PF0420", "0x1000000", "geneve in {0xffffff}"),
    ("ip proto 256", "PF0420", "256", "ip proto 255"),
    ("ip protochain 256", "PF0420", "256", "ip protochain 255"),
    ("protochain {6, 256}", "PF0420", "256", "protochain {6, 255}"),
    (r"ip6 protochain \foo", "PF0306", r"\foo", r"ip6 protochain \tcp"),
    ("ether proto 0x10000", "PF0420", "0x10000", "ether proto 0xffff"),
    ("ether proto 1500", "PF0438", "1500", "ether proto 1501"),
    ("ip.ttl in {256}", "PF0420", "256", "ip.ttl in {255}"),
    ("portrange 20-10", "PF0407", "20-10", "portrange 10-20"),
    ("port https-http", "PF0407", "https-http", "port http-https"),
    ("src host 10.0.0.9-10.0.0.5", "PF0407", "10.0.0.9-10.0.0.5", "src host 10.0.0.5-10.0.0.9"),
    ("src host fe80::2-fe80::1", "PF0407", "fe80::2-fe80::1", "src host fe80::1-fe80::2"),
    ("port 10.0.0.1", "PF0422", "10.0.0.1", "host 10.0.0.1"),
    ("host 80", "PF0422", "80", "port 80"),
    ("src icmp-echoreply", "PF0422", "icmp-echoreply", "icmp[icmptype] = icmp-echoreply"),
    ("src host {10.0.0.1, 80}", "PF0422", "80", "src host {10.0.0.1}"),
    ("src host aa:bb:cc:dd:ee:ff", "PF0422", "aa:bb:cc:dd:ee:ff", "ether src host aa:bb:cc:dd:ee:ff"),
    ("ether host 10.0.0.1", "PF0422", "10.0.0.1", "ether host 0:1:2:3:4:5"),
    ("ip.saddr == 5", "PF0422", "5", "ip.saddr == 0.0.0.5"),
    ("ip.ttl == 10.0.0.1", "PF0422", "10.0.0.1", "ip.ttl == 10"),
    ("ip[12:4] == 10.0.0.1", "PF0422", "10.0.0.1", "ip[12:4] == 0x0a000001"),
    ("ip host fe80::1", "PF0424", "fe80::1", "ip6 host fe80::1"),
    ("arp src host fe80::1", "PF0424", "fe80::1", "arp src host 10.0.0.1"),
    ("ip src host {10.0.0.1, fe80::1}", "PF0424", "fe80::1", "src host {10.0.0.1, fe80::1}"),
    ("ip.saddr in {10.0.0.0/8, fe80::/16}", "PF0424", "fe80::/16", "src in {10.0.0.0/8, fe80::/16}"),
    ("ip6.saddr == 10.0.0.1", "PF0424", "10.0.0.1", "ip6.saddr == ::1"),
    ("host 10.0.0.0/8", "PF0425", "10.0.0.0/8", "net 10.0.0.0/8"),
    ("src host fe80::/64", "PF0425", "fe80::/64", "src net fe80::/64"),
    ("host 10.1", "PF0425", "10.1", "net 10.1"),
    ("src 10.1", "PF0425", "10.1", "src net 10.1"),
    ("net 0", "PF0426", "0", "net 0.0.0.0/0"),
    ("net 256", "PF0426", "256", "net 255"),
    ("src 80", "PF0426", "80", "src port 80"),
    ("net 10.0.0.1 mask 255.0.0.0", "PF0405", "10.0.0.1 mask 255.0.0.0", "net 10.0.0.0 mask 255.0.0.0"),
    ("port foo", "PF0306", "foo", "port ftp"),
    ("ip proto foo", "PF0306", "foo", "ip proto gre"),
    ("ip proto ipip", "PF0306", "ipip", "ip proto ipencap"),
    ("ip.dscp == eff", "PF0306", "eff", "ip.dscp == ef"),
    ("tcp[foo] == 1", "PF0306", "foo", "tcp[tcpflags] == 1"),
    ("host example", "PF0406", "example", "host 10.0.0.1"),
    ("ip broadcast", "PF0437", "ip broadcast", "ether broadcast"),
    # qualifiers
    ("tcp host 10.0.0.1", "PF0428", "tcp host 10.0.0.1", "tcp and host 10.0.0.1"),
    ("udp src net 10.0.0.0/8", "PF0428", "udp src net 10.0.0.0/8", "udp and src net 10.0.0.0/8"),
    ("tcp dst 80", "PF0428", "tcp dst 80", "tcp dst port 80"),
    ("ether port 80", "PF0428", "ether port 80", "port 80"),
    ("ether net 10.0.0.0/8", "PF0428", "ether net 10.0.0.0/8", "net 10.0.0.0/8"),
    ("arp src port 80", "PF0428", "arp src port 80", "udp src port 80"),
    ("icmp port 80", "PF0428", "icmp port 80", "udp port 80"),
    ("ip port 80", "PF0428", "ip port 80", "ip and port 80"),
    ("tcp proto 6", "PF0428", "tcp proto 6", "ip proto 6"),
    ("arp proto 6", "PF0428", "arp proto 6", "ether proto 0x0806"),
    ("ether protochain 6", "PF0428", "ether protochain 6", "ip protochain 6"),
    ("tcp protochain 6", "PF0428", "tcp protochain 6", "protochain 6"),
    ("stp[0] == 66", "PF0428", "stp[0]", "ether[14] == 66"),
    ("ether", "PF0428", "ether", "ether broadcast"),
    ("ip6 broadcast", "PF0428", "ip6 broadcast", "ip6 multicast"),
    ("tcp src in {10.0.0.1}", "PF0428", "tcp src", "src in {10.0.0.1}"),
    # elision
    ("tcp or 443", "PF0308", "443", "tcp port 80 or 443"),
    ("80", "PF0308", "80", "port 80"),
    ("ssh", "PF0308", "ssh", "port ssh"),
    ("10.0.0.1", "PF0308", "10.0.0.1", "host 10.0.0.1"),
    ("{80, 90}", "PF0308", "{80, 90}", "port {80, 90}"),
    ("0:1:2:3:4:5", "PF0308", "0:1:2:3:4:5", "ether host 0:1:2:3:4:5"),
    ("vlan 100 or 200", "PF0308", "200", "vlan {100, 200}"),
    ("port 80 or ip.ttl > 5 or 90", "PF0308", "90", "port 80 or ip.ttl > 5 or port 90"),
    ("host 10.0.0.1 or 80", "PF0422", "80", "host 10.0.0.1 or port 80"),
    ("tcp port 80 or (udp port 53) or 90", "PF0309", "90", "tcp port 80 or (udp port 53) or udp port 90"),
    ("nonsense", "PF0302", "nonsense", "arp"),
    # arithmetic
    ("ip[0] / 0 == 1", "PF0429", "0", "ip[0] / 1 == 1"),
    ("ip[0] % (2 - 2) == 1", "PF0429", "(2 - 2)", "ip[0] % (3 - 2) == 1"),
    ("ip[0] << 32 == 1", "PF0430", "32", "ip[0] << 31 == 1"),
    ("ip[0] >> (16 * 2) == 1", "PF0430", "(16 * 2)", "ip[0] >> 16 == 1"),
    ("ether.saddr > 0:1:2:3:4:5", "PF0431", "ether.saddr > 0:1:2:3:4:5", "ether.saddr != 0:1:2:3:4:5"),
    ("ip6.saddr + 1 == 2", "PF0431", "ip6.saddr", "ip6.hoplimit + 1 == 2"),
    ("1 == ether.saddr", "PF0431", "ether.saddr", "ether.saddr == 0:0:0:0:0:1"),
    ("ether.saddr == ether.daddr", "PF0431", "ether.saddr == ether.daddr", "ether[0:4] == ether[6:4]"),
    ("ip.foo == 1", "PF0433", "ip.foo", "ip.ttl == 1"),
    ("foo.bar == 1", "PF0433", "foo.bar", "ip.id == 1"),
    ("mpls.foo == 1", "PF0433", "mpls.foo", "mpls.tc == 1"),
    ("ipip.key == 1", "PF0433", "ipip.key", "gre.key == 1"),
    ("pppoed.session == 1", "PF0433", "pppoed.session", "pppoes.session == 1"),
    ("gtp in {1} and geneve.opt == 1", "PF0433", "geneve.opt", "gtp in {1} and geneve.optlen == 1"),
    ("(src, dst port) in {80}", "PF0439", "(src, dst port) in {80}", "dst port in {80}"),
    # scope
    ("vlan and vlan and vlan", "PF0501", "vlan", "vlan and vlan"),
    ("vxlan 1 and vlan and vlan and vlan 7", "PF0501", "vlan 7", "vlan and vlan and vxlan 1 and vlan and vlan 7"),
    ("mpls and vlan and vlan and vlan", "PF0501", "vlan", "mpls and vlan and vlan"),
    ("mpls and mpls and mpls 7", "PF0503", "mpls 7", "mpls and mpls 7"),
    ("mpls and pppoed and mpls and mpls 7", "PF0503", "mpls 7", "mpls and pppoed and mpls 7"),
    ("vxlan and gre and ipip", "PF0609", "ipip", "vxlan and gre and pppoed and ip proto 4"),
    ("vxlan 1 and vxlan 2 and vxlan 3", "PF0609", "vxlan 3", "vxlan 1 and vlan 2 and vxlan 3 and vlan"),
    ("gre and mpls and mpls and pppoes 9", "PF0609", "pppoes 9", "vlan and gre and mpls and mpls and not pppoed"),
    ("mpls and vlan and mpls and gtp", "PF0609", "gtp", "mpls and vlan and mpls and mpls"),
    ("geneve and not (gre and (ipip or ip))", "PF0609", "ipip", "geneve and (gre and ip) and (ipip or ip)"),
    ("vxlan or geneve port 4789", "PF0611", "geneve port 4789", "vxlan or geneve"),
    ("gtp port 6081 or not geneve 5", "PF0611", "geneve 5", "gtp port 6082 or not geneve 5"),
    # not built yet
    ("state new", "PF0323", "state new", "tcp flags S/SA"),
    ('payload starts "GET "', "PF0605", 'payload starts "GET "', "tcp port 80"),
    ('sni "example"', "PF0605", 'sni "example"', "tcp port 443"),
    ("tcp.mss < 500", "PF0608", "tcp.mss", "tcp.window < 500"),
    ("tcp.wscale == 1", "PF0608", "tcp.wscale", "tcp.window == 1"),
    # refused for good
    ("wlan", "PF0620", "wlan", "arp"),
    ("host 10.0.0.1 and vpi", "PF0620", "vpi", "host 10.0.0.1"),
    ("isup", "PF0620", "isup", "arp"),
    ("rset", "PF0620", "rset", "arp"),
    ("decnet", "PF0620", "decnet", "ether proto 0x6003"),
    ("gateway", "PF0620", "gateway", "arp"),
    ("meta.mark == 1", "PF0701", "meta.mark", "meta.length == 1"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace("\n", "; "))
def test_wrong_and_right(refused_expression: Callable[..., None], case: tuple[str, ...]) -> None:
    refused_expression(*case)


def test_broadcast_with_a_netmask(check_expression: Callable[..., Any]) -> None:
    found = check_expression("ip broadcast", netmask=0xFFFFFF00)
    assert found.errors == ()
    assert found.policy.netmask == 0xFFFFFF00


def test_a_third_tag_is_the_last_of_the_three(check_expression: Callable[..., Any]) -> None:
    (problem,) = check_expression("vlan and vlan and vlan").diagnostics
    assert problem.span.start == len("vlan and vlan and ")


HINTS = [
    (
        "ip6.saddr == ip6.daddr",
        "compare each with an address: `ip6.saddr == 2001:db8::1 and ip6.daddr == 2001:db8::2`",
    ),
    (
        "ether.saddr != (ether.daddr)",
        "compare each with an address: `ether.saddr != 00:00:5e:00:53:01 and ether.daddr != 00:00:5e:00:53:02`",
    ),
    ("port htpp", "did you mean `http`?"),
    ("port shh", "did you mean `ssh`?"),
    ("port wiregard", "did you mean `wireguard`?"),
    ("port my-service", "write the number"),
    ("port sql-servise", "did you mean `sql-service`?"),
]


@pytest.mark.parametrize(("wrong", "hint"), HINTS, ids=[wrong for wrong, _ in HINTS])
def test_the_hint_says_what_to_write(check_expression: Callable[..., Any], wrong: str, hint: str) -> None:
    (problem,) = check_expression(wrong).diagnostics
    assert problem.hints == (hint,)


def test_what_a_hint_says_to_write_instead_of_two_wide_fields_is_taken(check_expression: Callable[..., Any]) -> None:
    for wrong, hint in HINTS[:2]:
        assert check_expression(hint.split("`")[1]).errors == (), wrong
