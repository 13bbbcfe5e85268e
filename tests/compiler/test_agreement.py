"""The property that carries everything: reference and kernel agree, in verdict and deciding rule, on every packet."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebpfc.compiler.ast.nodes import Policy
from ebpfc.testing.agreement import HOOKS, Disagreement, build_traced, disagreements
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import random_policy
from ebpfc.testing.strategies import frames, policies

POLICIES_AT_ONCE = 25
FRAMES = 200


def explain(found: list[Disagreement], text: str) -> str:
    return "\n".join([*(str(d) for d in found[:3]), "", text])


@pytest.mark.kernel
@pytest.mark.parametrize("batch", range(8))
def test_reference_and_kernel_agree_on_random_policies(batch: int) -> None:
    """8 × 25 policies × 200 frames, each at all three hooks; every other policy asks for all encapsulations."""
    for seed in range(batch * POLICIES_AT_ONCE, (batch + 1) * POLICIES_AT_ONCE):
        rng = Random(seed)
        rules = rng.choice((1, 2, 3, 5, 8, 14))
        text, _ = random_policy(rng, HOOKS, rules=rules, netmask=True, wide=seed % 2 == 1)
        compiled, built = build_traced(text, netmask=NETMASK)
        found = disagreements(compiled.policy, built, frames_for(rng, compiled.policy, FRAMES))
        assert not found, explain(found, text)


@pytest.mark.kernel
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=policies(hooks=HOOKS), packets=st.lists(frames(shortest=15), min_size=1, max_size=30))
def test_reference_and_kernel_agree_and_hypothesis_shrinks(drawn: tuple[str, Policy], packets: list[bytes]) -> None:
    text, _ = drawn
    compiled, built = build_traced(text, netmask=NETMASK)
    found = disagreements(compiled.policy, built, packets)
    assert not found, explain(found, text)


@pytest.mark.kernel
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_merged_segments_excuse_the_length_checks(seed: int) -> None:
    rng = Random(seed)
    text = "".join(
        f"if {kind} {{\n drop malformed\n}}\n" for kind in ("vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes")
    )
    text = f"hook tc ingress, tc egress\ndrop malformed\n{text}pass tcp\n"
    compiled, built = build_traced(text)
    found = disagreements(compiled.policy, built, [random_frame(rng, wide=True) for _ in range(100)], merged=True)
    assert not found, explain(found, text)
