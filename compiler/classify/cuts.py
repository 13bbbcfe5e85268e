"""Which bits each node of a level shall look at. In: columns, `Level`, `Tuning`. Out: `Cuts`.

All cuts (a field, a shift, a width) are scored for all nodes at once: on a sample of each node's entries, how many of
the others stay with an entry; and over all its entries, into how many children they go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import ONE, Column, Indexes, Words, take_runs
from ebpfc.compiler.classify.level import Cuts, Level

_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16)
_AT_ONCE = 1 << 18
"""Numbers in one array operation: what stays in the cache."""

_SAMPLES = ((64, 8, 16), (1024, 16, 48), (1 << 62, 32, 240))
"""Nodes of at most so many entries: of so many is asked, of so many others, which stay with it."""

Counts = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tuning:
    """`leaf`: entries that need no further cut. `spread`: the most children an entry may go to on average at one cut.
    `thrift`: how much copies count against a cut. `copies`: of an entry in the tree, after which cuts must make none.
    `width`, `root_width`: bits of one cut."""

    leaf: int = 8
    spread: float = 4.0
    thrift: float = 1.0
    copies: float = 16.0
    width: int = 8
    root_width: int = 16


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
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


def _best(
    columns: Sequence[Column],
    level: Level,
    nodes: Indexes,
    sample: tuple[int, int],
    tuning: Tuning,
    depth: int,
    full: bool,
) -> tuple[Indexes, Indexes, Indexes]:
    lengths = level.lengths[nodes]
    starts = level.start[nodes]
    some, others = (
        _drawn(level.entry, starts, lengths, number, at) for number, at in zip(sample, (0.31, 0.77), strict=True)
    )
    every = level.entry[take_runs(starts, lengths)]
    runs = np.cumsum(lengths) - lengths
    alone = some[None] == others[:, None]
    weight = ((lengths - 1) / np.maximum(len(others) - alone.sum(axis=0), 1)).astype(np.float32)

    best = np.full(len(nodes), 0.02)
    chosen = np.full((3, len(nodes)), -1, np.int64)
    most_bits = tuning.root_width if depth == 0 else tuning.width
    most_bits = min(most_bits, int(4 * lengths.max() + 2).bit_length() - 1)
    for number, column in enumerate(columns):
        scorer = _Bits if column.exact[every].all() else _Ranges
        scored = scorer(column, some, others, alone, every, runs)
        windows = _windows(column.field.bits, most_bits, scored.useful)
        step = max(1, _AT_ONCE // max(alone.size, len(every)))
        for first in range(0, len(windows.shift), step):
            these = _Windows(windows.shift[first : first + step], windows.width[first : first + step])
            stay, copies = scored.count(these)
            stay = 1 + stay * weight
            score = _score(these, stay, copies, lengths, tuning, full)
            score[(level.used[number, nodes] & these.bits[:, None]) != 0] = -np.inf
            at = score.argmax(axis=0)
            top = score[at, np.arange(len(nodes))]
            better = top > best
            best[better] = top[better]
            chosen[:, better] = np.array([np.full(len(at), number), these.shift[at], these.width[at]])[:, better]
    field, shift, width = chosen
    return field, np.maximum(shift, 0), np.maximum(width, 0)


def _score(
    windows: _Windows, stay: Counts, copies: Counts, lengths: Indexes, tuning: Tuning, full: bool
) -> NDArray[np.float64]:
    """(windows, nodes). `stay` (windows, sample, nodes): entries in a child with the one asked; `copies`: (windows, nodes),
    children of an entry."""
    width = windows.width[:, None]
    size = 0.75 * stay.mean(axis=1) + 0.25 * stay.max(axis=1)
    children = 1 << width
    size = np.maximum(size, lengths * copies / children)
    score: NDArray[np.float64] = np.log2(lengths / size) - 0.35 * tuning.thrift * np.log2(copies) - 0.03 * width
    score += np.where(width >= 4, 0.2, 0.0) - np.where(children > 2 * lengths, 0.3, 0.0)
    most = 1.5 if full else tuning.spread
    wrong = (copies > most) & ~((width == 1) & (copies <= 1.9)) | (children > 4 * lengths + 2) | (size >= lengths - 0.5)
    score[wrong] = -np.inf
    return score


def _drawn(entry: Indexes, starts: Indexes, lengths: Indexes, number: int, at: float) -> Indexes:
    """`number` entries of each node, spread evenly over it: (number, nodes)."""
    places = (np.arange(number)[:, None] + at) / number * lengths
    drawn: Indexes = entry[starts + places.astype(np.int64)]
    return drawn


def _windows(bits: int, most: int, useful: int) -> _Windows:
    """Those that begin and end with a useful bit."""
    found = [
        (shift, width)
        for width in _WIDTHS
        if width <= min(bits, most)
        for shift in range(bits - width + 1)
        if useful >> shift & 1 and useful >> (shift + width - 1) & 1
    ]
    table = np.array(found, np.int64).reshape(-1, 2)
    return _Windows(table[:, 0], table[:, 1])


class _Bits:
    """Counts for a field of which each entry fixes some bits. An entry stays with another where, in the window, it fixes
    nothing else, and no more: what it fixes and the other does not sets them apart in nearly all the other's children."""

    def __init__(
        self, column: Column, some: Indexes, others: Indexes, alone: NDArray[np.bool_], every: Indexes, runs: Indexes
    ) -> None:
        kind = np.uint16 if column.field.bits <= 16 else np.uint32 if column.field.bits <= 32 else np.uint64
        fixed, value = column.fixed.astype(kind), column.value.astype(kind)
        self._kind, self._runs = kind, runs
        self._open = ~fixed[every]
        apart = fixed[others][:, None] & (~fixed[some][None] | (value[others][:, None] ^ value[some][None]))
        self.useful = int(np.bitwise_or.reduce(apart, axis=None))
        apart[alone] = ~kind(0)
        self._apart = apart

    def count(self, windows: _Windows) -> tuple[Counts, Counts]:
        bits = windows.bits.astype(self._kind)
        together = (self._apart[None] & bits[:, None, None, None]) == 0
        stay = np.add.reduce(together.view(np.uint8), axis=1, dtype=np.uint8)
        children = np.uint32(1) << np.bitwise_count(self._open[None] & bits[:, None])
        copies = np.add.reduceat(children, self._runs, axis=1, dtype=np.uint32)
        return stay.astype(np.float32), copies / _lengths(self._runs, len(self._open))


class _Ranges:
    """Counts for a field of intervals. An entry stays with another where its window's numbers hold all of the other's."""

    def __init__(
        self, column: Column, some: Indexes, others: Indexes, alone: NDArray[np.bool_], every: Indexes, runs: Indexes
    ) -> None:
        self._column, self._some, self._others, self._alone = column, some, others, alone
        self._every, self._runs = every, runs
        low, high = column.low[every], column.high[every]
        ends = np.bitwise_or.reduce(
            (low ^ low[0]) | (high ^ high[0]) | np.where(low | (column.full ^ high), low ^ high, np.uint64(0))
        )
        self.useful = (1 << int(ends).bit_length()) - 1

    def count(self, windows: _Windows) -> tuple[Counts, Counts]:
        stay = np.empty((len(windows.shift), *self._some.shape), np.float32)
        copies = np.empty((len(windows.shift), len(self._runs)), np.float32)
        lengths = _lengths(self._runs, len(self._every))
        for number, (shift, width) in enumerate(zip(windows.shift, windows.width, strict=True)):
            mask = np.uint32((1 << int(width)) - 1)
            first_a, more_a = self._window(self._some, shift, mask)
            first_b, more_b = self._window(self._others, shift, mask)
            more_b = np.where(more_b == mask, np.uint32(1 << 20), more_b)
            inside = ((first_a[None] - first_b[:, None]) & mask) + more_a[None] <= more_b[:, None]
            inside &= ~self._alone
            stay[number] = np.add.reduce(inside.view(np.uint8), axis=0, dtype=np.uint8)
            children = self._window(self._every, shift, mask)[1] + np.uint32(1)
            copies[number] = np.add.reduceat(children, self._runs, dtype=np.uint32) / lengths
        return stay, copies

    def _window(
        self, entry: Indexes, shift: np.int64, mask: np.uint32
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """The first number in the window, and how many more there are (`mask`: all)."""
        low, high = self._column.low[entry] >> np.uint64(shift), self._column.high[entry] >> np.uint64(shift)
        first = (low & np.uint64(mask)).astype(np.uint32)
        return first, np.minimum(high - low, np.uint64(mask)).astype(np.uint32)


def _lengths(runs: Indexes, total: int) -> NDArray[np.float32]:
    return np.diff(runs, append=total).astype(np.float32)
