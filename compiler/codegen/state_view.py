"""The policy's tables, limiters and log → the view of its maps and of the C functions that work on them.

In: the declarations (`ir.state.State`), the kernel to load on, what the hooks' plans ask. Out: `StateView`. Names of
maps have 15 characters at most, the kernel's limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ebpfc.compiler.codegen.plan import LAYER_NAMES, UseView
from ebpfc.compiler.codegen.tracking import TrackView, build_track
from ebpfc.compiler.ir import state

MAP_NAME = 15
FLOOR, COARSE_CLOCK, COMPARE_AND_EXCHANGE = (5, 10), (5, 11), (5, 12)
"""The oldest that objects can be made for; those that have bpf_ktime_get_coarse_ns, and atomic compare-and-exchange."""
COARSE_IS_FINE = 50_000_000 * 16
"""A depth from which on a limiter may read the coarse clock, that goes by ticks of up to 10 ms."""
TABLE_COUNTS, LIMITER_COUNTS = ("added", "refused"), ("within", "over", "full")


@dataclass(frozen=True, slots=True)
class TableView:
    name: str  # of the policy
    map: str
    kind: str  # of the map
    words: int
    net: bool
    size: int
    timeout: int | None
    first_count: int


@dataclass(frozen=True, slots=True)
class LimiterView:
    """`buckets` of four keys each, a power of two; 1 without a key."""

    number: int
    map: str
    words: int
    buckets: int
    by_length: bool
    cost: int
    depth: int
    coarse: bool
    full: str
    first_count: int


@dataclass(frozen=True, slots=True)
class CountView:
    """Lists of connections by key; without one (`words` 0) a single list."""

    number: int
    map: str
    layer: str
    words: int
    most: int
    size: int


@dataclass(frozen=True, slots=True)
class StateView:
    tables: tuple[TableView, ...]
    limiters: tuple[LimiterView, ...]
    logs: tuple[state.LogDecl, ...]
    counts: tuple[CountView, ...]
    track: TrackView | None
    keys: tuple[int, ...]  # words of keys that tables have
    coarse_clock: bool
    locks: bool  # no compare-and-exchange: spin locks
    counters: int
    lost: int  # the counter of lost events

    @property
    def longest(self) -> CountView | None:
        """The longest of the lists that have keys."""
        return max((c for c in self.counts if c.words), key=lambda c: c.most, default=None)

    def lasts(self, use: UseView) -> int:
        """How many ns what an action adds is there; 0: for ever."""
        timeout = next(t.timeout for t in self.tables if t.name == use.target)
        return (timeout or 0) if use.until == "-" else int(use.until)


def oldest_kernel(declared: state.State, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """The one that was asked for; else the oldest that needs no slower way round."""
    if wanted is not None:
        return wanted
    return COMPARE_AND_EXCHANGE if declared.limiters else COARSE_CLOCK if declared.tables or declared.track else FLOOR


def map_names(declared: state.State) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The maps of the tables, by name, and of the limiters."""
    taken: set[str] = set()
    tables = {t.name: _unique(f"t_{t.name}", taken) for t in declared.tables}
    limiters = tuple(_unique(f"l_{limit.name or i}", taken) for i, limit in enumerate(declared.limiters))
    return tables, limiters


def _unique(name: str, taken: set[str]) -> str:
    found, number = name[:MAP_NAME], 2
    while found in taken:
        tail = f"_{number}"
        found, number = name[: MAP_NAME - len(tail)] + tail, number + 1
    taken.add(found)
    return found


def counter_names(declared: state.State) -> tuple[str, ...]:
    """What each u64 of `pf_state` counts."""
    tables = [f"table {t.name} {what}" for t in declared.tables for what in TABLE_COUNTS]
    limiters = [f"limiter {i} {what}" for i in range(len(declared.limiters)) for what in LIMITER_COUNTS]
    return (*tables, *limiters, *(("lost",) if declared.logs else ()))


def build_state(declared: state.State, kernel: tuple[int, int]) -> StateView:
    tables, limiters = map_names(declared)
    first = len(TABLE_COUNTS) * len(declared.tables)
    return StateView(
        tables=tuple(_table(t, tables[t.name], i * len(TABLE_COUNTS)) for i, t in enumerate(declared.tables)),
        limiters=tuple(
            _limiter(limit, i, limiters[i], first + i * len(LIMITER_COUNTS), kernel)
            for i, limit in enumerate(declared.limiters)
        ),
        logs=declared.logs,
        counts=tuple(
            CountView(i, f"c_{i}", LAYER_NAMES[c.crowd.layer], state.words(c.kinds), c.most, c.size if c.kinds else 1)
            for i, c in enumerate(declared.counts)
        ),
        track=build_track(declared.track) if declared.track is not None else None,
        keys=tuple(sorted({state.words(t.kinds) for t in declared.tables})),
        coarse_clock=kernel >= COARSE_CLOCK,
        locks=kernel < COMPARE_AND_EXCHANGE,
        counters=len(counter_names(declared)),
        lost=len(counter_names(declared)) - 1,
    )


def _table(table: state.TableDecl, name: str, first: int) -> TableView:
    kind = "LPM_TRIE" if table.net else "LRU_HASH" if table.lru else "HASH"
    return TableView(table.name, name, kind, state.words(table.kinds), table.net, table.size, table.timeout, first)


def _limiter(limiter: state.LimiterDecl, number: int, name: str, first: int, kernel: tuple[int, int]) -> LimiterView:
    """A bucket for each key that there is room for: with four places each, and two buckets to choose from, every key
    finds a place as long as they are not more than `size` (docs/architecture.md has the odds)."""
    buckets = 1 << (limiter.size - 1).bit_length() if limiter.kinds else 1
    coarse = kernel >= COARSE_CLOCK and limiter.depth >= COARSE_IS_FINE
    return LimiterView(
        number, name, state.words(limiter.kinds), max(buckets, 2) if limiter.kinds else 1, limiter.by_length,
        limiter.cost, limiter.depth, coarse, limiter.full.upper(), first,
    )  # fmt: skip
