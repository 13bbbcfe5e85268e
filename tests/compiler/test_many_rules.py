"""Many rules: reference and kernel decide alike whatever the rules, at the ends of each."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebpfc.compiler.ast.matches import CONNECTION_STATES
from ebpfc.testing.agreement import build_traced, disagreements
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.many_rules import Aimed, aimed_frames, aimed_match
from ebpfc.testing.packets import ether, ip4, udp
from ebpfc.testing.random_traffic import TimedFrame
from ebpfc.testing.rule_set_trial import frame_of
from ebpfc.testing.rule_sets import KINDS, build_packets, build_rules
from ebpfc.testing.timed_agreement import timed_disagreements

pytestmark = pytest.mark.kernel
RUN = "GLOBAL int classify_"


def written(seeds: list[int], rng: Random) -> tuple[list[Aimed], str]:
    """A rule of each seed, equal ones of equal seeds; those that leave much open rather behind."""
    rules = [aimed_match(Random(seed)) for seed in seeds]
    rules.sort(key=lambda rule: rng.random() * 3 - len(rule.holds))
    return rules, "".join(f"{rng.choice(('pass', 'drop'))} {rule.text}\n" for rule in rules)


def check(seeds: list[int], hook: str, frames: int) -> None:
    rng = Random(sum(seeds))
    rules, text = written(seeds, rng)
    compiled, built = build_traced(f"hook {hook}\n{text}")
    found = disagreements(compiled.policy, built, list(aimed_frames(rng, rules, frames)))
    assert not found, "\n".join([*map(str, found[:3]), text])


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seeds=st.lists(st.one_of(st.integers(0, 40), st.integers(0, 1 << 32)), min_size=64, max_size=300),
    hook=st.sampled_from(("xdp", "tc ingress", "tc egress")),
)
def test_reference_and_kernel_agree_on_aimed_rules(seeds: list[int], hook: str) -> None:
    check(seeds, hook, 300)


@pytest.mark.usefixtures("every_run")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 30])
def test_few_aimed_rules(count: int) -> None:
    for seed in range(4):
        check([count * 100 + seed * 30 + n for n in range(count)], "xdp", 200)


def test_aimed_rules_are_looked_up_and_met() -> None:
    """What the properties above look at: tables, and rules of which many decide some frame."""
    rng = Random(5)
    rules, text = written(list(range(120)), rng)
    compiled, built = build_traced(text)
    assert RUN in compiled.c_text
    with KernelPolicy(built) as kernel:
        met = {answer[1] for answer in kernel.judge_all("xdp", list(aimed_frames(rng, rules, 3000))) if answer}
    assert len(met) > 60


# ------------------------------------------------------------------------------------------- sets as networks have them


@pytest.mark.parametrize("versions", [(4,), (6,), (4, 6)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [10, 100, 1000])
def test_rule_sets(kind: str, count: int, versions: tuple[int, ...]) -> None:
    """First match by the set's own reading of a rule; the default is another answer than any rule's."""
    rules = build_rules(kind, count, versions=versions)
    packets = list(build_packets(rules, 300))
    hooks = ("xdp", "tc ingress") if count < 1000 else ("xdp",) if kind == "acl" else ("tc egress",)
    text = "".join(f"{rule.text()}\n" for rule in rules)
    compiled, built = build_traced(f"hook {', '.join(hooks)}\n{text}")
    assert compiled.c_text.count(RUN) == (len(hooks) if count >= 100 else 0)
    first = (next((n for n, rule in enumerate(rules) if rule.matches(packet)), None) for packet in packets)
    expected = [("pass", None) if n is None else (rules[n].action, n) for n in first]
    frames = [frame_of(packet) for packet in packets]
    with KernelPolicy(built) as kernel:
        for hook in hooks:
            assert kernel.judge_all(hook, frames) == expected


# ----------------------------------------------------------------------------------------------- states of connections


@pytest.mark.parametrize("seed", range(3))
def test_aimed_rules_and_states_of_connections(seed: int) -> None:
    """Some conversations are answered; a state is a number of the key beside the others."""
    rng = Random(f"states {seed}")
    rules = [aimed_match(rng) for _ in range(100)]
    states = [rng.choice(("", "", f" and state {rng.choice(CONNECTION_STATES)}")) for _ in rules]
    lines = "".join(
        f"{rng.choice(('pass', 'drop'))} {rule.text}{state}\n" for rule, state in zip(rules, states, strict=True)
    )
    compiled, built = build_traced(f"hook xdp\ntrack\n{lines}")
    assert RUN in compiled.c_text
    traffic = [TimedFrame(10**12 + n * 10**6, frame) for n, frame in enumerate(conversations(rng, rules))]
    found = timed_disagreements(compiled, built, "xdp", traffic)
    assert not found, f"{found[0]}\n{lines}"


def conversations(rng: Random, rules: list[Aimed]) -> Iterator[bytes]:
    """Aimed frames, and datagrams there and back again."""
    hosts = [f"10.0.0.{n}" for n in range(1, 5)]
    for frame in aimed_frames(rng, rules, 300):
        yield frame
        src, dst = rng.sample(hosts, 2)
        sport, dport = rng.choices((22, 53, 80), k=2)
        yield ether(ip4(udp(bytes(20), sport=sport, dport=dport), src=src, dst=dst))
        yield ether(ip4(udp(bytes(20), sport=dport, dport=sport), src=dst, dst=src))
