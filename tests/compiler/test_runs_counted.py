"""Runs of rules that are looked up count as rules do that are tried, and ask their guards in their turn."""

from __future__ import annotations

import struct
from random import Random

import pytest

from ebpfc.compiler.ir.program import HookName
from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.counted import kernel_counts, reference_counts
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.packets import ether, icmp, ip4, ip6, tag, tcp, udp
from ebpfc.testing.random_policies import random_policy

pytestmark = pytest.mark.kernel
RUN = "GLOBAL int classify_"


def plain(count: int) -> str:
    return "".join(f"drop tcp dst port {1000 + n} and src host 10.0.0.{n}\n" for n in range(count))


COUNTED = f"""\
hook xdp, tc ingress, tc egress
count "all" ip
{plain(40)}\
pass tcp dst port 1003 then count "three", count "some"
pass tcp dst port {{1004, 1005}} then count "some", count "some"
count "dns" udp dst port 53
count "some" udp
if vlan 5 {{
    drop udp dst port 7 then count "seven"
    count "tagged" ip
    pass tcp dst port 1003 then count "three"
}} else {{
    count "bare" ip
    drop icmp
    drop ip6 and udp then count "some"
}}
{plain(30)}\
drop tcp dst port 9 then count "nine"
count "end" tcp
"""
FRAMES = [
    ether(network)
    for carried in (*(tcp(dport=port) for port in (9, 80, 1003, 1004, 1005, 1039)), udp(), udp(dport=7), icmp())
    for network in (
        ip4(carried),
        ip4(carried, src="10.0.0.3"),
        ip4(carried, src="10.0.0.39", options=bytes(8)),
        ip6(carried),
        tag(ip4(carried), 5),
        tag(ip6(carried), 5),
        tag(ip4(carried), 6),
    )
]


@pytest.mark.parametrize("hook", HOOKS)
def test_counters_of_rules_and_names_are_exact(hook: HookName) -> None:
    """Some packets once, others twice or three times, so that no two counters are alike by chance."""
    compiled = compile_text(COUNTED, Options())
    assert compiled.c_text.count(RUN) == len(HOOKS)
    frames = [frame for place, frame in enumerate(FRAMES) for _ in range(1 + place % 3)]
    expected = reference_counts(compiled, frames, hook)
    assert {"all", "three", "some", "dns", "seven", "tagged", "bare", "nine", "end", None} <= set(expected)
    assert kernel_counts(compiled, frames, hook) == expected


@pytest.mark.usefixtures("every_run")
def test_counters_of_random_policies_are_exact() -> None:
    found = 0
    for seed in range(12):
        rng = Random(f"counters {seed}")
        text, _ = random_policy(rng, ("xdp",), rules=14)
        compiled = compile_text(text, Options())
        found += compiled.c_text.count(RUN)
        frames = [frame for frame in frames_for(rng, compiled.policy, 200) if len(frame) > 14]
        assert kernel_counts(compiled, frames, "xdp") == reference_counts(compiled, frames, "xdp"), text
    assert found > 4


@pytest.mark.parametrize("loose", [1, 15, 16])
def test_as_many_loose_rules_as_there_are_bits(loose: int) -> None:
    """All of them hold, and none decides: each is found once, then the rule behind them."""
    counting = "".join(f'count "{n}" udp dst port 53\n' for n in range(loose))
    compiled = compile_text(f"drop udp dst port 9\n{counting}{plain(70)}drop udp\n", Options())
    assert compiled.c_text.count(RUN) == 1
    frames = [ether(ip4(udp())), ether(ip4(tcp())), ether(ip4(udp(), src="10.9.9.9"))]
    counts = kernel_counts(compiled, frames, "xdp")
    assert counts == reference_counts(compiled, frames, "xdp")
    assert counts[str(loose - 1)][0] == counts[loose + 71][0] == 2


@pytest.mark.usefixtures("every_run")
def test_a_guard_is_asked_in_its_turn_and_once() -> None:
    """Each limiter lets one packet pass, ever; where a rule before has decided, it is not asked."""
    text = "".join(
        f"pass tcp dst port {{80, {port}}} within 1/d burst 1\npass udp dst port {port}\n" for port in range(8)
    )
    compiled = compile_text(f"default drop\n{text}pass udp\n", Options(trace=True))
    assert compiled.c_text.count(RUN) == 1
    web, third = ether(ip4(tcp(dport=80))), ether(ip4(tcp(dport=3)))
    with KernelPolicy(build_object(compiled, default_compiler())) as kernel:
        clock = MapEntries(kernel.map("pf_clock").fd, "pf_clock")
        clock.put(bytes(4), struct.pack("=Q", 10**12))
        answers = [kernel.judge("xdp", frame) for frame in (third, *[web] * 8, third)]
        others = [("pass", rule) for rule in (0, 2, 4, 8, 10, 12, 14)]
        assert answers == [("pass", 6), *others, ("drop", None), ("drop", None)]
        assert kernel.judge("xdp", ether(ip4(udp(dport=5)))) == ("pass", 11)
        assert kernel.judge("xdp", ether(ip4(udp(dport=99)))) == ("pass", 16)
