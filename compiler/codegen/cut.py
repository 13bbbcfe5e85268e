"""A large set → a table that one load reaches: some bits of a number name a bucket, its ranges are compared.

    buckets[x >> shift & (2**width - 1)]    e.g. shift 8, width 8: the third byte of an IPv4 address

Every bucket holds each range that has a number with those bits, then repeats a range of the set until all are as long:
a range of the set too many can only say what is true. Of an IPv6 address x is the upper or the lower 64 bits, the
ranges stay whole. The bits are those that spread this set best, found by trying; where none keep the buckets short and
the table small (nested, very large sets) there is no cut, and codegen/table.py has another form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ebpfc.compiler.ir.ranges import Ranges

WIDTH_AT_MOST = 10
RANGES_AT_MOST = 4
"""In a bucket: so many are compared about as fast as the next load would come."""
GOOD_RANGES = 2
TABLE_BYTES = 1 << 16
BUCKETS_A_RANGE = 8
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Cut:
    """`word` is which 64 bits of an IPv6 address are looked at: 0 the upper, 1 the lower; else 0."""

    word: int
    shift: int
    buckets: tuple[Ranges, ...]

    @property
    def length(self) -> int:
        """Ranges in a bucket, the same in all."""
        return len(self.buckets[0])


@dataclass(frozen=True, slots=True)
class _Try:
    word: int
    shift: int
    width: int
    fullest: int


def build_cut(ranges: Ranges, bits: int) -> Cut | None:
    """Two ranges a bucket or fewer before more, then the smaller table, then fewer ranges. None: no such cut."""
    words = [[(low, high) for low, high in ranges]] if bits <= 64 else [_word(ranges, 64), _word(ranges, 0)]
    best: _Try | None = None
    for width in range(1, WIDTH_AT_MOST + 1):
        if 1 << width > BUCKETS_A_RANGE * len(ranges):
            break
        limit = min(_limit(best), TABLE_BYTES // (_row_bytes(bits) << width))
        if limit << width >= len(ranges):
            best = _best_of_width(words, width, limit) or best
    return _fill(ranges, words[best.word], best) if best else None


def _limit(best: _Try | None) -> int:
    """How full a bucket of a wider, hence larger table may be to be better than the best one up to now."""
    if best is None:
        return RANGES_AT_MOST
    return GOOD_RANGES if best.fullest > GOOD_RANGES else best.fullest - 1


def _row_bytes(bits: int) -> int:
    return 2 * bits // 8


def _word(ranges: Ranges, shift: int) -> list[tuple[int, int]]:
    """The values of 64 of the 128 bits; a range over which the upper ones change holds all values of the lower."""
    return [
        (low >> shift & _WORD, high >> shift & _WORD) if shift or low >> 64 == high >> 64 else (0, _WORD)
        for low, high in ranges
    ]


def _best_of_width(words: list[list[tuple[int, int]]], width: int, limit: int) -> _Try | None:
    """The bits whose fullest bucket holds the fewest ranges, `limit` at most."""
    best: _Try | None = None
    for word, spans in enumerate(words):
        for shift in range(max(high for _, high in spans).bit_length()):
            if not limit:
                return best
            fullest = _fullest(spans, shift, width, limit)
            if fullest <= limit:
                best, limit = _Try(word, shift, width, fullest), fullest - 1
    return best


def _fullest(spans: Sequence[tuple[int, int]], shift: int, width: int, limit: int) -> int:
    """Ranges in the fullest bucket, or any number above `limit` as soon as one holds more."""
    mask = (1 << width) - 1
    counts = [0] * (mask + 1)
    everywhere = 0
    for low, high in spans:
        first, last = low >> shift, high >> shift
        if last - first >= mask:
            everywhere += 1
            if everywhere > limit:
                return everywhere
            continue
        for at in range(first, last + 1):
            counts[at & mask] += 1
            if counts[at & mask] > limit:
                return limit + 1
    return max(counts) + everywhere


def _fill(ranges: Ranges, spans: Sequence[tuple[int, int]], chosen: _Try) -> Cut:
    count = 1 << chosen.width
    buckets: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for whole, (low, high) in zip(ranges, spans, strict=True):
        first = low >> chosen.shift
        for at in range(first, min(high >> chosen.shift, first + count - 1) + 1):
            buckets[at & (count - 1)].append(whole)
    filler = ranges[0]
    return Cut(
        chosen.word,
        chosen.shift,
        tuple((*bucket, *[filler] * (chosen.fullest - len(bucket))) for bucket in buckets),
    )
