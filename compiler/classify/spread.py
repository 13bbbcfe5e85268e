"""A level and its cuts become the next level. In: `Level`, a cut for each node. Out: `Children`.

A child gets each entry that some key arriving there may match: of an interval all windows of bits that its numbers
show, of a ternary value all that agree with it. Behind the first entry that matches whatever arrives, nothing is kept.
Slots with the same entries, reached by cuts of the same bits, are one node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import ONE, Column, Indexes, Words, starts_of, take_runs
from ebpfc.compiler.classify.level import Cuts, Level

_SHORT = 256
"""Entries of a list that are compared each with each."""
_AT_ONCE = 1 << 19
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class Children:
    """`base` (nodes,): each node's first slot; `slot` (slots,): the node of `level` that stands there."""

    base: Indexes
    slot: Indexes
    level: Level


def spread(columns: Sequence[Column], level: Level, cuts: Cuts) -> Children:
    """Every node of the level has a cut."""
    slots = starts_of(ONE.astype(np.int64) << cuts.width)
    starts, entry = _entries_of_slots(columns, level, cuts, slots)
    parent = np.repeat(np.arange(len(cuts.field)), np.diff(slots))
    used, low, high = _keys_of_slots(level, cuts, parent, np.arange(slots[-1]) - slots[parent])
    starts, entry = _truncated(columns, starts, entry, used, low, high)
    sizes = np.diff(starts)
    totals = np.add.reduceat(sizes, slots[:-1])
    weight = level.weight[parent] * sizes / np.maximum(totals[parent], 1)

    kept, slot = share(starts, entry, used)
    order = np.argsort(slot, kind="stable")
    runs = np.searchsorted(slot[order], np.arange(len(kept)))
    lengths = sizes[kept]
    children = Level(
        starts_of(lengths),
        entry[take_runs(starts[kept], lengths)],
        used[:, kept],
        np.minimum.reduceat(low[:, order], runs, axis=1),
        np.maximum.reduceat(high[:, order], runs, axis=1),
        np.add.reduceat(weight[order], runs),
    )
    return Children(slots[:-1], slot, _without_shadowed(columns, children))


def share(starts: Indexes, entry: Indexes, used: Words) -> tuple[Indexes, Indexes]:
    """Equal lists with equal columns of `used` (fields, lists) are one: those kept, and for each list which of them."""
    key = _sums(starts, _scrambled(entry)) + np.diff(starts).astype(np.uint64) * _MIX
    for row in used:
        key = _scrambled(key ^ row)
    _, kept, which = np.unique(key, return_index=True, return_inverse=True)
    same = _equal(starts, entry, used, kept[which])
    if not same.all():  # two lists of one sum: each that is not the first one's equal stays alone
        others = np.flatnonzero(~same)
        which[others] = len(kept) + np.arange(len(others))
        kept = np.concatenate((kept, others))
    return kept, which


def _equal(starts: Indexes, entry: Indexes, used: Words, like: Indexes) -> NDArray[np.bool_]:
    lengths = np.diff(starts)
    same: NDArray[np.bool_] = (lengths == lengths[like]) & (used == used[:, like]).all(axis=0)
    lists = np.flatnonzero(same)
    differs = entry[take_runs(starts[lists], lengths[lists])] != entry[take_runs(starts[like[lists]], lengths[lists])]
    same[np.repeat(lists, lengths[lists])[differs]] = False
    return same


def _sums(starts: Indexes, numbers: Words) -> Words:
    totals = np.zeros(len(numbers) + 1, np.uint64)
    np.cumsum(numbers, out=totals[1:])
    return totals[starts[1:]] - totals[starts[:-1]]


def _scrambled(numbers: Indexes | Words) -> Words:
    """Numbers that look random (splitmix64), the same for the same."""
    x = numbers.astype(np.uint64) * _MIX + _MIX
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _entries_of_slots(columns: Sequence[Column], level: Level, cuts: Cuts, slots: Indexes) -> tuple[Indexes, Indexes]:
    """Which entries each slot's keys may match: the runs' starts, and the entries, ascending in each run."""
    node = np.repeat(np.arange(len(cuts.field)), level.lengths)
    shift, mask = cuts.shift.astype(np.uint64)[node], ((ONE << cuts.width.astype(np.uint64)) - ONE)[node]
    found = []
    for number in np.unique(cuts.field):
        column, pairs = columns[number], np.flatnonzero(cuts.field[node] == number)
        at = level.entry[pairs]
        pairs_of = _ternary if column.field.ternary else _interval
        which, child = pairs_of(column, at, shift[pairs], mask[pairs])
        slot = slots[node[pairs[which]]].astype(np.uint64) + child
        found.append(slot << np.uint64(32) | at[which].astype(np.uint64))
    both = np.concatenate(found)
    both.sort()
    counts = np.bincount((both >> np.uint64(32)).astype(np.int64), minlength=slots[-1])
    return starts_of(counts), (both & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _interval(column: Column, entry: Indexes, shift: Words, mask: Words) -> tuple[Indexes, Words]:
    """Windows of the numbers low..high: those of low >> shift on, around the end of the window's numbers."""
    first = column.low[entry] >> shift
    counts = (np.minimum((column.high[entry] >> shift) - first, mask) + ONE).astype(np.int64)
    which = np.repeat(np.arange(len(entry)), counts)
    step = (np.arange(len(which)) - starts_of(counts)[:-1][which]).astype(np.uint64)
    return which, (first[which] + step) & mask[which]


def _ternary(column: Column, entry: Indexes, shift: Words, mask: Words) -> tuple[Indexes, Words]:
    """Windows that agree with the value: its bits, and every filling of those that the entry leaves open."""
    free = ~(column.fixed[entry] >> shift) & mask
    value = (column.value[entry] >> shift) & mask
    counts = np.int64(1) << np.bitwise_count(free).astype(np.int64)
    which = np.repeat(np.arange(len(entry)), counts)
    left = (np.arange(len(which)) - starts_of(counts)[:-1][which]).astype(np.uint64)
    free, child = free[which], value[which]
    for bit in range(16):
        here = (free >> np.uint64(bit)) & ONE
        child |= (left & here) << np.uint64(bit)
        left >>= here
    return which, child


def _keys_of_slots(level: Level, cuts: Cuts, parent: Indexes, child: Indexes) -> tuple[Words, Words, Words]:
    """`used`, `low` and `high` of each slot (fields, slots)."""
    used, low, high = level.used[:, parent], level.low[:, parent], level.high[:, parent]
    for number in np.unique(cuts.field):
        at = np.flatnonzero(cuts.field[parent] == number)
        shift, width = cuts.shift[parent[at]].astype(np.uint64), cuts.width[parent[at]].astype(np.uint64)
        used[number, at] |= ((ONE << width) - ONE) << shift
        # Where all bits above the window are known, the window says where the number lies.
        above = (low[number, at] >> shift) >> width
        known = above == ((high[number, at] >> shift) >> width)
        first = ((above << width) | child[at].astype(np.uint64)) << shift
        last = first | ((ONE << shift) - ONE)
        low[number, at] = np.where(known, np.maximum(low[number, at], first), low[number, at])
        high[number, at] = np.where(known, np.minimum(high[number, at], last), high[number, at])
    return used, low, high


def _truncated(
    columns: Sequence[Column], starts: Indexes, entry: Indexes, used: Words, low: Words, high: Words
) -> tuple[Indexes, Indexes]:
    """Each run up to its first entry that matches all that arrives."""
    slot = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    sure = np.arange(len(entry))
    for number, column in enumerate(columns):
        at, there = entry[sure], slot[sure]
        matched = column.exact[at] & ((column.fixed[at] & ~used[number, there]) == 0)
        if not column.field.ternary:
            matched |= (column.low[at] <= low[number, there]) & (high[number, there] <= column.high[at])
        sure = sure[matched]
    ends = starts[1:].copy()
    np.minimum.at(ends, slot[sure], sure + 1)
    kept = np.arange(len(entry)) < ends[slot]
    return starts_of(ends - starts[:-1]), entry[kept]


def _without_shadowed(columns: Sequence[Column], level: Level) -> Level:
    """Without the entries of lists that are not too long which an earlier one of the list surely matches as well."""
    lengths = level.lengths
    node = np.repeat(np.arange(len(lengths)), lengths)
    first = np.repeat(level.start[:-1], lengths)
    before = np.where(np.repeat(lengths <= _SHORT, lengths), np.arange(len(level.entry)) - first, 0)
    kept = np.ones(len(level.entry), np.bool_)
    chunk = np.cumsum(before) // _AT_ONCE
    for part in np.split(np.arange(len(before)), np.flatnonzero(np.diff(chunk)) + 1):
        later = np.repeat(part, before[part])
        kept[_shadowed(columns, level, node, later, take_runs(first[part], before[part]))] = False
    counts = np.bincount(node[kept], minlength=len(lengths))
    return Level(starts_of(counts), level.entry[kept], level.used, level.low, level.high, level.weight)


def _shadowed(columns: Sequence[Column], level: Level, node: Indexes, later: Indexes, earlier: Indexes) -> Indexes:
    """Those `later` that match nothing, of what arrives, that the `earlier` of the pair does not."""
    for number, column in enumerate(columns):
        a, b, at = level.entry[earlier], level.entry[later], node[later]
        asked = column.fixed[a] & ~level.used[number, at]
        holds = column.exact[a] & (((~column.fixed[b] | (column.value[a] ^ column.value[b])) & asked) == 0)
        if not column.field.ternary:
            holds |= (column.low[a] <= np.maximum(column.low[b], level.low[number, at])) & (
                column.high[a] >= np.minimum(column.high[b], level.high[number, at])
            )
        later, earlier = later[holds], earlier[holds]
    return later
