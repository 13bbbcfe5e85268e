"""Steps of a hook → the same steps, runs of many rules that only look at the packet as one.

A run is looked up in tables (codegen/planted.py) instead of tried rule by rule:

    drop tcp src net 10.1.0.0/16 port 80         →   run of 2,000 rules
    ... 1,999 more

Sound: a rule of a run decides, changes nothing else, and holds just where one of its boxes does, so that the first
rule that holds is all that counts. A block without a guard whose steps are all of this kind is laid flat: what is
inside asks for the head too, and what is in its `else` for the head's negation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ebpfc.compiler.classify.forest import CannotSplit
from ebpfc.compiler.codegen.boxes import NoBoxError, boxes, negated
from ebpfc.compiler.codegen.condition import ALWAYS, Condition, all_of
from ebpfc.compiler.codegen.planted import RunRule, plant
from ebpfc.compiler.codegen.tested import Run, Tested
from ebpfc.compiler.ir.program import BlockStep, RuleStep

RULES_AT_LEAST = 64
"""In fewer the rules' own code is as fast (measured: 60 to 100 five-tuples)."""


def in_runs(steps: tuple[Tested, ...], facts: tuple[str, ...]) -> tuple[Tested, ...]:
    """Runs are steps of their own, also inside of blocks that are no part of one. `facts`: all, in their order."""
    out: list[Tested] = []
    pending: list[tuple[Tested, list[RunRule]]] = []
    for step in steps:
        rules = _laid_flat(step)
        if rules is not None:
            pending.append((step, rules))
            continue
        out += _ended(pending, facts)
        pending = []
        out.append(replace(step, body=in_runs(step.body, facts), orelse=in_runs(step.orelse, facts)))
    return (*out, *_ended(pending, facts))


def _ended(pending: list[tuple[Tested, list[RunRule]]], facts: tuple[str, ...]) -> list[Tested]:
    """One run, or where that has no quick table two; or the steps themselves."""
    rules = [rule for _, found in pending for rule in found]
    if len(rules) < RULES_AT_LEAST:
        return [step for step, _ in pending]
    try:
        return [Tested(None, ALWAYS, run=Run(tuple(rules), plant(rules, facts)))]
    except CannotSplit:
        if len(pending) == 1:
            return [pending[0][0]]
    middle = len(pending) // 2
    return _ended(pending[:middle], facts) + _ended(pending[middle:], facts)


def _laid_flat(step: Tested) -> list[RunRule] | None:
    """The rules of a step, or None where one of them must be tried by itself."""
    try:
        return [RunRule(rule, boxes(condition)) for condition, rule in _rules(step, ALWAYS)]
    except NoBoxError:
        return None


def _rules(tested: Tested, around: Condition) -> Iterator[tuple[Condition, RuleStep]]:
    """Raises NoBoxError. A rule that always holds ends what can be reached, and stays what it is."""
    step, condition = tested.step, all_of(around, tested.condition)
    if isinstance(step, RuleStep):
        if step.verdict is None or tested.effects or condition == ALWAYS:
            raise NoBoxError
        yield condition, step
        return
    assert isinstance(step, BlockStep)
    for inside in tested.body:
        yield from _rules(inside, condition)
    if tested.orelse:
        other = all_of(around, negated(tested.condition))
        for inside in tested.orelse:
            yield from _rules(inside, other)
