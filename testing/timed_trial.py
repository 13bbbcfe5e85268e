"""One random policy that remembers, in the kernel and by the simulator: a seed in, what they say otherwise out.

The seed chooses all: the hook, the rules, whether connections are tracked, the kernel that it is built for, packets.
"""

from __future__ import annotations

from random import Random

from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_state import random_stateful_policy
from ebpfc.testing.random_traffic import random_traffic
from ebpfc.testing.timed_agreement import TimedDisagreement, timed_disagreements

SHORTEST = 60
"""Bytes of a frame that TEST_RUN takes at every hook."""
OLDEST = (5, 10)
"""Without compare-and-exchange and without a coarse clock."""


def timed_trial(seed: int, packets: int) -> list[TimedDisagreement]:
    """Raises PolicyError, ToolchainError, KernelError: none of them should."""
    rng = Random(seed)
    hook, tracked = rng.choice(HOOKS), seed % 3 == 0
    rules = rng.choice((1, 2, 3, 5, 8))
    text, _ = random_stateful_policy(rng, (hook,), rules=rules, wide=seed % 2 == 0, track=tracked)
    compiled = compile_text(text, Options(trace=True, kernel=OLDEST if seed % 4 == 0 else None))
    draw = random_flows if tracked else random_traffic
    traffic = draw(rng, compiled.policy, packets, DIRECTIONS[hook], shortest=SHORTEST)
    return timed_disagreements(compiled, build_object(compiled, default_compiler()), hook, traffic)
