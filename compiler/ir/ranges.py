"""Sets of numbers as sorted, disjoint, non-adjacent closed ranges; every operation gives that form back.

In: pairs (low, high), both ends included, of unsigned numbers of any width. Out: `Ranges` tuples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]


def normal(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Sorts, drops what is empty, joins what overlaps or touches."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(p for p in pairs if p[0] <= p[1]):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def union(a: Ranges, b: Ranges) -> Ranges:
    return normal((*a, *b))


def intersection(a: Ranges, b: Ranges) -> Ranges:
    return normal((max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b)


def complement(a: Ranges, bits: int) -> Ranges:
    """What of 0 .. 2**bits - 1 is not in `a`."""
    out, low = [], 0
    for first, last in a:
        out.append((low, first - 1))
        low = last + 1
    return normal((*out, (low, (1 << bits) - 1)))


def contains(a: Ranges, value: int) -> bool:
    return any(low <= value <= high for low, high in a)


def contains_all(a: Ranges, b: Ranges) -> bool:
    """Whether every number of `b` is in `a`."""
    return all(any(low <= first and last <= high for low, high in a) for first, last in b)


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
