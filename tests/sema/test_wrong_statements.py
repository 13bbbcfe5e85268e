"""Each wrong statement has its code and underlines its place; its right neighbour is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# wrong, code, the text underlined, right
CASES = [
    # names
    ("drop tcp dst port web\nlet web = {80}", "PF0301", "web", "let web = {80}\ndrop tcp dst port web"),
    ("drop web\nlet web = tcp", "PF0301", "web", "let web = tcp\ndrop web"),
    ("let a = {b}\nlet b = {80}\ndrop port a", "PF0301", "b", "let b = {80}\nlet a = {b}\ndrop port a"),
    ("let a = {nothing}\ndrop port a", "PF0302", "nothing", "let a = {ssh}\ndrop port a"),
    ("let a = 80\nlet a = 90\ndrop port a", "PF0303", "a", "let a = 80\nlet b = 90\ndrop port a or b"),
    ("let ssh = 22\ndrop port ssh", "PF0304", "ssh", "let my_ssh = 22\ndrop port my_ssh"),
    ("let ospf = 89\ndrop proto ospf", "PF0304", "ospf", "let my_ospf = 89\ndrop proto my_ospf"),
    ("let tcpflags = 13\ndrop tcp", "PF0304", "tcpflags", "let flags_at = 13\ndrop tcp[flags_at] == 2"),
    ("let lldp = 0x88cc\ndrop arp", "PF0304", "lldp", "drop ether proto lldp"),
    ("let web = tcp port 80\ndrop src net web", "PF0307", "web", "let web = tcp port 80\ndrop web"),
    (
        "let web = tcp port 80\nlet two = {web, 5}\ndrop port two",
        "PF0307",
        "web",
        "let web = {80}\nlet two = {web, 5}\ndrop port two",
    ),
    ("let a = {80}\ndrop tcp and a", "PF0308", "a", "let a = {80}\ndrop tcp port a"),
    ("let m = tcp port 80\ndrop m or 90", "PF0308", "90", "let m = tcp port 80\ndrop m or tcp port 90"),
    # sets
    ("let a = {80, 10.0.0.1}\ndrop port a", "PF0423", "10.0.0.1", "let a = {80, ssh}\ndrop port a"),
    ("let a = {0:1:2:3:4:5, 10.0.0.1}\ndrop arp", "PF0423", "10.0.0.1", "let a = {::1, 10.0.0.1}\ndrop host a"),
    ("let a = {10.0.0.1, ::1}\ndrop ip src host a", "PF0424", "a", "let a = {10.0.0.1, ::1}\ndrop src host a"),
    ("let a = {10.0.0.0/8}\ndrop src host a", "PF0425", "a", "let a = {10.0.0.0/8}\ndrop src net a"),
    ("let a = 10\ndrop net a", "PF0426", "a", "let a = 10.0.0.0/8\ndrop net a"),
    ("let a = {70000}\ndrop port a", "PF0420", "a", "let a = {7000}\ndrop port a"),
    ("let a = {ssh, ef}\ndrop port a", "PF0306", "a", "let a = {ssh, http}\ndrop port a"),
    ("let a = {1, 2}\ndrop ip.ttl == a", "PF0440", "a", "let a = {1, 2}\ndrop ip.ttl in a"),
    ("let a = {1, 2}\ndrop ip.ttl + a == 5", "PF0440", "a", "let a = 1\ndrop ip.ttl + a == 5"),
    ("let a = {10.0.0.1, 10.0.0.2}\ndrop ip.saddr == a", "PF0440", "a", "let a = 10.0.0.1\ndrop ip.saddr == a"),
    # hooks, defaults, rules
    ("hook xdp\nhook xdp\npass", "PF0313", "xdp", "hook xdp\nhook tc ingress\npass"),
    ("hook xdp, xdp\npass", "PF0313", "xdp", "hook xdp, tc egress\npass"),
    ("default drop\ndefault pass\npass", "PF0314", "default pass", "default drop\ndefault pass outbound\npass"),
    (
        "default drop inbound\ndefault drop inbound",
        "PF0314",
        "default drop inbound",
        "default drop inbound\ndefault pass outbound",
    ),
    ("a: drop arp\na: drop rarp", "PF0316", "a: drop rarp", "a: drop arp\nb: drop rarp"),
    ("hook tc ingress, tc out\npass", "PF0318", "tc out", "hook tc ingress, tc egress\npass"),
    ("hook wire\npass", "PF0318", "wire", "hook xdp\npass"),
    ("hook socket\npass", "PF0607", "socket", "hook tc ingress\npass"),
    ("hook cgroup ingress\npass", "PF0607", "cgroup ingress", "hook tc ingress\npass"),
    ("hook netfilter input\npass", "PF0607", "netfilter input", "hook tc ingress\npass"),
    ("default reject\npass", "PF0603", "default reject", "default drop\npass"),
    # not built yet
    ("pool back = {10.0.0.1}\npass", "PF0601", "pool back = {10.0.0.1}", "pass"),
    ("reject tcp", "PF0603", "reject", "drop tcp"),
    ("tx arp", "PF0603", "tx", "pass arp"),
    ("drop tcp then sample 1/100", "PF0603", "sample 1/100", 'drop tcp then count "x"'),
    ("pass tcp then mark 7", "PF0603", "mark 7", "pass tcp"),
    ('redirect to "eth1" arp', "PF0603", 'redirect to "eth1"', "pass arp"),
    ("assert drop tcp port 23\ndrop tcp port 23", "PF0606", "assert drop tcp port 23", "drop tcp port 23"),
    ("hook xdp, tc ingress\ndrop meta.mark == 1", "PF0701", "meta.mark", "hook tc ingress\ndrop meta.mark == 1"),
    # what a block reads
    ("if vxlan 1 or vxlan 2 {\n drop tcp\n}", "PF0502", "vxlan 1", "if vxlan {1, 2} {\n drop tcp\n}"),
    ("if (vxlan 1) {\n drop tcp\n}", "PF0502", "vxlan 1", "if vxlan 1 {\n drop tcp\n}"),
    ("if udp and (vxlan 1 or tcp) {\n drop tcp\n}", "PF0502", "vxlan 1", "if udp and vxlan 1 {\n drop tcp\n}"),
    ("let t = vxlan 1\nif t {\n drop tcp\n}", "PF0502", "t", "let t = {1}\nif vxlan t {\n drop tcp\n}"),
    ("if vlan 1 or vlan 2 {\n drop vlan 3\n}", "PF0502", "vlan 1", "if vlan {1, 2} {\n drop vlan 3\n}"),
    ("if (vlan 1) {\n drop ether proto 0x800\n}", "PF0502", "vlan 1", "if (vlan 1) {\n drop ip\n}"),
    (
        "if arp {\n drop\n} else if vxlan 1 or arp {\n drop tcp\n}",
        "PF0502",
        "vxlan 1",
        "if arp {\n drop\n} else if not (vxlan 1) {\n drop tcp\n}",
    ),
    (
        "if vlan and vlan {\n drop vlan 3\n}",
        "PF0501",
        "vlan 3",
        "if vlan {\n drop vlan 3\n} else {\n drop vlan and vlan\n}",
    ),
    (
        "let v = vlan 5\nif vlan and vlan {\n drop v\n drop v and tcp\n}",
        "PF0501",
        "vlan 5",
        "let v = vlan 5\nif vlan {\n drop v\n drop v and tcp\n}",
    ),
    (
        "\n".join(f"drop vxlan port {n}" for n in range(1, 6)),
        "PF0610",
        "vxlan port 5",
        "drop vxlan port 1\ndrop vxlan 2",
    ),
    (
        "drop vxlan\ndrop geneve\ndrop gtp\ndrop gtp port 1\ndrop vxlan port 2",
        "PF0610",
        "vxlan port 2",
        "drop vxlan\ndrop geneve\ndrop gtp\ndrop gtp port 1\ndrop gre\ndrop vxlan port 4789",
    ),
    (
        "table t key src\nlimit l 1/s\nif tcp over 2/s {\n" + "drop over 1/s\ndrop over l\n" * 45 + "}\ndrop over 9/s",
        "PF0612",
        "over 9/s",
        "table t key src\nlimit l 1/s\nif tcp over 2/s {\n" + "drop over 1/s\ndrop over l\n" * 45 + "}",
    ),
    ("let v = vxlan port 6081\ndrop v\ndrop geneve", "PF0611", "geneve", "let v = vxlan\ndrop v\ndrop geneve"),
    (
        "if vxlan 1 and gre {\n drop ipip\n}",
        "PF0609",
        "ipip",
        "if vxlan 1 and gre {\n drop tcp\n} else {\n drop vxlan and ipip\n}",
    ),
    (
        "if mpls 1 {\n if mpls 2 {\n  drop mpls 3\n }\n}",
        "PF0503",
        "mpls 3",
        "if mpls 1 {\n drop mpls 2\n drop mpls 3\n}",
    ),
    ("if mpls 1 and (mpls 2) {\n drop ip\n}", "PF0502", "mpls 2", "if mpls 1 and mpls 2 {\n drop ip\n}"),
    ("if gre or ipip {\n drop ip\n}", "PF0502", "gre", "if gre {\n drop ip\n}\nif ipip {\n drop ip\n}"),
    ("if (ipip) {\n drop ip\n}", "PF0502", "ipip", "if (pppoed) {\n drop broadcast\n}"),
    ("let p = pppoes 5\nif p {\n drop ip\n}", "PF0502", "p", "let p = pppoed\nif p {\n drop ether proto 0x8863\n}"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace("\n", "; "))
def test_wrong_and_right(refused: Callable[..., None], case: tuple[str, ...]) -> None:
    refused(*case)


def test_a_bad_set_is_refused_at_its_use_with_the_entry_beside(check: Callable[..., Any]) -> None:
    text = "let a = {22, 70000}\ndrop port a"
    (problem,) = check(text).diagnostics
    entry, made = problem.related
    assert text[entry.span.start : entry.span.end] == "70000"
    assert text[made.span.start : made.span.end] == "a"


def test_a_refused_name_is_not_reported_again_where_it_is_used(check: Callable[..., Any]) -> None:
    found = check("let a = {80, 10.0.0.1}\ndrop port a\ndrop src host a")
    assert [code for code, _ in found.errors] == ["PF0423"]


def test_mark_is_read_by_what_only_outbound_packets_reach(check: Callable[..., Any]) -> None:
    assert check("hook xdp, tc egress\nif outbound {\n drop meta.mark == 1\n}").errors == ()
    assert check("hook xdp, tc egress\ndrop outbound and meta.mark == 1").errors == ()
    assert [code for code, _ in check("hook xdp, tc egress\ndrop inbound and meta.mark == 1").errors] == ["PF0701"]


def test_an_outer_test_inside_nothing_is_fine(check: Callable[..., Any]) -> None:
    assert check("drop outer src host 10.0.0.1").errors == ()
