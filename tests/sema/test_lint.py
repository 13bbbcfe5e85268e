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
    ("drop tcp\ndrop tcp dst port 22", "PF0802", None),
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
        tree = parse_source(sources, sources.add_text("random.pf", write_policy(rng, hooks, 12)), sink)
        resolved = build_resolved(tree, sources, sink, name="random") if tree is not None and not sink.failed else None
        if resolved is None:
            continue
        lint(resolved, sink)
        dead = _dead(resolved.policy.body, [d for d in sink.items if d.code in ("PF0801", "PF0802", "PF0807")])
        named += len(dead)
        judge = Judge(resolved.policy)
        for _ in range(40):
            frame = Frame(random_frame(rng))
            for direction in ("inbound", "outbound")[: 2 if "tc egress" in hooks else 1]:
                assert not dead & set(judge.decide(frame, direction).path)
    assert named > 100
