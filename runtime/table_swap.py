"""The whole content of a table replaced by another, while packets are judged.

In: a table, the keys that it shall hold. Out: `Swapped`, what was done. An entry that is in both, old and new, is there
all the time: what is new is added first and what is gone deleted last; only where both together do not fit is room made
before. (A nearly full table that evicts may throw out any entry at a write: the kernel's LRU hash has no better way.)
An entry that never expires, before and after, is not written at all; one that is renewed keeps its counts, but for
packets that find it between its reading and its writing.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ebpfc.runtime.counters import possible_cpus
from ebpfc.runtime.errors import KernelError
from ebpfc.runtime.map_entries import BATCH
from ebpfc.runtime.table_file import Wanted
from ebpfc.runtime.tables import VALUE, Table

_LRU_MARGIN = 128  # free entries that each CPU may hold for itself: LOCAL_FREE_TARGET, kernel/bpf/bpf_lru_list.c


@dataclass(frozen=True, slots=True)
class Swapped:
    """`stayed`: entries that were there before. `lost`: those that a table that evicts did not keep."""

    added: int
    stayed: int
    deleted: int
    lost: int


def swap(table: Table, wanted: Wanted, progress: Callable[[int, int], None]) -> Swapped:
    """`progress` is told how many entries of how many have been written. ControlError: no room, which cannot be unless
    packets add entries of their own meanwhile; then all that was there and is wanted still is."""
    now = time.monotonic_ns()
    present = table.entries.read_all()
    both, fresh = list(present.keys() & wanted.keys()), list(wanted.keys() - present.keys())
    gone = list(present.keys() - wanted.keys())
    total = len(wanted) + len(gone)
    stayed = _put(table, both, wanted, present, now, lambda done: progress(done, total))
    room = table.entries.capacity - (_LRU_MARGIN * possible_cpus() if table.evicts else 0)
    first = max(0, total - room)
    deleted = table.entries.delete_all(gone[:first])
    _put(table, fresh, wanted, present, now, lambda done: progress(len(both) + done, total))
    deleted += table.entries.delete_all(gone[first:])
    progress(total, total)
    lost = len(wanted.keys() - table.entries.read_all().keys()) if table.evicts else 0
    return Swapped(len(wanted) - stayed, stayed, deleted, lost)


def _put(
    table: Table,
    keys: Sequence[bytes],
    wanted: Wanted,
    present: dict[bytes, bytes],
    now: int,
    progress: Callable[[int], None],
) -> int:
    """Adds or renews these keys; answers how many of them were there, and not past their time."""
    pack, unpack, expiry = VALUE.pack, VALUE.unpack, table.expiry
    stayed = 0
    for place in range(0, len(keys), BATCH):
        some: list[bytes] = []
        values: list[bytes] = []
        for key in keys[place : place + BATCH]:
            expires = expiry(wanted[key], now)
            old = present.get(key)
            before, packets, size = unpack(old) if old is not None else (1, 0, 0)
            if 0 < before <= now:
                packets = size = 0
            else:
                stayed += 1
            if before or expires:
                some.append(key)
                values.append(pack(expires, packets, size))
        done = table.entries.put_all(some, values)
        if done < len(some) and table.sweep():
            done += table.entries.put_all(some[done:], values[done:])
        if done < len(some):
            raise table.full(KernelError("no room", error=errno.E2BIG))
        progress(place + BATCH)
    return stayed
