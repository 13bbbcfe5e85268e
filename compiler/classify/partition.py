"""Which entries share a tree. In: columns. Out: the configurations worth trying.

An entry that leaves an address open goes to every child of a cut in it. So those that fix both addresses, those that
fix one and those that fix none have trees of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ebpfc.compiler.classify.cuts import Tuning
from ebpfc.compiler.classify.entries import Column, Indexes, constrains
from ebpfc.compiler.classify.spread import share

_SPECIFIC = 12
"""Bits from which on a field tells entries apart."""
_SMALL, _LARGE, MANY = 200, 3000, 20_000
"""Entries up to which other configurations are tried; of more than `MANY` one has to do."""
_FEW = 8
"""Entries that are not worth a tree."""


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """`parts`: indexes of entries, ascending, the most specific first; together all of them."""

    name: str
    parts: tuple[Indexes, ...]
    tuning: Tuning


def configurations(columns: Sequence[Column]) -> list[Configuration]:
    """`columns` of at least one entry. An entry that repeats an earlier one is in no part."""
    count = len(columns[0].low)
    asked = np.array([part for column in columns for part in (column.low, column.high, column.fixed)])
    distinct = np.sort(share(np.arange(count + 1), np.zeros(count, np.int64), asked)[0])
    one, other = _addresses(columns)
    classes = {
        1: np.zeros(count, np.int64),
        3: np.where(one, 0, np.where(other, 1, 2)),
        4: np.where(one & other, 0, np.where(one, 1, np.where(other, 2, 3))),
    }
    found: dict[tuple[int, float], Configuration] = {}
    for number, thrift in _tried(count):
        parts = _parts(classes[number][distinct], distinct)
        name = f"{len(parts)} parts, thrift {thrift:g}"
        found.setdefault((len(parts), thrift), Configuration(name, parts, Tuning(thrift=thrift)))
    return list(found.values())


def _tried(count: int) -> tuple[tuple[int, float], ...]:
    """Into how many classes, and how much copies count: what is probably best first, the rest in case it is not.

    Few entries are fastest in one tree; of many, the tables' bytes are what a look-up costs.
    """
    if count <= _SMALL:
        return (1, 0.5), (3, 0.5)
    if count <= _LARGE:
        return (4, 1.0), (3, 1.0)
    return ((4, 1.0), (4, 2.0)) if count <= MANY else ((4, 2.0), (4, 1.0))


def _addresses(columns: Sequence[Column]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) each: whether an entry fixes the field that most fix, and the one that most of the others fix."""
    wide = [column for column in columns if column.field.bits >= _SPECIFIC]
    if not wide:
        nothing = np.zeros(len(columns[0].low), np.bool_)
        return nothing, nothing
    fixes = constrains(wide, _SPECIFIC)
    one = fixes[fixes.sum(axis=1).argmax()]
    other = fixes[(fixes & ~one).sum(axis=1).argmax()]
    return one, other


def _parts(number: Indexes, entry: Indexes) -> tuple[Indexes, ...]:
    """Entries by the class of each; a class of few joins the next, which is wider."""
    parts: list[Indexes] = []
    waiting = np.zeros(0, np.int64)
    for each in range(int(number.max()) + 1):
        waiting = np.union1d(waiting, entry[number == each])
        if len(waiting) >= _FEW:
            parts.append(waiting)
            waiting = np.zeros(0, np.int64)
    if len(waiting):
        parts.append(np.union1d(parts.pop(), waiting) if parts else waiting)
    return tuple(parts)
