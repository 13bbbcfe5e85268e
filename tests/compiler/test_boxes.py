"""Conditions as boxes: where a condition holds and where its negation does, and how many boxes that makes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from random import Random

import pytest

from ebpfc.compiler.codegen import condition as c
from ebpfc.compiler.codegen.boxes import BOXES_AT_MOST, ENTRIES_AT_MOST, EVERYWHERE, Box, NoBoxError, boxes, negated
from ebpfc.compiler.codegen.condition import ALWAYS, NEVER, Condition, Mask, Number, Text, Within, all_of, any_of
from ebpfc.compiler.codegen.entries import Facts, Half, Loose, entries_of
from ebpfc.compiler.ir.ranges import Ranges, normal

FACTS = ("A", "B", "C")
LAYERS = ("outer", "inner")
SMALL, OTHER = Number("x", 3), Number("y", 3)
Packet = tuple[Mapping[str, frozenset[str]], Mapping[Number, int]]
"""The facts of each layer, and the numbers, of which those that are not there may be any."""


def has(layer: str, *facts: str, clear: tuple[str, ...] = ()) -> Mask:
    return Mask(layer, facts, clear)


def within(number: Number, *ranges: tuple[int, int]) -> Within:
    return Within(number, ranges, lambda: Text("never printed"))


def packets() -> list[Packet]:
    """All there are: of two layers any facts, of two numbers any value."""
    subsets = [frozenset(f for i, f in enumerate(FACTS) if bits >> i & 1) for bits in range(8)]
    return [
        ({"outer": one, "inner": other}, {SMALL: x, OTHER: y})
        for one, other, x, y in product(subsets, subsets, range(8), range(8))
    ]


ALL_PACKETS = packets()


def holds(condition: Condition, packet: Packet) -> bool:
    facts, numbers = packet
    match condition:
        case Mask():
            return set(condition.set) <= facts[condition.layer] and not set(condition.clear) & facts[condition.layer]
        case Within():
            return any(low <= numbers[condition.number] <= high for low, high in condition.ranges)
        case c.All():
            return all(holds(item, packet) for item in condition.items)
        case c.Any():
            return any(holds(item, packet) for item in condition.items)
        case Text():
            raise AssertionError("no test of the packet's facts and numbers")


def in_box(box: Box, packet: Packet) -> bool:
    return holds(all_of(*box.masks.values(), *(within(n, *ranges) for n, ranges in box.numbers.items())), packet)


def random_condition(rng: Random, depth: int) -> Condition:
    kind = rng.random()
    if depth == 0 or kind < 0.35:
        if rng.random() < 0.5:
            facts = rng.sample(FACTS, rng.choice((1, 1, 2)))
            return has(rng.choice(LAYERS), *facts[:1], clear=tuple(facts[1:]))
        return within(rng.choice((SMALL, OTHER)), *_ranges(rng))
    items = [random_condition(rng, depth - 1) for _ in range(rng.choice((1, 2, 2, 3)))]
    return all_of(*items) if kind < 0.7 else any_of(*items)


def _ranges(rng: Random) -> Ranges:
    ends = sorted(rng.choices(range(8), k=rng.choice((2, 4))))
    return normal(list(zip(ends[::2], ends[1::2], strict=True)))


@pytest.mark.parametrize("seed", range(60))
def test_a_condition_holds_in_its_boxes_and_its_negation_elsewhere(seed: int) -> None:
    condition = random_condition(Random(seed), 3)
    where, elsewhere = boxes(condition), boxes(negated(condition))
    for packet in Random(seed).sample(ALL_PACKETS, 300):
        assert any(in_box(box, packet) for box in where) == holds(condition, packet)
        assert any(in_box(box, packet) for box in elsewhere) != holds(condition, packet)


def test_what_always_holds_is_everywhere_and_what_never_does_nowhere() -> None:
    assert boxes(ALWAYS) == (EVERYWHERE,)
    assert boxes(NEVER) == ()
    assert negated(ALWAYS) == NEVER
    assert negated(NEVER) == ALWAYS
    assert negated(within(SMALL, (0, 7))) == NEVER


def test_contradictions_have_no_box() -> None:
    assert boxes(c.All((within(SMALL, (0, 3)), within(SMALL, (4, 7))))) == ()
    assert boxes(c.All((has("outer", "A"), Mask("outer", (), ("A",))))) == ()
    assert len(boxes(all_of(any_of(has("outer", "A"), has("inner", "A")), Mask("outer", (), ("A",))))) == 1


def test_a_negation_holds_where_the_fact_is_missing_whatever_the_number() -> None:
    """The number is the frame's before, then."""
    port = all_of(has("outer", "A"), within(SMALL, (2, 3)))
    found = boxes(negated(port))
    assert found[0] == Box({"outer": Mask("outer", (), ("A",))}, {})
    assert found[1] == Box({}, {SMALL: ((0, 1), (4, 7))})


def test_what_the_kernel_must_be_asked_has_no_box() -> None:
    for condition in (Text("t_0(ctx)"), all_of(has("outer", "A"), Text("t_0(ctx)")), any_of(Text("a"), Text("b"))):
        with pytest.raises(NoBoxError):
            boxes(condition)
        with pytest.raises(NoBoxError):
            negated(condition)


def test_too_many_boxes_are_none() -> None:
    either = any_of(has("outer", "A"), has("inner", "A"))
    others = [any_of(within(Number(f"n{i}", 8), (0, 1)), within(Number(f"m{i}", 8), (0, 1))) for i in range(5)]
    assert len(boxes(all_of(*others))) == BOXES_AT_MOST == 32
    with pytest.raises(NoBoxError):
        boxes(all_of(either, *others))


def test_sets_that_make_too_many_entries_have_no_box() -> None:
    """One set of as many ranges as there may be has one, a larger one not, nor two whose pairs are too many."""

    def ranges(number: Number, count: int) -> Within:
        return within(number, *((2 * n, 2 * n) for n in range(count)))

    a, b = Number("a", 32), Number("b", 32)
    assert len(boxes(ranges(a, ENTRIES_AT_MOST))) == 1
    assert len(boxes(all_of(ranges(a, 32), ranges(b, 32)))) == 1
    assert len(boxes(any_of(ranges(a, 500), ranges(b, 500)))) == 2
    for many in (
        ranges(a, ENTRIES_AT_MOST + 1),
        all_of(ranges(a, 33), ranges(b, 32)),
        any_of(ranges(a, 600), ranges(b, 600)),
    ):
        with pytest.raises(NoBoxError):
            boxes(many)


def rows(number: Number, *ranges: tuple[int, int]) -> list[dict[object, tuple[int, int]]]:
    return [dict(entry.numbers) for entry in entries_of(0, Box({}, {number: ranges}), FACTS, None)]


LONG = Number("address", 128)
UPPER, LOWER = Half(LONG, 0), Half(LONG, 1)
LAST = (1 << 64) - 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ((5, 7), (5, 9), [{UPPER: (5, 5), LOWER: (7, 9)}]),
        ((5, 0), (5, LAST), [{UPPER: (5, 5), LOWER: (0, LAST)}]),
        ((5, 0), (6, LAST), [{UPPER: (5, 6)}]),
        ((5, 1), (6, LAST), [{UPPER: (5, 5), LOWER: (1, LAST)}, {UPPER: (6, 6)}]),
        ((5, 0), (6, LAST - 1), [{UPPER: (6, 6), LOWER: (0, LAST - 1)}, {UPPER: (5, 5)}]),
        ((5, LAST), (6, 0), [{UPPER: (5, 5), LOWER: (LAST, LAST)}, {UPPER: (6, 6), LOWER: (0, 0)}]),
        (
            (5, 3),
            (8, 4),
            [{UPPER: (5, 5), LOWER: (3, LAST)}, {UPPER: (8, 8), LOWER: (0, 4)}, {UPPER: (6, 7)}],
        ),
    ],
)
def test_a_range_of_addresses_is_ranges_of_both_halves(
    low: tuple[int, int], high: tuple[int, int], expected: list[dict[Half, tuple[int, int]]]
) -> None:
    found = rows(LONG, (low[0] << 64 | low[1], high[0] << 64 | high[1]))
    assert found == expected


def test_entries_of_several_ranges_are_all_pairs() -> None:
    box = Box({"outer": has("outer", "C", clear=("A",))}, {SMALL: ((0, 1), (4, 4)), OTHER: ((2, 3), (6, 7))})
    entries = list(entries_of(7, box, FACTS, 3))
    assert [(e.numbers[SMALL], e.numbers[OTHER]) for e in entries] == [
        ((0, 1), (2, 3)), ((0, 1), (6, 7)), ((4, 4), (2, 3)), ((4, 4), (6, 7)),
    ]  # fmt: skip
    assert {e.rule for e in entries} == {7}
    assert all(e.numbers[Facts("outer")] == (0b100, 0b101) and e.numbers[Loose()] == (8, 8) for e in entries)
