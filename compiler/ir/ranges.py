"""Sets of numbers as sorted, disjoint, non-adjacent closed ranges; every operation gives that form back.

In: pairs (low, high), both ends included, of unsigned numbers of any width. Out: `Ranges` tuples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]


def normal(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Sorts, drops what is empty, joins what overlaps or touches."""
    kept = [pair for pair in pairs if pair[0] <= pair[1]]
    if len(kept) < 2:
        return tuple(kept)
    kept.sort()
    out: list[tuple[int, int]] = []
    for low, high in kept:
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def union(a: Ranges, b: Ranges) -> Ranges:
    return normal((*a, *b))


def intersection(a: Ranges, b: Ranges) -> Ranges:
    if len(a) == len(b) == 1:
        low, high = max(a[0][0], b[0][0]), min(a[0][1], b[0][1])
        return ((low, high),) if low <= high else ()
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            out.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def complement(a: Ranges, bits: int) -> Ranges:
    """What of 0 .. 2**bits - 1 is not in `a`."""
    out, low = [], 0
    for first, last in a:
        out.append((low, first - 1))
        low = last + 1
    return normal((*out, (low, (1 << bits) - 1)))


def contains(a: Ranges, value: int) -> bool:
    return _contains(a, value, value)


def contains_all(a: Ranges, b: Ranges) -> bool:
    """Whether every number of `b` is in `a`."""
    if not b:
        return True
    if not a or b[0][0] < a[0][0] or b[-1][1] > a[-1][1]:
        return False
    return all(_contains(a, first, last) for first, last in b) if len(a) > 1 else True


def _contains(a: Ranges, first: int, last: int) -> bool:
    at = bisect_left(a, (first + 1,)) - 1  # the last range that begins at `first` or before
    return at >= 0 and last <= a[at][1]


def relation(op: str, value: int, bits: int) -> Ranges:
    """The numbers x of `bits` bits for which `x op value` holds."""
    top = (1 << bits) - 1
    match op:
        case "==":
            return normal([(value, value)]) if value <= top else ()
        case "!=":
            return complement(normal([(value, value)]), bits) if value <= top else ((0, top),)
        case "<":
            return normal([(0, min(value - 1, top))])
        case "<=":
            return normal([(0, min(value, top))])
        case ">":
            return normal([(value + 1, top)])
        case _:
            return normal([(value, top)])
