"""What a whole policy decides: order, blocks, scope, defaults, counters, the kernel's tag. By hand from LANGUAGE."""

from __future__ import annotations

import pytest

from ebpfc.compiler.ast.nodes import Direction, Policy
from ebpfc.testing.packets import arp, ether, ip4, ip6, tag, tcp, udp, vxlan
from ebpfc.testing.random_policies import checked_policy
from ebpfc.testing.semantics import Decision, Frame, judge
from ebpfc.testing.truth import truth_of

A, B = "10.0.0.1", "10.0.0.2"


def policy_of(text: str) -> Policy:
    policy, sink = checked_policy(text)
    assert policy is not None, sink.items
    return policy


def decide(text: str, frame: bytes | Frame, direction: Direction = "inbound") -> Decision:
    return judge(policy_of(text), frame if isinstance(frame, Frame) else Frame(frame), direction)


@pytest.mark.parametrize(("vid", "source", "expected"), [(1, A, True), (1, B, False), (2, A, False), (2, B, True)])
def test_an_alternative_of_tags_means_what_it_says(vid: int, source: str, expected: bool) -> None:
    frame = ether(tag(ip4(tcp(), src=source, dst="10.9.9.9"), vid))
    assert truth_of(f"(vlan 1 and src host {A}) or (vlan 2 and src host {B})", frame) is expected


def test_the_first_rule_with_a_verdict_decides() -> None:
    rules = 'count "all"\ndrop udp\nlog_tcp: count "tcp" tcp\npass tcp port 80\ndrop tcp\n'
    assert decide(rules, ether(ip4(tcp(dport=80)))) == Decision("pass", 3, (0, 2, 3), ("all", "tcp"))
    assert decide(rules, ether(ip4(tcp(dport=81)))) == Decision("drop", 4, (0, 2, 4), ("all", "tcp"))
    assert decide(rules, ether(arp())) == Decision("pass", None, (0,), ("all",))


def test_what_a_rule_counts_does_not_hang_on_the_place_of_its_verdict() -> None:
    frame = ether(ip4(tcp()))
    for rule in ('drop tcp then count "a"', 'tcp then count "a", drop', 'tcp then drop, count "a"'):
        assert decide(rule + "\n", frame) == Decision("drop", 0, (0,), ("a",))


def test_an_unknown_match_does_not_match_nor_does_its_negation() -> None:
    short = ether(ip4(tcp(dport=80)))[:36]
    assert decide("drop tcp port 80\ndrop not tcp port 80\n", short) == Decision("pass", None)


def test_defaults_have_directions() -> None:
    text = "hook tc ingress, tc egress\ndefault drop\ndefault pass outbound\npass arp and inbound\n"
    assert decide(text, ether(arp()), "inbound").verdict == "pass"
    assert decide(text, ether(arp()), "outbound") == Decision("pass", None)
    assert decide(text, ether(ip4(tcp())), "inbound") == Decision("drop", None)


BLOCKS = """
if tcp {
    drop dst port 23
    if dst port 80 {
        pass src host 10.0.0.1
    } else if dst port 81 {
        drop
    } else {
        count "else"
    }
    count "body"
} else {
    drop udp
}
count "after"
"""


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ether(ip4(tcp(dport=23))), Decision("drop", 0, (0,))),
        (ether(ip4(tcp(dport=80))), Decision("pass", 1, (1,))),
        (ether(ip4(tcp(dport=80), src=B)), Decision("pass", None, (4, 6), ("body", "after"))),
        (ether(ip4(tcp(dport=81))), Decision("drop", 2, (2,))),
        (ether(ip4(tcp(dport=82))), Decision("pass", None, (3, 4, 6), ("else", "body", "after"))),
        (ether(ip4(udp())), Decision("drop", 5, (5,))),
        (ether(arp()), Decision("pass", None, (6,), ("after",))),
        (ether(ip4(tcp(dport=80)))[:20], Decision("pass", None, (6,), ("after",))),
    ],
)
def test_blocks(frame: bytes, expected: Decision) -> None:
    """An unknown head goes to `else` as a false one does: the last frame, where `udp` is unknown too."""
    assert decide(BLOCKS, frame) == expected


TUNNEL = """
default drop
if vxlan 5 {
    drop tcp dst port 23
    pass outer src host 10.0.0.1 and src host 10.1.0.1
    if vlan 9 {
        pass ether proto 0x0800
    } else {
        drop ether proto 0x0800
    }
} else {
    pass src host 10.0.0.1
}
pass udp
"""


def tunnel(inner: bytes, source: str = A, vni: int = 5) -> bytes:
    return ether(ip4(vxlan(inner, vni), src=source))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (tunnel(ether(ip4(tcp(dport=23), src="10.1.0.1"))), ("drop", 0)),
        (tunnel(ether(ip4(tcp(dport=80), src="10.1.0.1"))), ("pass", 1)),
        (tunnel(ether(ip4(tcp(dport=80), src="10.1.0.1")), source=B), ("drop", 3)),
        (tunnel(ether(tag(ip4(tcp(dport=80)), 9))), ("pass", 2)),
        (tunnel(ether(ip6(tcp(dport=80)))), ("pass", 5)),
        (tunnel(ether(ip4(tcp(dport=23))), vni=6), ("pass", 4)),
        (ether(ip4(tcp(dport=23))), ("pass", 4)),
        (ether(ip4(tcp(dport=23), src=B)), ("drop", None)),
        (tunnel(ether(ip4(tcp(dport=23))))[:49], ("pass", 5)),
        (tunnel(ether(ip4(tcp(dport=23))))[:48], ("pass", 4)),
    ],
)
def test_a_block_reads_what_its_head_opened(frame: bytes, expected: tuple[str, int | None]) -> None:
    """The last two: the VNI is there, of the inner packet not a byte; then the VNI is not, and `else` is taken."""
    decision = decide(TUNNEL, frame)
    assert (decision.verdict, decision.rule) == expected


def test_a_rule_after_a_tunnel_rule_reads_the_frame_again() -> None:
    text = "drop vxlan and tcp\ndrop tcp\npass udp\n"
    assert decide(text, tunnel(ether(ip4(udp())))) == Decision("pass", 2, (2,))
    assert decide(text, tunnel(ether(ip4(tcp())))) == Decision("drop", 0, (0,))


def test_a_named_match_is_in_parentheses() -> None:
    text = "let web = vlan 5 and tcp port 80\ndrop web and vlan 5\n"
    assert decide(text, ether(tag(ip4(tcp(dport=80)), 5))).rule == 0
    text = "let web = vlan 5\ndrop web and vlan 7\n"
    assert decide(text, ether(tag(tag(ip4(tcp()), 7), 5))).rule is None


@pytest.mark.parametrize(
    ("expression", "ports"),
    [
        ("tcp dst port 80 or 443", {80, 443}),
        ("tcp dst port 80 or (443 or 8080)", {80, 443, 8080}),
        ("tcp dst port (80 or 443)", {80, 443}),
        ("tcp dst port not 80", {443, 8080, 22}),
        ("tcp dst port 22 or (not 80 and 443)", {22, 443}),
        ("tcp dst port {80, 443} or 22", {80, 443, 22}),
    ],
)
def test_elided_qualifiers(expression: str, ports: set[int]) -> None:
    for port in (22, 80, 443, 8080):
        assert truth_of(expression, ether(ip4(tcp(sport=1, dport=port)))) is (port in ports)
        assert truth_of(expression, ether(ip4(udp(sport=1, dport=port)))) is (expression == "tcp dst port not 80")


def test_the_kernels_tag_stands_in_its_place() -> None:
    plain = ether(ip4(tcp(dport=80)))
    taken = Frame(plain, tag=(0x8100, 0xA005))
    for expression in (
        "vlan 5",
        "vlan.pcp = 5",
        "len = 58",
        "ether[12:2] = 0x8100",
        "ether proto 0x8100",
        "tcp port 80",
    ):
        assert truth_of(expression, taken) is True, expression
    both = Frame(ether(tag(ip4(tcp(dport=80)), 7)), tag=(0x88A8, 5))
    assert truth_of("vlan 5 and vlan 7 and ip", both) is True
    assert truth_of("malformed", both) is False


def test_frames_written_out_in_full() -> None:
    """Bytes by hand, so that the table does not hang on the builder: an ARP request, a DNS query, an IPv6 ping."""
    request = bytes.fromhex("ffffffffffff0242ac110002080600010800060400010242ac110002ac110002000000000000ac110001")
    query = bytes.fromhex(
        "0242ac1100010242ac110002"
        "0800"
        "4500003c1c4640004011c62bac110002ac110001"
        "d4310035002873a2"
        "1a2b01000001000000000000076578616d706c6503636f6d0000010001000000"
    )
    ping = bytes.fromhex(
        "333300000001020000000001"
        "86dd"
        "6000000000083aff"
        "fe800000000000000000000000000001"
        "ff020000000000000000000000000001"
        "8000abcd00010001"
    )
    for expression in (
        "arp",
        "arp.op == 1",
        "ether broadcast",
        "arp src host 172.17.0.2",
        "dst host 172.17.0.1",
        "not malformed",
    ):
        assert truth_of(expression, request) is True, expression
    for expression in ("udp dst port 53", "src net 172.16.0.0/12", "udp[8:2] = 0x1a2b", "not fragment", "ip.ttl == 64"):
        assert truth_of(expression, query) is True, expression
    for expression in ("icmp6", "icmp6.type == echo-request", "ip6 multicast", "ip6.hoplimit == 255", "not malformed"):
        assert truth_of(expression, ping) is True, expression
