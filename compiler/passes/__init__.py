"""IR → IR, one file a pass, each named as its function and as `--dump-after` knows it, run in the order of PASSES.

A pass keeps what a program means: for every packet the same verdict, the same deciding rule, the same counts.
`fold_constants` and `merge_sets` keep each predicate's three values; from `push_negations` on only "is true" counts.
"""

from __future__ import annotations

from collections.abc import Callable

from ebpfc.compiler.ir.program import Program
from ebpfc.compiler.passes.drop_contradictions import drop_contradictions
from ebpfc.compiler.passes.drop_unreachable import drop_unreachable
from ebpfc.compiler.passes.flatten import flatten
from ebpfc.compiler.passes.fold_constants import fold_constants
from ebpfc.compiler.passes.merge_sets import merge_sets
from ebpfc.compiler.passes.push_negations import push_negations

Pass = Callable[[Program], Program]
PASSES: tuple[Pass, ...] = (
    fold_constants,
    push_negations,
    flatten,
    merge_sets,
    drop_contradictions,
    flatten,
    drop_unreachable,
)


def pass_name(run: Pass) -> str:
    """The name that `--dump-after` takes: the function's, with dashes."""
    return run.__name__.replace("_", "-")


def run_passes(
    program: Program, passes: tuple[Pass, ...] = PASSES, observe: Callable[[str, Program], None] | None = None
) -> Program:
    """Runs the passes in order; `observe` is shown each name and what came out of it."""
    for run in passes:
        program = run(program)
        if observe is not None:
            observe(pass_name(run), program)
    return program
