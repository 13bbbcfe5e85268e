"""The steps of a hook with the conditions that they became: what codegen hands on from stage to stage."""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.codegen.condition import Condition, Text
from ebpfc.compiler.codegen.planted import Planted, RunRule
from ebpfc.compiler.ir.program import BlockStep, RuleStep


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Rules that are looked up together, in their order, and the tables that they became."""

    rules: tuple[RunRule, ...]
    planted: tuple[Planted, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """A step with its condition; without a step, several that ask the same (`body`), or rules that are looked up."""

    step: RuleStep | BlockStep | None
    condition: Condition
    body: tuple[Tested, ...] = ()
    orelse: tuple[Tested, ...] = ()
    effects: tuple[Text, ...] = ()
    run: Run | None = None
