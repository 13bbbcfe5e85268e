"""The steps of a hook with the conditions that they became: what codegen hands on from stage to stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ebpfc.compiler.codegen.boxes import Box
from ebpfc.compiler.codegen.condition import ALWAYS, Condition, Text
from ebpfc.compiler.ir.program import BlockStep, RuleStep

if TYPE_CHECKING:
    from ebpfc.compiler.codegen.planted import Planted


@dataclass(frozen=True, slots=True)
class RunRule:
    """A rule, where what it asks of the packet holds, what it asks besides, and the C of what it changes."""

    rule: RuleStep
    boxes: tuple[Box, ...]
    rest: Condition = ALWAYS
    effects: tuple[Text, ...] = ()

    @property
    def is_loose(self) -> bool:
        """Found, it may leave the packet undecided."""
        return self.rest != ALWAYS or self.rule.verdict is None


def loose_bits(rules: Sequence[RunRule]) -> Mapping[int, int]:
    """Of each loose rule, by its number: the bit of the key that is its own."""
    loose = (rule.rule.number for rule in rules if rule.is_loose)
    return {number: bit for bit, number in enumerate(loose)}


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
