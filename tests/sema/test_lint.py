"""Each warning once where it is due and once where it is not; no warning of a rule that a packet contradicts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from ebpfc.compiler.analysis.lint import lint
from ebpfc.compiler.ast.build import parse_source
from ebpfc.compiler.ast.nodes import Block, Rule
from ebpfc.compiler.diagnostics.model import Diagnostic, Sink
from ebpfc.compiler.sema import build_resolved
from ebpfc.compiler.source import SourceMap
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import write_policy
from ebpfc.testing.semantics import Frame, Judge

SAFE = "drop malformed\n"

# text, code, what is underlined; None: the code is not there
CASES: list[tuple[str, str, str | None]] = [
    ("drop tcp and udp", "PF0801", "tcp and udp"),
    ("drop tcp and port 80", "PF0801", None),
    ("drop tcp and vxlan and udp", "PF0801", "tcp and vxlan and udp"),
    ("drop vxlan and tcp", "PF0801", None),
    ("drop vlan 5 and vlan 6", "PF0801", None),
    ("drop mpls 5 and mpls 6", "PF0801", None),
    ("if mpls 5 {\n drop mpls 6\n}", "PF0801", None),
    ("if mpls 5 {\n drop mpls 6 and tcp and udp\n}", "PF0801", "mpls 6 and tcp and udp"),
    ("drop (mpls 5) and mpls 6", "PF0801", "(mpls 5) and mpls 6"),
    ("drop (mpls and mpls 6) and mpls 5", "PF0801", None),
    ("drop (mpls and mpls 6) and mpls and mpls 5", "PF0801", "(mpls and mpls 6) and mpls and mpls 5"),
    ("drop mpls and ip", "PF0801", None),
    ("drop mpls and arp", "PF0801", "mpls and arp"),
    ("drop mpls and vlan 5", "PF0801", "mpls and vlan 5"),
    ("drop gtp and ether src 2:0:0:0:0:1", "PF0801", "gtp and ether src 2:0:0:0:0:1"),
    ("drop pppoes and broadcast", "PF0801", "pppoes and broadcast"),
    ("drop ipip and ether[12:2] == 2048", "PF0801", "ipip and ether[12:2] == 2048"),
    ("drop ipip and not ether[12:2] == 2048", "PF0801", None),
    ("drop ipip and outer ether[12:2] == 2048", "PF0801", None),
    ("drop ipip and mpls", "PF0801", "ipip and mpls"),
    ("drop ipip and stp", "PF0801", "ipip and stp"),
    ("drop gre and mpls", "PF0801", None),
    ("drop gre and ether src 2:0:0:0:0:1 and vlan and arp", "PF0801", None),
    ("drop geneve and broadcast", "PF0801", None),
    ("drop geneve and tcp and udp", "PF0801", "geneve and tcp and udp"),
    ("drop ip6 and ipip and ip", "PF0801", None),
    ("drop tcp and (ipip or gre)", "PF0801", "tcp and (ipip or gre)"),
    ("drop (gre 1) and gre 2", "PF0801", "(gre 1) and gre 2"),
    ("drop (gtp 1) and gtp 2 port 2153", "PF0801", "(gtp 1) and gtp 2 port 2153"),
    ("drop (gtp 1) and udp dst port 2152", "PF0801", None),
    ("drop (vxlan 1) and geneve", "PF0801", "(vxlan 1) and geneve"),
    ("drop (vxlan 1) and vxlan 2", "PF0801", "(vxlan 1) and vxlan 2"),
    ("drop pppoed and pppoes", "PF0801", "pppoed and pppoes"),
    ("drop pppoed and arp", "PF0801", "pppoed and arp"),
    ("drop stp and tcp", "PF0801", "stp and tcp"),
    ("drop stp and ether src 2:0:0:0:0:1", "PF0801", None),
    ("drop mpls and mpls.label == 5 and ip.ttl == 4", "PF0801", None),
    ("drop mpls and mpls.label < 5 and mpls.label > 5", "PF0801", None),
    ("drop gtp.length < 60 and greater 100", "PF0801", None),
    ("drop mpls.ttl == 5 and mpls and ip", "PF0801", None),
    ("drop ip protochain 6 and ip proto 51", "PF0801", None),
    ("drop ip protochain 6 and ip proto 17", "PF0801", "ip protochain 6 and ip proto 17"),
    ("drop ip6 protochain 6 and ip6 proto 0", "PF0801", None),
    ("drop ip6 protochain 0 and ip6 proto 17", "PF0801", None),
    ("drop ip6 protochain 6 and ip6 proto 17", "PF0801", "ip6 protochain 6 and ip6 proto 17"),
    ("drop protochain 6 and arp", "PF0801", "protochain 6 and arp"),
    ("drop protochain 6 and tcp", "PF0801", None),
    ("drop arp and src host ::1", "PF0801", "arp and src host ::1"),
    ("drop src host 10.0.0.1 and src host 10.0.0.2", "PF0801", "src host 10.0.0.1 and src host 10.0.0.2"),
    ("drop host 10.0.0.1 and host 10.0.0.2", "PF0801", None),
    ("drop src net 10.0.0.0/8 and ip.saddr == 11.0.0.1", "PF0801", "src net 10.0.0.0/8 and ip.saddr == 11.0.0.1"),
    ("drop tcp dst port 22 and tcp.dport in {80, 443}", "PF0801", "tcp dst port 22 and tcp.dport in {80, 443}"),
    ("drop ip.ttl == 300", "PF0801", "ip.ttl == 300"),
    ("drop ip.ttl < 5 and ip.ttl > 9", "PF0801", "ip.ttl < 5 and ip.ttl > 9"),
    ("drop ip.ttl > 5 and ip.ttl < 9", "PF0801", None),
    ("drop tcp flags S/SA and tcp flags A/A", "PF0801", "tcp flags S/SA and tcp flags A/A"),
    ("drop less 60 and greater 100", "PF0801", "less 60 and greater 100"),
    ("drop inbound and outbound", "PF0801", "inbound and outbound"),
    ("drop (tcp or udp) and icmp", "PF0801", "(tcp or udp) and icmp"),
    ("drop (tcp or icmp) and icmp", "PF0801", None),
    ("if ip {\n drop ip6\n}", "PF0801", "ip6"),
    ("if ip {\n drop tcp\n} else {\n drop ip6\n}", "PF0801", None),
    ("drop ip6 proto 0 and ip6 proto 6", "PF0801", None),
    ("drop tcp\npass tcp dst port 22", "PF0802", "pass tcp dst port 22"),
    ("drop tcp\npass dst port 22", "PF0802", None),
    ("drop tcp\npass udp dst port 22", "PF0802", None),
    ("drop tcp or udp\npass udp dst port 53", "PF0802", "pass udp dst port 53"),
    ("drop tcp\npass tcp.window > 5", "PF0802", "pass tcp.window > 5"),
    ("drop tcp\npass tcp flags S/SA", "PF0802", "pass tcp flags S/SA"),
    ("drop tcp\npass not tcp dst port 22", "PF0802", None),
    ("drop tcp\npass tcp dst port 22 or udp", "PF0802", None),
    ("drop tcp\npass tcp dst port 22 or tcp src port 22", "PF0802", "pass tcp dst port 22 or tcp src port 22"),
    ("drop ip\npass icmp", "PF0802", "pass icmp"),
    ("drop ip\npass tcp dst port 22", "PF0802", None),
    ("drop ip\npass src host 10.0.0.1", "PF0802", None),
    ("drop dst port 22\npass tcp dst port 22", "PF0802", "pass tcp dst port 22"),
    ("drop port 22\npass tcp dst port 22", "PF0802", "pass tcp dst port 22"),
    ("drop src port 22\npass tcp dst port 22", "PF0802", None),
    ("drop tcp dst port {22, 23}\npass tcp dst port 22", "PF0802", "pass tcp dst port 22"),
    ("drop tcp dst port 22-25\npass tcp dst port {23, 25}", "PF0802", "pass tcp dst port {23, 25}"),
    ("drop tcp dst port 22-25\npass tcp dst port {23, 26}", "PF0802", None),
    ("drop tcp dst port 22 or 23\npass tcp dst port {22, 23}", "PF0802", "pass tcp dst port {22, 23}"),
    ("drop port 22\npass tcp src and dst port 22", "PF0802", "pass tcp src and dst port 22"),
    ("drop src and dst port 22-25\npass port 22", "PF0802", None),
    ("drop src net 10.0.0.0/8\npass src net 10.1.0.0/16", "PF0802", "pass src net 10.1.0.0/16"),
    ("drop src net 10.0.0.0/8\npass dst net 10.1.0.0/16", "PF0802", None),
    ("drop net 10.0.0.0/8\npass ip src host 10.1.2.3 and tcp", "PF0802", "pass ip src host 10.1.2.3 and tcp"),
    ("drop ip src net 10.0.0.0/8\npass src net 10.1.0.0/16", "PF0802", None),
    ("drop src net 10.1.0.0/16\npass src net 10.0.0.0/8", "PF0802", None),
    ("drop src net 10.0.0.0 mask 255.0.255.0\npass src host 10.1.0.5", "PF0802", None),
    ("drop src net ::/0\npass src host 10.0.0.1", "PF0802", None),
    ("drop src net {10.0.0.0/8, fd00::/8}\npass src host fd00::1", "PF0802", "pass src host fd00::1"),
    ("drop src host ::1\npass ether src 0:0:0:0:0:1", "PF0802", None),
    ("drop ip.ttl < 10\npass ip.ttl in {1, 2}", "PF0802", "pass ip.ttl in {1, 2}"),
    ("drop ip.ttl < 10\npass ip.ttl < 11", "PF0802", None),
    ("drop ip.ttl < 10\npass outer ip.ttl < 5", "PF0802", None),
    ("drop ip.saddr in {10.0.0.0/8}\npass ip.saddr == 10.0.0.1", "PF0802", "pass ip.saddr == 10.0.0.1"),
    ("drop less 100\npass less 60", "PF0802", "pass less 60"),
    ("drop less 60\npass less 100", "PF0802", None),
    ("drop tcp and src net 10.0.0.0/8\npass tcp dst port 22", "PF0802", None),
    (
        "if src net 10.0.0.0/8 {\n drop tcp\n}\npass src host 10.0.0.1 and tcp port 5",
        "PF0802",
        "pass src host 10.0.0.1 and tcp port 5",
    ),
    ("if src host 10.0.0.1 {\n pass tcp\n}\nif src net 10.0.0.0/8 {\n drop tcp port 5\n}", "PF0802", None),
    ("drop vxlan 1 and tcp\ndrop vxlan 1 and tcp port 5", "PF0802", "drop vxlan 1 and tcp port 5"),
    ("drop vxlan 1 and tcp\ndrop vxlan 2 and tcp port 5", "PF0802", None),
    ("drop vlan and tcp\ndrop tcp port 5 and vlan", "PF0802", None),
    ("drop gre and tcp\ndrop gre and tcp port 5", "PF0802", "drop gre and tcp port 5"),
    ("drop gre and tcp\ndrop tcp port 5", "PF0802", None),
    ("drop gre and tcp\ndrop ipip and tcp", "PF0802", None),
    ("drop gtp and tcp\ndrop gtp port 2153 and tcp", "PF0802", None),
    ("drop gre and ip\ndrop gre 5 and ip", "PF0802", None),
    ("drop mpls and ip\ndrop mpls and mpls and ip", "PF0802", None),
    ("drop pppoed and less 60\ndrop less 60 and (pppoed)", "PF0802", "drop less 60 and (pppoed)"),
    ("drop mpls and mpls.label < 9\ndrop mpls and mpls.label == 5", "PF0802", "drop mpls and mpls.label == 5"),
    ("drop mpls.label < 9\ndrop mpls and mpls.label == 5", "PF0802", None),
    ("drop mpls in {1-9}\ndrop mpls.label == 5", "PF0802", "drop mpls.label == 5"),
    ("drop stp\npass stp and less 60", "PF0802", "pass stp and less 60"),
    ("drop protochain {6, 17}\npass ip protochain 6", "PF0802", "pass ip protochain 6"),
    ("drop ip protochain 6\npass protochain 6", "PF0802", None),
    ("drop proto 6\npass protochain 6", "PF0802", None),
    ("drop tcp dst port 22\npass tcp dst port 22 and ip", "PF0802", "pass tcp dst port 22 and ip"),
    ("drop tcp dst port 22 and ip\npass tcp dst port 22", "PF0802", None),
    ("pass\ndrop arp", "PF0802", "drop arp"),
    ('count "all"\ndrop arp', "PF0802", None),
    (
        "let w = tcp and ip\npass w\ndrop (ip) and tcp and src host 10.0.0.1",
        "PF0802",
        "drop (ip) and tcp and src host 10.0.0.1",
    ),
    ("if ip {\n pass\n}\ndrop ip and tcp", "PF0802", "drop ip and tcp"),
    ("if ip {\n pass tcp\n}\ndrop tcp", "PF0802", None),
    ("if ip {\n drop\n} else {\n pass\n}\ndrop arp", "PF0802", None),
    ("drop vxlan 1 and tcp\ndrop tcp", "PF0802", None),
    ("drop tcp\ndrop vxlan 1 and tcp", "PF0802", None),
    ("drop (vxlan 1) and tcp\ndrop vxlan 1 and tcp", "PF0802", None),
    ("drop port 80 or 443\ndrop port 80 or 443 or 22", "PF0802", None),
    ("let a = {10.0.0.0/8, 10.1.2.3}\ndrop src net a", "PF0803", "10.1.2.3"),
    ("drop src net {10.1.0.0/16, 10.0.0.0/8}", "PF0803", "10.1.0.0/16"),
    ("drop port {80, 80}", "PF0803", "80"),
    ("drop port {80-90, 91}", "PF0803", None),
    ("drop src net {::/0, 10.0.0.0/8}", "PF0803", None),
    ("let a = {80}\ndrop arp", "PF0804", "a"),
    ("let a = tcp\ndrop arp", "PF0804", "a"),
    ("let a = {80}\nlet b = {a, 90}\ndrop port b", "PF0804", None),
    ("default pass\npass arp", "PF0805", "default pass"),
    ("pass arp", "PF0805", ""),
    ("default pass\ndrop malformed or fragment", "PF0805", None),
    ("default pass\ndrop malformed and tcp", "PF0805", "default pass"),
    ("default drop\npass tcp", "PF0805", None),
    ("default drop inbound\ndefault pass outbound\npass arp", "PF0805", None),
    ("pass arp\ndrop", "PF0805", None),
    ("if arp {\n drop\n}", "PF0805", ""),
    ("default drop\npass ip", "PF0806", "default drop"),
    ("default drop\npass ip\npass arp", "PF0806", None),
    ("default drop\npass ip6 and tcp", "PF0806", "default drop"),
    ("default drop\npass ip6 and tcp\npass icmp6", "PF0806", None),
    ("default drop\npass arp", "PF0806", None),
    ("default drop\npass", "PF0806", None),
    ("default drop\npass vxlan 1\npass arp", "PF0806", "default drop"),
    ("drop outbound and tcp", "PF0807", "outbound and tcp"),
    ("if outbound {\n drop arp\n}", "PF0807", "outbound"),
    ("hook tc egress\ndrop inbound", "PF0807", "inbound"),
    ("hook xdp, tc egress\ndrop outbound and tcp", "PF0807", None),
    ("drop not outbound", "PF0807", None),
]


@pytest.mark.parametrize(("text", "code", "under"), CASES, ids=[f"{c[1]} {c[0]}".replace("\n", "; ") for c in CASES])
def test_warnings(check: Callable[..., Any], text: str, code: str, under: str | None) -> None:
    found = check(text)
    assert found.errors == ()
    assert [place for name, place in found.found if name == code] == ([] if under is None else [under])


def test_a_covered_rule_points_at_the_one_that_decides(check: Callable[..., Any]) -> None:
    text = SAFE + "pass tcp\ndrop tcp and ip"
    (problem,) = [d for d in check(text).diagnostics if d.code == "PF0802"]
    assert [text[r.span.start : r.span.end] for r in problem.related] == ["pass tcp"]


def test_ten_entries_of_a_set_are_named(check: Callable[..., Any]) -> None:
    found = check(f"drop port {{0-100, {', '.join(map(str, range(50)))}}}")
    assert sum(code == "PF0803" for code, _ in found.found) == 10


def _dead(items: tuple[Rule | Block, ...], warnings: list[Diagnostic], dead: bool = False) -> set[int]:
    """The numbers of the rules that the warnings say are never reached or never true."""
    out: set[int] = set()
    for item in items:
        spans = {item.span, item.match.span} if item.match is not None else {item.span}
        here = dead or any(warning.span in spans for warning in warnings)
        if isinstance(item, Rule):
            out |= {item.number} if here else set()
            continue
        out |= _dead(item.body, warnings, here)
        if item.orelse is not None:
            out |= _dead((item.orelse,) if isinstance(item.orelse, Block) else item.orelse, warnings, dead)
    return out


def test_no_packet_reaches_what_is_said_to_be_dead() -> None:
    """Sound on random policies: the reference never runs a rule that PF0801, PF0802 or PF0807 name."""
    named = 0
    for seed in range(150):
        rng = Random(seed)
        hooks = rng.choice((("xdp",), ("tc ingress", "tc egress")))
        sources, sink = SourceMap(), Sink()
        tree = parse_source(
            sources, sources.add_text("random.pf", write_policy(rng, hooks, 12, wide=seed % 2 == 0)), sink
        )
        resolved = build_resolved(tree, sources, sink, name="random") if tree is not None and not sink.failed else None
        if resolved is None:
            continue
        lint(resolved, sink)
        dead = _dead(resolved.policy.body, [d for d in sink.items if d.code in ("PF0801", "PF0802", "PF0807")])
        named += len(dead)
        judge = Judge(resolved.policy)
        for _ in range(40):
            frame = Frame(random_frame(rng, wide=seed % 2 == 0))
            for direction in ("inbound", "outbound")[: 2 if "tc egress" in hooks else 1]:
                assert not dead & set(judge.decide(frame, direction).path)
    assert named > 100


NEAR = (
    "tcp", "udp", "ip", "ip6", "arp", "icmp", "tcp or udp", "port 22", "tcp port {22, 23}", "tcp dst port 22",
    "src port 20-25 or 443", "udp dst port 53", "src and dst port 53", "dst port {22, 53, 443}", "udp.dport < 100",
    "udp.dport in {22, 53}", "tcp flags S/SA", "tcp[13] == 2", "tcp[2:2] > 20", "src net 10.0.0.0/8",
    "src net 10.0.0.0/16", "ip src host 10.0.0.1", "host 10.0.0.1", "ip.saddr in {10.0.0.0/24, 10.1.0.1}",
    "ip.saddr == 10.0.0.1", "arp host 10.0.0.1", "src in {10.0.0.1, 2001:db8::/32}", "ip6 src 2001:db8::1",
    "src net {10.0.0.0/8, 2001:db8::/32}", "src net 10.0.0.1 mask 255.0.0.255", "ip.ttl < 65", "ip.ttl == 64",
    "proto 6", "ip proto 6 or 17", "ip6 proto 0", "less 100", "less 60", "greater 60", "ah", "ah[0] == 6",
    "not udp", "fragment", "vlan", "vxlan", "ether src 02:00:00:00:00:01", "ip multicast",
    "gre", "ipip", "gtp", "geneve", "mpls", "mpls and mpls", "mpls and ip", "pppoes", "pppoed", "stp", "broadcast",
    "(ipip) and ip6", "(gre and tcp)", "(gtp and udp)", "proto 47", "udp dst port 2152", "udp dst port 6081",
    "ip proto 4", "gre and gre.key > 5", "gre in {1-9}", "mpls.label < 100", "mpls in {16-99}", "pppoes.session == 5",
    "gtp.teid < 9",
    "protochain 6", "ip protochain {6, 17}", "ip6 protochain 6", "ip6 protochain 0", "geneve.vni in {1-9}",
)  # fmt: skip
"""Tests of which many imply one another, and many more only seem to."""


def test_a_rule_that_numbers_say_is_covered_never_runs() -> None:
    named, reached = 0, 0
    rng = Random(7)
    for _ in range(400):
        tests = [f"({test})" if " or " in test else test for test in NEAR]
        rules = [" and ".join(rng.sample(tests, rng.choice((1, 1, 2)))) for _ in range(8)]
        sources, sink = SourceMap(), Sink()
        text = "\n".join(f"{rng.choice(('pass', 'drop'))} {rule}" for rule in rules)
        tree = parse_source(sources, sources.add_text("near.pf", text), sink)
        resolved = build_resolved(tree, sources, sink, name="near") if tree is not None else None
        if resolved is None:  # three tunnels, one in another
            continue
        lint(resolved, sink)
        dead = _dead(resolved.policy.body, [d for d in sink.items if d.code in ("PF0801", "PF0802")])
        named += len(dead)
        judge = Judge(resolved.policy)
        for _ in range(40):
            path = judge.decide(Frame(random_frame(rng, wide=True)), "inbound").path
            reached += len(path)
            assert not dead & set(path), text
    assert named > 200
    assert reached > 5000
