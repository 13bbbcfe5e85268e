"""Which bits each node of a level shall look at. In: columns, `Level`, `Tuning`. Out: `Cuts`.

All cuts (a field, a shift, a width) are scored for all nodes at once: on a sample of each node's entries, how many of
the others stay with an entry (those whose window has all of the entry's numbers: one that is open there leaves nearly
all others behind); and over all its entries, into how many children they go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import ONE, Column, Indexes, Words, take_runs
from ebpfc.compiler.classify.level import Cuts, Level

_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16)
LEAF_AT_MOST = 32
_DEAR, _LAST = 0.1, 100.0
"""How much copies count against a cut where there must be one, and how far it stands behind any other."""

_AT_ONCE = 1 << 18
"""Numbers in one array operation: what stays in the cache."""

_SAMPLES = ((64, 8, 16), (1024, 16, 48), (1 << 62, 32, 240))
"""Nodes of at most so many entries: of so many is asked, of so many others, which stay with it."""

_NARROW = 3
"""Bits of a window up to which it matters that an entry open there meets the others in some of its children."""

Counts = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tuning:
    """`leaf`: entries that need no further cut. `worth`: entries that a cut must spare a packet. `spread`: the most
    children of an entry at one cut, on average. `thrift`: how much copies count against a cut. `copies`: of an entry in
    the tree, after which cuts must make few. `width`, `root_width`: bits of one cut."""

    leaf: int = 8
    worth: float = 2.0
    spread: float = 4.0
    thrift: float = 1.0
    copies: float = 16.0
    width: int = 8
    root_width: int = 16


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Bits `shift`, `width` of a field; `bits` in place. Each (windows,)."""

    shift: Indexes
    width: Indexes

    @property
    def bits(self) -> Words:
        return ((ONE << self.width.astype(np.uint64)) - ONE) << self.shift.astype(np.uint64)


def choose_cuts(columns: Sequence[Column], level: Level, tuning: Tuning, depth: int, full: bool) -> Cuts:
    """No cut for a node that is small enough, or that none divides. `full`: copies are no longer welcome."""
    lengths = level.lengths
    field = np.full(len(lengths), -1, np.int64)
    shift, width = np.zeros_like(field), np.zeros_like(field)
    smaller = tuning.leaf
    for most, some, others in _SAMPLES:
        nodes = np.flatnonzero((lengths > smaller) & (lengths <= most))
        smaller = most
        step = max(1, _AT_ONCE // (some * others))
        for first in range(0, len(nodes), step):
            chunk = nodes[first : first + step]
            best = _best(columns, level, chunk, (some, others), tuning, depth, full)
            field[chunk], shift[chunk], width[chunk] = best
    return Cuts(field, shift, width)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Of each node `some` entries (number, nodes), of which is asked how many `others` (number, nodes) stay with them.

    `alone` (others, some, nodes): where both are the same entry. `every`, `runs`: all entries, and where each node's
    begin.
    """

    some: Indexes
    others: Indexes
    alone: NDArray[np.bool_]
    every: Indexes
    runs: Indexes


def _best(
    columns: Sequence[Column],
    level: Level,
    nodes: Indexes,
    sample: tuple[int, int],
    tuning: Tuning,
    depth: int,
    full: bool,
) -> tuple[Indexes, Indexes, Indexes]:
    lengths, starts = level.lengths[nodes], level.start[nodes]
    some = _draw(level.entry, starts, lengths, sample[0], 0.31)
    others = _draw(level.entry, starts, lengths, sample[1], 0.77)
    alone = some[None] == others[:, None]
    drawn = _Drawn(some, others, alone, level.entry[take_runs(starts, lengths)], np.cumsum(lengths) - lengths)
    weight = ((lengths - 1) / np.maximum(len(others) - alone.sum(axis=0), 1)).astype(np.float32)

    best = np.full(len(nodes), -np.inf)
    chosen = np.full((3, len(nodes)), -1, np.int64)
    most_bits = tuning.root_width if depth == 0 else tuning.width
    most_bits = min(most_bits, int(4 * lengths.max() + 2).bit_length() - 1)
    for number, column in enumerate(columns):
        scorer = (_Bits if column.exact[drawn.every].all() else _Ranges)(column, drawn)
        windows = _windows(column.field.bits, most_bits, scorer.useful)
        step = max(1, _AT_ONCE // max(alone.size, len(drawn.every)))
        for first in range(0, len(windows.shift), step):
            these = Windows(windows.shift[first : first + step], windows.width[first : first + step])
            stay, copies = scorer.count(these)
            score = _score(these, 1 + stay * weight, copies, lengths, tuning, full)
            score[(level.used[number, nodes] & these.bits[:, None]) != 0] = -np.inf
            at = score.argmax(axis=0)
            top = score[at, np.arange(len(nodes))]
            better = top > best
            best[better] = top[better]
            chosen[:, better] = np.array([np.full(len(at), number), these.shift[at], these.width[at]])[:, better]
    field, shift, width = chosen
    return field, np.maximum(shift, 0), np.maximum(width, 0)


def _score(
    windows: Windows, stay: Counts, copies: Counts, lengths: Indexes, tuning: Tuning, full: bool
) -> NDArray[np.float64]:
    """How good each cut is for each node: (windows, nodes), -inf for one that must not be.

    `stay` (windows, sample, nodes): entries in a child with the one asked. `copies` (windows, nodes): children of an
    entry."""
    width = windows.width[:, None]
    children = 1 << width
    usual, most_stay = stay.mean(axis=1), stay.max(axis=1)
    long = lengths > LEAF_AT_MOST
    size = np.where(long, 0.4 * usual + 0.6 * most_stay, 0.75 * usual + 0.25 * most_stay)
    size = np.maximum(size, lengths * copies / children)
    gain = np.log2(lengths / size)
    gain += np.where(width >= 4, 0.2, 0.0) - np.where(children > 2 * lengths, 0.3, 0.0) - 0.03 * width
    doubled = np.log2(copies)
    score: NDArray[np.float64] = gain - 0.35 * tuning.thrift * doubled
    most = 1.5 if full else tuning.spread
    good = (score > 0) & ((copies <= most) | ((width == 1) & (copies <= 1.9))) & (size <= lengths - tuning.worth)
    # What is too long for a leaf is cut at nearly any price, but at no better one to be had.
    dear = gain - _DEAR * doubled
    fair = long & (dear > 0) & (copies <= tuning.spread) & (size <= lengths - 0.5)
    score = np.where(good, score, np.where(fair, dear - _LAST, -np.inf))
    score[children > 4 * lengths + 2] = -np.inf
    return score


def _draw(entry: Indexes, starts: Indexes, lengths: Indexes, number: int, at: float) -> Indexes:
    """`number` entries of each node, spread evenly over it: (number, nodes)."""
    places = (np.arange(number)[:, None] + at) / number * lengths
    drawn: Indexes = entry[starts + places.astype(np.int64)]
    return drawn


def _windows(bits: int, most: int, useful: int) -> Windows:
    """Those that begin and end with a useful bit."""
    found = [
        (shift, width)
        for width in _WIDTHS
        if width <= min(bits, most)
        for shift in range(bits - width + 1)
        if useful >> shift & 1 and useful >> (shift + width - 1) & 1
    ]
    table = np.array(found, np.int64).reshape(-1, 2)
    return Windows(table[:, 0], table[:, 1])


class _Bits:
    """Counts for a field of which each entry fixes some bits."""

    def __init__(self, column: Column, drawn: _Drawn) -> None:
        kind = np.uint16 if column.field.bits <= 16 else np.uint32 if column.field.bits <= 32 else np.uint64
        fixed, value = column.fixed, column.value
        differ = value[drawn.others][:, None] ^ value[drawn.some][None]
        clash = fixed[drawn.others][:, None] & fixed[drawn.some][None] & differ
        apart = fixed[drawn.others][:, None] & (~fixed[drawn.some][None] | differ)
        # A fact that no two entries ask differently is as they ask it in nearly every packet that comes here.
        self.useful = int(np.bitwise_or.reduce(clash if column.field.ternary else apart, axis=None))
        apart[drawn.alone] = clash[drawn.alone] = column.full
        self._apart, self._clash, self._open = (
            apart.astype(kind),
            clash.astype(kind),
            (~fixed[drawn.every]).astype(kind),
        )
        self._runs = drawn.runs

    def count(self, windows: Windows) -> tuple[Counts, Counts]:
        bits = windows.bits.astype(self._apart.dtype)[:, None]
        children = np.uint32(1) << np.bitwise_count(self._open & bits)
        copies = np.add.reduceat(children, self._runs, axis=1, dtype=np.uint32)
        stay = self._together(self._apart, bits)
        narrow = np.flatnonzero(windows.width <= _NARROW)
        touch = self._together(self._clash, bits[narrow])
        stay[narrow] += (touch - stay[narrow]) / (1 << windows.width[narrow])[:, None, None]
        return stay, _for_each(copies, self._runs, self._open.size)

    @staticmethod
    def _together(differing: NDArray[Any], bits: NDArray[Any]) -> Counts:
        return _sum((differing & bits[:, :, None, None]) == 0)


class _Ranges:
    """Counts for a field of intervals."""

    def __init__(self, column: Column, drawn: _Drawn) -> None:
        self._drawn = drawn
        kind = np.uint16 if column.field.bits <= 16 else np.uint32 if column.field.bits <= 32 else np.uint64
        low, high = column.low[drawn.every], column.high[drawn.every]
        ends = (low ^ low[0]) | (high ^ high[0]) | np.where(low | (column.full ^ high), low ^ high, np.uint64(0))
        self.useful = (1 << int(np.bitwise_or.reduce(ends)).bit_length()) - 1
        self._every, self._some, self._others = (
            (column.low[entry].astype(kind), column.high[entry].astype(kind))
            for entry in (drawn.every, drawn.some[None], drawn.others[:, None])
        )

    def count(self, windows: Windows) -> tuple[Counts, Counts]:
        children = _window(self._every, windows)[1].astype(np.uint32) + np.uint32(1)
        copies = np.add.reduceat(children, self._drawn.runs, axis=1, dtype=np.uint32)
        first, more = _window(self._some, windows)
        first_other, more_other = _window(self._others, windows)
        mask = _along((1 << windows.width) - 1, first).astype(first.dtype)
        ahead = (first - first_other) & mask
        apart = ~self._drawn.alone
        stay = _sum(((ahead + more <= more_other) | (more_other == mask)) & apart)
        narrow = np.flatnonzero(windows.width <= _NARROW)
        if len(narrow):
            behind = (first_other[narrow] - first[narrow]) & mask[narrow]
            touch = _sum(((ahead[narrow] <= more_other[narrow]) | (behind <= more[narrow])) & apart)
            stay[narrow] += (touch - stay[narrow]) / (1 << windows.width[narrow])[:, None, None]
        return stay, _for_each(copies, self._drawn.runs, len(self._drawn.every))


def _window(numbers: tuple[NDArray[Any], NDArray[Any]], windows: Windows) -> tuple[NDArray[Any], NDArray[Any]]:
    """(windows, *numbers): of low..high the first number in each window, and how many more (all: its mask)."""
    low, high = numbers
    shift, mask = (_along(part, low[None]).astype(low.dtype) for part in (windows.shift, (1 << windows.width) - 1))
    low, high = low >> shift, high >> shift
    kind = np.uint16 if windows.width.max() <= 12 else np.uint32
    return (low & mask).astype(kind), np.minimum(high - low, mask).astype(kind)


def _along(numbers: Indexes, like: NDArray[Any]) -> Indexes:
    """(windows,) as (windows, 1, 1 ...), of so many dimensions."""
    return numbers.reshape(-1, *(1 for _ in like.shape[1:]))


def _for_each(totals: NDArray[np.uint32], runs: Indexes, count: int) -> Counts:
    """(windows, nodes): totals over a node's entries, divided by their number."""
    return (totals / np.diff(runs, append=count)).astype(np.float32)


def _sum(together: NDArray[np.bool_]) -> Counts:
    """(windows, others, some, nodes) to (windows, some, nodes): how many others."""
    totals: NDArray[np.uint8] = np.add.reduce(together.view(np.uint8), axis=1, dtype=np.uint8)
    return totals.astype(np.float32)
