"""Policies that remember: the object in the kernel and the simulator say the same of every packet, at any time.

Also built for Linux 5.10, which has no compare-and-exchange and no coarse clock.
"""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_state import random_stateful_policy
from ebpfc.testing.random_traffic import random_traffic
from ebpfc.testing.timed_agreement import timed_disagreements

pytestmark = pytest.mark.kernel

CHUNKS, POLICIES, PACKETS = 10, 12, 500
SHORTEST = 60
"""What TEST_RUN takes at every hook."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_simulator_and_kernel_agree(chunk: int) -> None:
    for seed in range(chunk * POLICIES, (chunk + 1) * POLICIES):
        rng = Random(seed)
        hook = rng.choice(HOOKS)
        tracked, rules = seed % 3 == 0, rng.choice((1, 2, 3, 5, 8))
        text, _ = random_stateful_policy(rng, (hook,), rules=rules, wide=seed % 2 == 0, track=tracked)
        kernel = (5, 10) if seed % 4 == 0 else None
        compiled = compile_text(text, Options(trace=True, kernel=kernel))
        direction = "outbound" if hook == "tc egress" else "inbound"
        draw = random_flows if tracked else random_traffic
        traffic = draw(rng, compiled.policy, PACKETS, direction, shortest=SHORTEST)
        found = timed_disagreements(compiled, build_object(compiled, default_compiler()), hook, traffic)
        assert not found, f"seed {seed}, {hook}: {found[0]}\n{text}"
