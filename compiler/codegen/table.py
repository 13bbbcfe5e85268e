"""A large set → a table that is searched in a constant number of steps: ranges, and buckets that say where to begin.

The numbers from the first range's start to the last one's end are cut into 2**k equal buckets by their upper bits; a
bucket holds the index of the first range that ends in it or behind. From there a *window* of ranges is looked at: as
many as the fullest bucket touches. More buckets make smaller windows; BUCKETS_AT_MOST bounds them. IPv6 addresses are
bucketed by their upper 64 bits. Any set has this form; codegen/cut.py has a quicker one for most.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from ebpfc.compiler.ir.ranges import Ranges

BUCKETS_AT_MOST = 1 << 14
GOOD_WINDOW = 2
"""Ranges that are compared about as fast as one: their loads do not wait for each other."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """`first[(x - base) >> shift]`, x from `base` to `base + span`; `window` ranges from there hold the bucket."""

    base: int
    span: int
    shift: int
    first: tuple[int, ...]
    window: int


def build_buckets(ranges: Ranges, bits: int) -> Buckets:
    """The fewest buckets with a good window, else those with the smallest window."""
    drop = 64 if bits == 128 else 0
    lows, highs = [low >> drop for low, _ in ranges], [high >> drop for _, high in ranges]
    base, span = lows[0], highs[-1] - lows[0]
    best: Buckets | None = None
    count = 1 << max(len(ranges) - 1, 1).bit_length()
    while best is None or (count <= min(BUCKETS_AT_MOST, 8 * len(ranges)) and best.window > GOOD_WINDOW):
        shift = max(span.bit_length() - (count.bit_length() - 1), 0)
        found = _buckets(lows, highs, base, span, shift)
        if best is None or found.window < best.window:
            best = found
        if not shift:
            break
        count *= 2
    return best


def _buckets(lows: list[int], highs: list[int], base: int, span: int, shift: int) -> Buckets:
    first: list[int] = []
    window = 1
    for bucket in range((span >> shift) + 1):
        start = base + (bucket << shift)
        begin = min(bisect_left(highs, start), len(lows) - 1)
        end = bisect_right(lows, start + (1 << shift) - 1)
        first.append(begin)
        window = max(window, end - begin)
    return Buckets(base, span, shift, tuple(first), window)
