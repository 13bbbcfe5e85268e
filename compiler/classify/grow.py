"""Entries become one tree, level by level. In: columns, which entries, `Tuning`. Out: `Grown`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.cuts import LEAF_AT_MOST, Tuning, choose_cuts
from ebpfc.compiler.classify.entries import ONE, Column, Indexes, Words, starts_of, take_runs
from ebpfc.compiler.classify.level import Cuts, Level, root_level
from ebpfc.compiler.classify.spread import share, spread

DEPTH_AT_MOST = 16
LEAF = ONE << np.uint64(41)
_TOO_MUCH = 3.0
"""Times the copies allowed: no cut is made any more."""
_BASE = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """`nodes` and `leaves` count from 0. `left`: entries that are still to be looked for elsewhere, ascending.

    `steps`, `compares`: how many nodes below the root a packet passes, and how many entries its leaf has, on average.
    """

    root: np.uint64
    nodes: Words
    leaves: Indexes
    left: Indexes
    depth: int
    longest: int
    steps: float
    compares: float


def grow(columns: Sequence[Column], entry: Indexes, tuning: Tuning) -> Grown:
    """`entry`: indexes of entries, ascending, at least one."""
    level = root_level(columns, entry)
    codes: list[Words] = []
    slots: list[Indexes] = []
    lists: list[tuple[Indexes, Indexes]] = []
    left: list[Indexes] = []
    count = leaf_count = depth = copies = 0
    steps = compares = 0.0
    while True:
        share_used = (copies + len(level.entry)) / (tuning.copies * len(entry))
        cuts = choose_cuts(columns, level, tuning, depth, share_used > 1)
        ends = np.flatnonzero((cuts.field < 0) | (depth == DEPTH_AT_MOST) | (share_used > _TOO_MUCH))
        goes_on = np.setdiff1d(np.arange(len(cuts.field)), ends, assume_unique=True)
        lengths = level.lengths[ends]
        kept = np.minimum(lengths, LEAF_AT_MOST)
        lists.append((kept, level.entry[take_runs(level.start[ends], kept)]))
        left.append(level.entry[take_runs(level.start[ends] + kept, lengths - kept)])
        steps += depth * float(level.weight[ends].sum())
        compares += float((level.weight[ends] * kept).sum())
        copies += int(kept.sum())

        code = np.empty(len(cuts.field), np.uint64)
        code[ends] = (
            LEAF | (np.arange(len(ends)) + leaf_count).astype(np.uint64) | kept.astype(np.uint64) << np.uint64(48)
        )
        leaf_count += len(ends)
        codes.append(code)
        if not len(goes_on):
            break
        cuts = _of(cuts, goes_on)
        children = spread(columns, _nodes_of(level, goes_on), cuts)
        code[goes_on] = _inner(columns, cuts, children.base + sum(map(len, slots)))
        count += len(code)
        slots.append(children.slot + count)
        level = children.level
        depth += 1
    leaves, code = _with_leaves(np.concatenate(codes), lists)
    nodes = code[np.concatenate(slots)] if slots else np.zeros(0, np.uint64)
    longest = max(int(kept.max(initial=0)) for kept, _ in lists)
    return Grown(code[0], nodes, leaves, np.unique(np.concatenate(left)), depth, longest, steps, compares)


def _of(cuts: Cuts, nodes: Indexes) -> Cuts:
    return Cuts(cuts.field[nodes], cuts.shift[nodes], cuts.width[nodes])


def _nodes_of(level: Level, nodes: Indexes) -> Level:
    lengths = level.lengths[nodes]
    return Level(
        starts_of(lengths),
        level.entry[take_runs(level.start[nodes], lengths)],
        level.used[:, nodes],
        level.low[:, nodes],
        level.high[:, nodes],
        level.weight[nodes],
    )


def _inner(columns: Sequence[Column], cuts: Cuts, base: Indexes) -> Words:
    at = np.array([column.field.at for column in columns])[cuts.field]
    word = np.array([column.field.word for column in columns])[cuts.field]
    mask = (1 << cuts.width) - 1
    code: NDArray[np.int64] = base | (at + cuts.shift) << 32 | word << 38
    return code.astype(np.uint64) | mask.astype(np.uint64) << np.uint64(48)


def _with_leaves(code: Words, lists: list[tuple[Indexes, Indexes]]) -> tuple[Indexes, Words]:
    """Equal leaves laid down once, and the leaf nodes, which held their leaf's number, with its place."""
    lengths = np.concatenate([lengths for lengths, _ in lists])
    entry = np.concatenate([entry for _, entry in lists])
    starts = starts_of(lengths)
    kept, which = share(starts, entry, np.zeros((0, len(lengths)), np.uint64))
    leaves = entry[take_runs(starts[kept], lengths[kept])]
    place = starts_of(lengths[kept])[which].astype(np.uint64)
    at = np.flatnonzero(code & LEAF)
    code[at] = (code[at] & ~_BASE) | place[(code[at] & _BASE).astype(np.int64)]
    return leaves, code
