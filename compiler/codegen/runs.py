"""Steps of a hook → the same steps, runs of many rules as one that is looked up in tables (codegen/planted.py).

    drop tcp src net 10.1.0.0/16 port 80         →   run of 2,000 rules
    ... 1,999 more

A rule's boxes say where what it asks of the packet holds. A *loose* rule asks for more (a guard, a table), or decides
nothing: when it is found, the rest is tried, and if the packet is still undecided it is looked up again without that
rule. A block without a guard is laid flat: what is inside asks for its head too, in `else` for the head's negation.

Sound: a loose rule asks for a bit of the key that is its own, and is cleared when it has been tried; so what is found
is each time the first rule, of those not yet tried, that holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ebpfc.compiler.codegen.boxes import NoBoxError, boxes, negated
from ebpfc.compiler.codegen.condition import ALWAYS, All, Condition, all_of
from ebpfc.compiler.codegen.tested import Run, RunRule, Tested
from ebpfc.compiler.ir.program import BlockStep, RuleStep

RULES_AT_LEAST = 64
"""In fewer the rules' own code is as fast (measured: 60 to 100 five-tuples)."""
Flat = tuple[Tested, tuple[RunRule, ...]]
"""A step and the rules that it is."""


def in_runs(steps: tuple[Tested, ...], facts: tuple[str, ...]) -> tuple[Tested, ...]:
    """Runs are steps of their own, also inside of blocks that are no part of one. `facts`: all, in their order."""
    out: list[Tested] = []
    pending: list[Flat] = []
    for step in steps:
        rules = _laid_flat(step)
        if rules is not None:
            pending.append((step, rules))
            continue
        out += _ended(pending, facts)
        pending = []
        out.append(_runs_inside(step, facts))
    return (*out, *_ended(pending, facts))


def _runs_inside(step: Tested, facts: tuple[str, ...]) -> Tested:
    return replace(step, body=in_runs(step.body, facts), orelse=in_runs(step.orelse, facts))


def _ended(pending: Sequence[Flat], facts: tuple[str, ...]) -> list[Tested]:
    """One run, or where that has no quick table two, or those inside of a block; or the steps themselves, as are loose
    rules before and behind."""
    begin, end = 0, len(pending)
    while begin < end and _is_loose(pending[begin]):
        begin += 1
    while begin < end and _is_loose(pending[end - 1]):
        end -= 1
    before, behind = ([step for step, _ in part] for part in (pending[:begin], pending[end:]))
    return [*before, *_planted(pending[begin:end], facts), *behind]


def _is_loose(flat: Flat) -> bool:
    """All of its rules are; a block that has others too is worth a look-up."""
    return all(rule.is_loose for rule in flat[1])


def _planted(flat: Sequence[Flat], facts: tuple[str, ...]) -> list[Tested]:
    rules = tuple(rule for _, found in flat for rule in found)
    if len(rules) < RULES_AT_LEAST:
        return [step for step, _ in flat]
    from ebpfc.compiler.classify.forest import CannotSplit
    from ebpfc.compiler.codegen.planted import plant

    try:
        return [Tested(None, ALWAYS, run=Run(rules, plant(rules, facts)))]
    except CannotSplit:
        if len(flat) == 1:
            return [_runs_inside(flat[0][0], facts)]
        middle = len(flat) // 2
        return _ended(flat[:middle], facts) + _ended(flat[middle:], facts)


def _laid_flat(step: Tested) -> tuple[RunRule, ...] | None:
    """The rules of a step, or None where it must be tried by itself."""
    try:
        return tuple(_rules(step, ALWAYS))
    except NoBoxError:
        return None


def _rules(tested: Tested, around: Condition) -> Iterator[RunRule]:
    """Raises NoBoxError; also where a rule asks nothing of the packet: nothing is to be looked up."""
    step = tested.step
    if isinstance(step, RuleStep):
        pure, rest = _parted(all_of(around, tested.condition))
        if pure == ALWAYS:
            raise NoBoxError
        yield RunRule(step, boxes(pure), rest, tested.effects)
        return
    assert isinstance(step, BlockStep)
    condition = all_of(around, tested.condition)
    boxes(condition)
    for inside in tested.body:
        yield from _rules(inside, condition)
    if tested.orelse:
        other = all_of(around, negated(tested.condition))
        for inside in tested.orelse:
            yield from _rules(inside, other)


def _parted(condition: Condition) -> tuple[Condition, Condition]:
    """What has boxes, and the rest in its order."""
    items = condition.items if isinstance(condition, All) else (condition,)
    pure = [item for item in items if _has_boxes(item)]
    return all_of(*pure), all_of(*(item for item in items if item not in pure))


def _has_boxes(condition: Condition) -> bool:
    try:
        boxes(condition)
    except NoBoxError:
        return False
    return True
