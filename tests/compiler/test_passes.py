"""Each pass keeps the meaning, the IR's text comes back as it went, and small programs become what they should."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebpfc.compiler.ir.program import HookName, Program
from ebpfc.compiler.ir.text import parse_program, print_program
from ebpfc.compiler.ir.verify import verify_program
from ebpfc.compiler.lower import lower
from ebpfc.compiler.passes import PASSES, pass_name
from ebpfc.testing.agreement import HOOKS
from ebpfc.testing.ir_meaning import World, run
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_policies import random_policy
from ebpfc.testing.random_state import random_stateful_policy

WORLDS = 40


def lowered(seed: int, hook: HookName) -> Program:
    """Every third policy remembers."""
    rng = Random(seed)
    if seed % 3 == 0:
        return lower(random_stateful_policy(rng, HOOKS, wide=True)[1], hook)
    _, policy = random_policy(rng, HOOKS, rules=6, netmask=True, wide=True)
    assert policy.netmask == NETMASK
    return lower(policy, hook)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), hook=st.sampled_from(HOOKS))
def test_each_pass_keeps_the_meaning(seed: int, hook: HookName) -> None:
    program = lowered(seed, hook)
    verify_program(program)
    for change in PASSES:
        after = change(program)
        verify_program(after)
        for world in range(WORLDS):
            before_outcome = run(program, World(world))
            assert run(after, World(world)) == before_outcome, (pass_name(change), print_program(program))
        program = after


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), hook=st.sampled_from(HOOKS))
def test_printing_and_parsing_the_ir_gives_it_back(seed: int, hook: HookName) -> None:
    program = lowered(seed, hook)
    assert parse_program(print_program(program)) == program


def by_name(name: str) -> Callable[[Program], Program]:
    return next(p for p in PASSES if pass_name(p) == name)


CASE = re.compile(r"\[case ([a-z-]+): ([^\n]*)\]\n(.*?)\n\[out\]\n(.*?)\n(?:\n|$)", re.DOTALL)
CASES = CASE.findall((Path(__file__).parent / "passes.test").read_text())


@pytest.mark.parametrize(("name", "what", "before", "after"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_what_a_pass_makes(name: str, what: str, before: str, after: str) -> None:
    head = "program case xdp pass\n"
    before_program = parse_program(head + before + "\n")
    assert print_program(by_name(name)(before_program)) == head + after + "\n"


def test_every_pass_has_cases() -> None:
    assert {c[0] for c in CASES} == {pass_name(p) for p in PASSES}


@pytest.mark.parametrize(
    "text",
    [
        "rule 0 drop (tag 0 3)",
        "rule 0 drop (in (load 3 ip 8 1) 1-1)",
        "rule 0 drop (in (load 0 ip 8 5) 1-1)",
        "rule 0 drop (in (load 0 ip 8 1) 5-3)",
        "rule 0 drop (in (load 0 nowhere 8 1) 1-1)",
        "rule 0 drop true\nrule 0 drop true",
    ],
)
def test_the_verifier_of_the_ir_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="IR"):
        verify_program(parse_program("program case xdp pass\n" + text))
