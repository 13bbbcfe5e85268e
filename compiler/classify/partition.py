"""Which entries share a tree. In: columns. Out: the configurations worth trying.

An entry that leaves an address open goes to every child of a cut in it. So those that fix both addresses, those that
fix one and those that fix none have trees of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.cuts import Tuning
from ebpfc.compiler.classify.entries import ONE, Column, Indexes, constrains
from ebpfc.compiler.classify.spread import share

Flags = NDArray[np.bool_]
_SPECIFIC = 12
"""Bits from which on a field tells entries apart."""
FEW, MANY, _HUGE = 128, 3000, 20_000
"""Bounds of what is tried, in entries; up to `FEW`, and above `MANY`, the first configuration that works has to do."""
_NEARLY_ALL, _WORTH = 0.9, 0.1
"""Of the entries, those that must fix the bit that makes two families, and that fix an address more for it."""
_TOO_FEW = 8
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
    if count <= FEW:
        return (1, 1.0), (3, 1.0)
    if count <= MANY:
        return (4, 1.0), (3, 1.0)
    return ((4, 1.0), (4, 2.0)) if count <= _HUGE else ((4, 2.0), (4, 1.0))


def _addresses(columns: Sequence[Column]) -> tuple[Flags, Flags]:
    """(n,) each: whether an entry fixes the field that most fix, and the one that most of the others fix.

    Where a bit tells two families apart that fix different fields (IPv4, IPv6), each has its own two: entries of one
    class of both get in each other's way no longer once that bit is cut.
    """
    count = len(columns[0].low)
    wide = [column for column in columns if column.field.bits >= _SPECIFIC]
    if not wide:
        nothing = np.zeros(count, np.bool_)
        return nothing, nothing
    fixes = constrains(wide, _SPECIFIC)
    apart = np.array([_apart(column, fixed) for column, fixed in zip(wide, fixes, strict=True)])

    def told(members: Flags) -> NDArray[np.float64]:
        """(fields,): how many of the members each tells apart."""
        told: NDArray[np.float64] = fixes[:, members].sum(axis=1) * apart
        return told

    family = np.zeros(count, np.bool_)
    most = (1 + _WORTH) * told(~family).max()
    for bit in _telling_bits(columns):
        found = told(bit).max() + told(~bit).max()
        if found > most:
            family, most = bit, found
    one, other = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for members in (family, ~family):
        own = fixes[:, members]
        one[members] = own[told(members).argmax()]
        other[members] = own[told(members & ~one).argmax()]
    return one, other


def _apart(column: Column, fixed: Flags) -> float:
    """Of two entries that fix the field, how probably they want different numbers: a protocol tells little."""
    shares = np.unique(column.low[fixed], return_counts=True)[1] / max(int(fixed.sum()), 1)
    return float(1 - (shares**2).sum())


def _telling_bits(columns: Sequence[Column]) -> Iterator[Flags]:
    """(n,) of each bit of a value and mask that nearly all entries fix: whether it is 1."""
    for column in columns:
        for place in range(column.field.bits if column.field.ternary else 0):
            bit = ONE << np.uint64(place)
            if ((column.fixed & bit) != 0).mean() >= _NEARLY_ALL:
                yield (column.value & bit) != 0


def _parts(number: Indexes, entry: Indexes) -> tuple[Indexes, ...]:
    """Entries by the class of each; a class of few joins the next, which is wider."""
    parts: list[Indexes] = []
    waiting = np.zeros(0, np.int64)
    for each in range(int(number.max()) + 1):
        waiting = np.union1d(waiting, entry[number == each])
        if len(waiting) >= _TOO_FEW:
            parts.append(waiting)
            waiting = np.zeros(0, np.int64)
    if len(waiting):
        parts.append(np.union1d(parts.pop(), waiting) if parts else waiting)
    return tuple(parts)
