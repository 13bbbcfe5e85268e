"""The large sets of a policy → what templates/sets.c.j2 prints: rows of C and the few numbers of each search.

In: `Table`s. Out: one `SetsView`. A set gets the form of codegen/cut.py where that finds one, else codegen/table.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.codegen.cut import Cut, build_cut
from ebpfc.compiler.codegen.plan import Table
from ebpfc.compiler.codegen.ranges_c import hexadecimal
from ebpfc.compiler.codegen.table import build_buckets

LINEAR_WINDOW = 4
"""Ranges of a window that are compared one after another; more are halved."""
NUMBERS_A_LINE = 16
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class CutView:
    """`index` is the C of the bucket's number, a row is a bucket of `length` ranges."""

    bits: int
    name: str
    ranges: int
    rows: tuple[str, ...]
    length: int
    index: str


@dataclass(frozen=True, slots=True)
class TableView:
    """`mask` bounds an index, `halvings` are the steps of a search where the window is no linear one."""

    bits: int
    name: str
    ranges: int
    rows: tuple[str, ...]
    mask: int
    base: str
    span: str
    shift: int
    index: str
    first: tuple[str, ...]
    buckets: int
    window: int
    linear: bool
    halvings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetsView:
    """`bits` are the widths of numbers that there are sets of; `borrows`, `searches`: which functions they use."""

    cuts: tuple[CutView, ...]
    tables: tuple[TableView, ...]
    bits: tuple[int, ...]
    borrows: bool
    searches: bool


def build_sets(tables: tuple[Table, ...]) -> SetsView:
    found = [(table, build_cut(table.ranges, table.bits)) for table in tables]
    searched = tuple(_table_view(table) for table, cut in found if not cut)
    searches = any(not t.linear for t in searched)
    return SetsView(
        cuts=tuple(_cut_view(table, cut) for table, cut in found if cut),
        tables=searched,
        bits=tuple(sorted({table.bits for table in tables})),
        borrows=searches or any(table.bits == 64 for table in tables),
        searches=searches,
    )


def _cut_view(table: Table, cut: Cut) -> CutView:
    word = ("x", "x1")[cut.word]
    shifted = f"{word} >> {cut.shift}" if cut.shift else word
    return CutView(
        bits=table.bits,
        name=table.name,
        ranges=len(table.ranges),
        rows=tuple("{" + ", ".join(_row(low, high, table.bits) for low, high in b) + "}" for b in cut.buckets),
        length=cut.length,
        index=f"{shifted} & {len(cut.buckets) - 1}",
    )


def _table_view(table: Table) -> TableView:
    """Rows of (low, high - low); behind them the last again, as often as a window may reach past the end."""
    buckets = build_buckets(table.ranges, table.bits)
    steps = (buckets.window - 1).bit_length()
    linear = buckets.window <= LINEAR_WINDOW
    window = buckets.window if linear else 1 << steps
    mask = (1 << (len(table.ranges) - 1).bit_length()) - 1
    padded = (*table.ranges, *(table.ranges[-1:] * (mask + window - len(table.ranges))))
    return TableView(
        bits=table.bits,
        name=table.name,
        ranges=len(table.ranges),
        rows=tuple(_row(low, high, table.bits) for low, high in padded),
        mask=mask,
        base=hexadecimal(buckets.base),
        span=hexadecimal(buckets.span),
        shift=buckets.shift,
        index="u16" if len(table.ranges) < 1 << 16 else "u32",
        first=_lines(buckets.first),
        buckets=len(buckets.first),
        window=window if linear else 1,
        linear=linear,
        halvings=() if linear else tuple(1 << i for i in reversed(range(steps))),
    )


def _row(low: int, high: int, bits: int) -> str:
    if bits == 128:
        upper = low >> 64
        return f"{{{upper:#x}ull, {(high >> 64) - upper:#x}ull, {low & _WORD:#x}ull, {high & _WORD:#x}ull}}"
    kind = "ull" if bits == 64 else "u"
    return f"{{{low:#x}{kind}, {high - low:#x}{kind}}}"


def _lines(numbers: tuple[int, ...]) -> tuple[str, ...]:
    starts = range(0, len(numbers), NUMBERS_A_LINE)
    return tuple(", ".join(map(str, numbers[at : at + NUMBERS_A_LINE])) for at in starts)
