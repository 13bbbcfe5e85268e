"""A condition → boxes: facts that are set or clear and, of each number, ranges; the condition holds in any of them.

What has a form of its own in C (a table's look-up, arithmetic, bytes read late) has no box. A condition of too many
boxes, or of ranges that make too many entries of them, is none for a table either: a large set has one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import assert_never

from ebpfc.compiler.codegen.condition import NEVER, All, Any, Condition, Mask, Number, Text, Within, all_of, any_of
from ebpfc.compiler.ir.ranges import Ranges, complement, intersection

BOXES_AT_MOST = 32
"""Of one rule: each becomes an entry or more of its own."""
ENTRIES_AT_MOST = 1024
"""Of one rule: a range of each number makes one (two sets of 300 addresses: 90,000)."""


class NoBoxError(Exception):
    """The condition is not one of facts and numbers alone, or of too many."""


@dataclass(frozen=True, slots=True)
class Box:
    """Facts by the C name of the layer's record; numbers that may lie anywhere are not there."""

    masks: Mapping[str, Mask]
    numbers: Mapping[Number, Ranges]


EVERYWHERE = Box({}, {})


def boxes(condition: Condition) -> tuple[Box, ...]:
    """Raises NoBoxError."""
    match condition:
        case Mask():
            return (Box({condition.layer: condition}, {}),)
        case Within():
            found: tuple[Box, ...] = (Box({}, {condition.number: condition.ranges}),)
            _check(found)
            return found
        case All():
            found = (EVERYWHERE,)
            for item in condition.items:
                found = tuple(both for one in boxes(item) for box in found if (both := _both(box, one)) is not None)
                _check(found)
            return found
        case Any():
            found = tuple(box for item in condition.items for box in boxes(item))
            _check(found)
            return found
        case Text():
            raise NoBoxError
        case _:
            assert_never(condition)


def _check(found: tuple[Box, ...]) -> None:
    entries = sum(prod(map(len, box.numbers.values())) for box in found)
    if len(found) > BOXES_AT_MOST or entries > ENTRIES_AT_MOST:
        raise NoBoxError


def _both(a: Box, b: Box) -> Box | None:
    """Where both hold, if anywhere."""
    masks, numbers = dict(a.masks), dict(a.numbers)
    for layer, mask in b.masks.items():
        merged = all_of(masks[layer], mask) if layer in masks else mask
        if not isinstance(merged, Mask):
            assert merged == NEVER
            return None
        masks[layer] = merged
    for number, ranges in b.numbers.items():
        numbers[number] = intersection(numbers[number], ranges) if number in numbers else ranges
        if not numbers[number]:
            return None
    return Box(masks, numbers)


def negated(condition: Condition) -> Condition:
    """Holds where the other does not. Raises NoBoxError.

    Of a number that is not there nothing is known; its fact is missing then, and that alone makes the negation hold.
    """
    match condition:
        case Mask():
            clear = tuple(Mask(condition.layer, (), (fact,)) for fact in condition.set)
            return any_of(*clear, *(Mask(condition.layer, (fact,)) for fact in condition.clear))
        case Within():
            others = complement(condition.ranges, condition.number.bits)
            return Within(condition.number, others, _only_for_boxes) if others else NEVER
        case All():
            return any_of(*(negated(i) for i in condition.items))
        case Any():
            return all_of(*(negated(i) for i in condition.items))
        case Text():
            raise NoBoxError
        case _:
            assert_never(condition)


def _only_for_boxes() -> Condition:
    raise AssertionError("a negation that is never printed")
