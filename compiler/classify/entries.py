"""What is classified: entries over the fields of a key. In: intervals, or values and masks. Out: `Columns`, by field.

The key is some 64-bit words in host order; a field is a number in one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Indexes = NDArray[np.int64]
"""Of entries, nodes or slots."""

ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class Field:
    """A number of the key, host order: `bits` (1..64) wide, from bit `at` of the 64-bit key word `word` (0..7).

    ternary: an entry has (value, mask) of it, mask bits 1 are compared; else an interval [low, high].
    """

    word: int
    at: int
    bits: int
    ternary: bool


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """`numbers` (n,), not decreasing: each entry's rule; the smallest that matches wins; entries may share one.

    `first` and `second` (n, fields): low and high, or value and mask (value bits outside the mask are 0).
    """

    fields: tuple[Field, ...]
    numbers: NDArray[np.uint32]
    first: Words
    second: Words


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One field of all entries, each array (n,).

    `fixed`: the bits that an entry fixes, `value` their values, other bits 0. `exact`: it asks for no more than those
    (a range that is no prefix does). `low`, `high`: the smallest and the largest number that can match.
    """

    field: Field
    fixed: Words
    value: Words
    exact: NDArray[np.bool_]
    low: Words
    high: Words

    @property
    def full(self) -> np.uint64:
        return np.uint64((1 << self.field.bits) - 1)


def build_columns(entries: Entries) -> tuple[Column, ...]:
    """The entries by field."""
    pairs = zip(entries.fields, entries.first.T, entries.second.T, strict=True)
    return tuple(_column(field, np.ascontiguousarray(a), np.ascontiguousarray(b)) for field, a, b in pairs)


def _column(field: Field, first: Words, second: Words) -> Column:
    full = np.uint64((1 << field.bits) - 1)
    if field.ternary:
        low, high = first, first | (full & ~second)
        return Column(field, second, first, np.ones(len(first), np.bool_), low, high)
    open_bits = _filled(first ^ second)
    fixed = full & ~open_bits
    exact = ((first & open_bits) == 0) & ((second & open_bits) == open_bits)
    return Column(field, fixed, first & fixed, exact, first, second)


def _filled(numbers: Words) -> Words:
    """Each number with every bit below its highest one set."""
    for shift in (1, 2, 4, 8, 16, 32):
        numbers = numbers | (numbers >> np.uint64(shift))
    return numbers


def starts_of(lengths: Indexes) -> Indexes:
    """Where runs of those lengths begin, and where the last one ends: (n,) to (n + 1,)."""
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def take_runs(starts: Indexes, lengths: Indexes) -> Indexes:
    """The positions in runs that begin at `starts`, one run behind the other."""
    ends = starts_of(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)


def constrains(columns: Sequence[Column], bits: int) -> NDArray[np.bool_]:
    """(fields, n): whether the entry fixes at least so many bits of the field (of a narrower field: all of them)."""
    return np.array([np.bitwise_count(column.fixed) >= min(bits, column.field.bits) for column in columns])
