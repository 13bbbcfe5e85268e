"""A forest answers with the first match, whatever the entries."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebpfc.compiler.classify import forest as forests
from ebpfc.compiler.classify.cuts import Tuning
from ebpfc.compiler.classify.entries import Entries, Field, build_columns
from ebpfc.compiler.classify.forest import CannotSplit, Forest, build_forest, plant
from ebpfc.compiler.classify.grow import DEPTH_AT_MOST, LEAF_AT_MOST
from ebpfc.compiler.classify.partition import Configuration, configurations
from ebpfc.testing.classified import NOTHING, Keys, classify, first_match, first_match_of_many
from ebpfc.testing.rule_set_entries import entries_of_rules, keys_of_packets
from ebpfc.testing.rule_sets import KINDS, build_packets, build_rules

FIVE_TUPLE = (
    Field(0, 32, 32, False),
    Field(0, 0, 32, False),
    Field(1, 16, 16, False),
    Field(1, 0, 16, False),
    Field(1, 32, 8, True),
)
ODD = (
    Field(0, 0, 64, False),
    Field(1, 7, 12, True),
    Field(1, 19, 1, True),
    Field(1, 20, 24, False),
    Field(7, 31, 33, True),
    Field(2, 0, 64, True),
)
SHAPES = (FIVE_TUPLE, ODD, (Field(3, 5, 16, False),), (Field(0, 0, 32, True),), (Field(0, 0, 1, False),))


def entries_of(fields: tuple[Field, ...], rows: list[tuple[int, list[tuple[int, int]]]]) -> Entries:
    """Rows of a number and (first, second) for each field."""
    table = np.array([row for _, row in rows], np.uint64).reshape(len(rows), len(fields), 2)
    return Entries(fields, np.array([number for number, _ in rows], np.uint32), table[:, :, 0], table[:, :, 1])


def number_of(rng: Random, bits: int) -> int:
    """Few of them, so that entries meet; ends and middles of the range among them."""
    half, full = 1 << (bits - 1), (1 << bits) - 1
    return rng.choice((0, 1, full, full - 1, half, half - 1, half | 5, 0x5A5A5A5A5A5A5A5A, 0xC0A8, 1000, 7, 96)) & full


def pair_of(rng: Random, field: Field, wild: float) -> tuple[int, int]:
    full = (1 << field.bits) - 1
    value = number_of(rng, field.bits)
    if rng.random() < wild:
        return (0, 0) if field.ternary else (0, full)
    kind = rng.choice(("one", "prefix", "odd"))
    if kind == "one":
        return (value, full) if field.ternary else (value, value)
    if kind == "prefix":
        below = (1 << rng.randint(0, field.bits)) - 1
        return (value & ~below, full & ~below) if field.ternary else (value & ~below, value | below)
    if field.ternary:
        mask = number_of(rng, field.bits)
        return value & mask, mask
    other = min(max(number_of(rng, field.bits) + rng.randint(-1, 1), 0), full)
    return min(value, other), max(value, other)


@st.composite
def sets(draw: st.DrawFn) -> tuple[Entries, Keys]:
    """Entries, and keys near their ends."""
    fields = draw(st.sampled_from(SHAPES))
    count = draw(st.sampled_from((0, 1, 2, 5, 12, 30, 60, 120)))
    rng = Random(draw(st.integers(0, 1 << 32)))
    wild = rng.choice((0.1, 0.5, 0.8))
    rows, number = [], 0
    for _ in range(count):
        number += rng.randint(0, 2)
        rows.append((number, [pair_of(rng, field, wild) for field in fields]))
    entries = entries_of(fields, rows)
    return entries, keys_near(entries, np.random.default_rng(rng.getrandbits(32)), 1000)


def keys_near(entries: Entries, rng: np.random.Generator, count: int) -> Keys:
    """Half of them with each field from one entry, half with fields of any; bits outside the fields are random."""
    keys = rng.integers(0, 1 << 64, (count, 8), np.uint64)
    if not len(entries.numbers):
        return keys
    one = rng.integers(0, len(entries.numbers), count)
    for number, field in enumerate(entries.fields):
        full = np.uint64((1 << field.bits) - 1)
        entry = np.where(rng.random(count) < 0.5, one, rng.integers(0, len(entries.numbers), count))
        first, second = entries.first[entry, number], entries.second[entry, number]
        drawn = rng.integers(0, 1 << 64, count, np.uint64) & full
        if field.ternary:
            value = first | (drawn & ~second)
        else:
            inside = first + drawn % np.maximum(second - first + np.uint64(1), np.uint64(1))
            value = np.choose(
                rng.integers(0, 5, count), (first, second, inside, first - np.uint64(1), second + np.uint64(1))
            )
        keys[:, field.word] &= ~(full << np.uint64(field.at))
        keys[:, field.word] |= (value & full) << np.uint64(field.at)
    return keys


def check_tables(forest: Forest, entries: Entries) -> None:
    """What the generated code relies on."""
    assert [tree.first for tree in forest.trees] == sorted(tree.first for tree in forest.trees)
    assert len(forest.trees) <= forests.TREES_AT_MOST
    leaf = forest.nodes >> np.uint64(41) & np.uint64(1) == 1
    base, mask = forest.nodes & np.uint64(0xFFFFFFFF), forest.nodes >> np.uint64(48)
    assert (base[~leaf] + mask[~leaf] < len(forest.nodes)).all()
    assert (base[leaf] + mask[leaf] <= len(forest.leaves)).all()
    for tree in forest.trees:
        assert tree.longest <= LEAF_AT_MOST and tree.depth <= DEPTH_AT_MOST
    assert not len(forest.leaves) or forest.leaves.max() < len(entries.numbers)


def agree(entries: Entries, keys: Keys) -> None:
    forest = build_forest(entries, 48)
    check_tables(forest, entries)
    assert (classify(forest, entries, keys).number == first_match(entries, keys)).all()


@settings(deadline=None)
@given(sets())
def test_first_match(drawn: tuple[Entries, Keys]) -> None:
    agree(*drawn)


@settings(deadline=None)
@given(sets(), st.sampled_from((0.2, 1.0)))
def test_first_match_in_trees_as_deep_as_they_get(drawn: tuple[Entries, Keys], thrift: float) -> None:
    entries, keys = drawn
    tuning = Tuning(leaf=1, worth=0.3, thrift=thrift, copies=100.0, width=3, root_width=4)
    configuration = Configuration("deep", (np.arange(len(entries.numbers)),), tuning)
    if len(entries.numbers):
        forest = plant(entries, build_columns(entries), configuration, 48)
        check_tables(forest, entries)
        assert (classify(forest, entries, keys).number == first_match(entries, keys)).all()


def test_nothing_in_nothing_out() -> None:
    forest = build_forest(entries_of(FIVE_TUPLE, []), 48)
    assert forest.trees == () and len(forest.nodes) == len(forest.leaves) == 0


def test_an_entry_for_everything_is_a_tree_without_nodes() -> None:
    entries = entries_of((Field(0, 0, 16, False),), [(7, [(0, 0xFFFF)])])
    forest = build_forest(entries, 48)
    assert len(forest.nodes) == 0 and forest.trees[0].first == 7
    assert classify(forest, entries, np.zeros((1, 8), np.uint64)).number.tolist() == [7]


def test_the_same_entry_again_and_again() -> None:
    """Only the first can win: the others are in no leaf once it is sure to match."""
    row = [(5, 5), (0, 0xFFFFFFFF), (0, 65535), (80, 80), (6, 255)]
    entries = entries_of(FIVE_TUPLE, [(number, row) for number in range(300)])
    agree(entries, keys_near(entries, np.random.default_rng(1), 200))


def overlapping(count: int) -> Entries:
    """Each asks for some bits to be 1, which no cut may tell apart: all meet where all bits are."""
    rng = np.random.default_rng(3)
    masks = rng.integers(0, 1 << 64, count, np.uint64) & rng.integers(0, 1 << 64, count, np.uint64)
    rows = [(number, [(int(mask), int(mask))]) for number, mask in enumerate(masks)]
    return entries_of((Field(0, 0, 64, True),), rows)


def test_what_one_tree_cannot_tell_apart_goes_to_others() -> None:
    entries = overlapping(150)
    agree(entries, keys_near(entries, np.random.default_rng(3), 500))


def test_what_all_trees_cannot_tell_apart_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forests, "TREES_AT_MOST", 1)
    with pytest.raises(CannotSplit) as refused:
        build_forest(overlapping(150), 48)
    assert 0 < len(refused.value.entries) < 150


@pytest.mark.parametrize("versions", [(4,), (6,), (4, 6)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 10, 100, 1000])
def test_rule_sets(kind: str, count: int, versions: tuple[int, ...]) -> None:
    rules = build_rules(kind, count, versions=versions)
    packets = list(build_packets(rules, 2000))
    entries, keys = entries_of_rules(rules), keys_of_packets(packets)
    forest = build_forest(entries, 48)
    check_tables(forest, entries)
    found = classify(forest, entries, keys).number
    assert (found == first_match(entries, keys)).all()
    assert (found == first_match_of_many(entries, keys)).all()
    for packet, number in list(zip(packets, found.tolist(), strict=True))[:50]:
        assert number == next((place for place, rule in enumerate(rules) if rule.matches(packet)), NOTHING)


def test_nothing_matches() -> None:
    entries = entries_of((Field(0, 0, 32, False),), [(n, [(n * 10, n * 10 + 3)]) for n in range(100)])
    keys = np.zeros((2, 8), np.uint64)
    keys[:, 0] = 4, 5000
    assert classify(build_forest(entries, 48), entries, keys).number.tolist() == [NOTHING, NOTHING]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_ranges_that_overlap_by_a_number(step: int) -> None:
    entries = entries_of((Field(0, 8, 16, False),), [(n, [(n * step, n * step + step)]) for n in range(2000)])
    agree(entries, keys_near(entries, np.random.default_rng(step), 2000))


def test_a_field_that_tells_little_makes_no_class_of_entries() -> None:
    """A protocol as a number of 16 bits is wide, and nearly every rule asks for one."""
    narrow = entries_of_rules(build_rules("fw", 1000))
    high = np.where(narrow.second[:, 4] == 0, 0xFFFF, narrow.first[:, 4])
    first = narrow.first
    second = np.column_stack((narrow.second[:, :4], high))
    wide = Entries((*narrow.fields[:4], Field(1, 32, 16, False)), narrow.numbers, first, second)
    parts = [configurations(build_columns(entries))[0].parts for entries in (narrow, wide)]
    assert [len(part) for part in parts[0]] == [len(part) for part in parts[1]]
