"""Objects of any number of rules load, with counters, at XDP and tc, for the oldest kernel and for the newest."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import default_compiler
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.rule_sets import build_rules

pytestmark = pytest.mark.kernel

LOG_TOTALS = 4  # BPF_LOG_STATS
ROOM = 100_000  # of the 1,000,000 instructions that the verifier processes at most
KERNELS = ((5, 10), None)


def network(count: int) -> str:
    return "".join(f"{rule.text()}\n" for rule in build_rules("fw", count, versions=(4, 6)))


def wild(count: int) -> str:
    """Each rule fixes one number or two, and leaves all else open."""
    rng = Random(count)
    lines = []
    for _ in range(count):
        low = rng.randrange(65000)
        tests = (
            f"src net 10.{rng.randrange(256)}.{rng.randrange(256)}.0/24",
            f"dst net 2001:db8:{rng.randrange(65536):x}::/48",
            f"tcp src portrange {low}-{low + rng.randrange(500)}",
            f"udp dst port {low}",
            f"vlan {rng.randrange(4096)}",
            f"ip.ttl == {rng.randrange(256)}",
        )
        kind = rng.randrange(len(tests))
        lines.append(f"{rng.choice(('pass', 'drop'))} {tests[kind]}\n")
    return "".join(lines)


def processed(text: str, kernel: tuple[int, int] | None, hook: str) -> list[int]:
    """Instructions that the verifier processed of each program."""
    built = build_object(compile_text(f"hook {hook}\n{text}", Options(kernel=kernel)), default_compiler())
    with KernelPolicy(built, traced=False, log_level=LOG_TOTALS) as policy:
        return [int(number) for number in re.findall(r"processed (\d+) insns", policy.log)]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [network, wild])
@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 300])
def test_objects_load_with_room(count: int, kind: Callable[[int], str], kernel: tuple[int, int] | None) -> None:
    assert max(processed(kind(count), kernel, "xdp, tc ingress, tc egress")) < ROOM


@pytest.mark.parametrize("hook", ["xdp", "tc ingress"])
@pytest.mark.parametrize("kind", [network, wild])
def test_a_thousand_rules_load_with_room(kind: Callable[[int], str], hook: str) -> None:
    assert max(processed(kind(1000), (5, 10), hook)) < ROOM


@pytest.mark.slow
@pytest.mark.parametrize("kind", [network, wild])
def test_ten_thousand_rules_load_with_room(kind: Callable[[int], str]) -> None:
    assert max(processed(kind(10_000), (5, 10), "xdp")) < ROOM
