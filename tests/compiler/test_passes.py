"""Each pass keeps the meaning, the IR's text comes back as it went, and small programs become what they should."""

from collections.abc import Callable
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

WORLDS = 40


def lowered(seed: int, hook: HookName) -> Program:
    _, policy = random_policy(Random(seed), HOOKS, rules=6, netmask=True)
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


CASES = [
    ("fold-constants", "rule 0 drop (compare < (load 0 ip 8 1) (+ 2 3))", "rule 0 drop (in (load 0 ip 8 1) 0-4)"),
    ("fold-constants", "rule 0 drop (compare > 7 (load 0 ip 8 1))", "rule 0 drop (in (load 0 ip 8 1) 0-6)"),
    ("fold-constants", "rule 0 drop (and (type 0 2048) (in 5 1-3))", "rule 0 drop false"),
    ("fold-constants", "rule 0 drop (in (& (load 0 tcp 13 1) 15) 3-3 255-255)", "rule 0 drop (in (& (load 0 tcp 13 1) 15) 3-3)"),
    ("fold-constants", "rule 0 drop (in (loadat 0 tcp (+ 1 1) 2) 1-3)", "rule 0 drop (in (load 0 tcp 2 2) 1-3)"),
    ("fold-constants", "rule 0 drop (in (/ 1 0) 1-3)", "rule 0 drop (in (/ 1 0) 1-3)"),
    ("push-negations", "rule 0 drop (not (and (type 0 2048) (not (tag 0 1))))", "rule 0 drop (or (not (type 0 2048)) (tag 0 1))"),
    ("flatten", "rule 0 drop (and (tag 0 1) (and (tag 0 2) (tag 0 1)) true)", "rule 0 drop (and (tag 0 1) (tag 0 2))"),
    ("flatten", "rule 0 drop (or (tag 0 1) (in (load 0 ip 8 1) ))", "rule 0 drop (tag 0 1)"),
    ("merge-sets", "rule 0 drop (or (in (load 0 ip 8 1) 1-1) (in (load 0 ip 8 1) 2-9))", "rule 0 drop (in (load 0 ip 8 1) 1-9)"),
    ("merge-sets", "rule 0 drop (and (not (in (load 0 ip 8 1) 1-1)) (not (in (load 0 ip 8 1) 3-3)))", "rule 0 drop (not (in (load 0 ip 8 1) 1-1 3-3))"),
    ("merge-sets", "rule 0 drop (or (proto 0 17) (proto 0 6))", "rule 0 drop (proto 0 6 17)"),
    ("drop-unreachable", "rule 0 drop true\nrule 1 pass (tag 0 1)", "rule 0 drop true"),
    ("drop-unreachable", "block 0 false {\n  rule 0 drop true\n} else {\n  rule 1 - true\n}", "rule 1 - true"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after"), CASES)
def test_what_a_pass_makes(name: str, before: str, after: str) -> None:
    head = "program case xdp pass\n"
    assert print_program(by_name(name)(parse_program(head + before))) == head + after + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "rule 0 drop (tag 0 3)",
        "rule 0 drop (in (load 2 ip 8 1) 1-1)",
        "rule 0 drop (in (load 0 ip 8 5) 1-1)",
        "rule 0 drop (in (load 0 ip 8 1) 5-3)",
        "rule 0 drop (in (load 0 nowhere 8 1) 1-1)",
        "rule 0 drop true\nrule 0 drop true",
    ],
)
def test_the_verifier_of_the_ir_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="IR"):
        verify_program(parse_program("program case xdp pass\n" + text))
