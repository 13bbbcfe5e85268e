"""What a policy's memory has counted: what tables hold, what limiters have seen, how many events were lost.

In: a pinned policy and its manifest; the map of its `state_counters` is one u64 an index and CPU. Out:
`StateStats`. A counter that the object does not have reads as None.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass

from ebpfc.runtime import bpffs
from ebpfc.runtime.counters import possible_cpus
from ebpfc.runtime.errors import ControlError, failure_of
from ebpfc.runtime.installed import Installed, map_path
from ebpfc.runtime.libbpf import MAP_TYPE_PERCPU_ARRAY, libbpf
from ebpfc.runtime.manifest import Manifest
from ebpfc.runtime.manifest_state import LimitPart, StatePart, TablePart, limit_counter, table_counter
from ebpfc.runtime.object import map_info
from ebpfc.runtime.tables import Table


@dataclass(frozen=True, slots=True)
class TableStats:
    """`entries`: those that are there; `expired`: those that still take room. `added`, `refused`: by rules."""

    table: TablePart
    entries: int
    expired: int
    added: int | None
    refused: int | None


@dataclass(frozen=True, slots=True)
class LimitStats:
    """Packets: `within` the rate, `over` it, and those whose key found no room (`full`)."""

    limit: LimitPart
    within: int | None
    over: int | None
    full: int | None


@dataclass(frozen=True, slots=True)
class StateStats:
    """`lost`: events that found no room; None where nothing is logged or counted."""

    tables: tuple[TableStats, ...] = ()
    limits: tuple[LimitStats, ...] = ()
    lost: int | None = None


class StateCounters:
    """The counters of one policy by name, its map open."""

    def __init__(self, fd: int, part: StatePart) -> None:
        info = map_info(fd)
        if info.type != MAP_TYPE_PERCPU_ARRAY or (info.key_size, info.value_size) != (4, 8):
            raise ControlError(f"the map {part.counters_map} of this object does not hold counters")
        if info.max_entries < len(part.counters):
            raise ControlError(
                f"the manifest names {len(part.counters)} counters of its state, and the object has {info.max_entries}"
            )
        self._fd = fd
        self._index = {name: index for index, name in enumerate(part.counters)}

    def read(self, name: str) -> int | None:
        """The sum over all CPUs; None when the object has no such counter."""
        index = self._index.get(name)
        if index is None:
            return None
        room = ctypes.create_string_buffer(8 * possible_cpus())
        answer = libbpf().bpf_map_lookup_elem(self._fd, ctypes.byref(ctypes.c_uint32(index)), room)
        if answer < 0:
            raise failure_of(f"read the counter {name}", -answer)
        return int(sum(struct.unpack(f"={possible_cpus()}Q", room.raw)))


def read_state_stats(installed: Installed, manifest: Manifest) -> StateStats:
    """ControlError when a map is not what the manifest says."""
    part = manifest.state
    if part == StatePart():
        return StateStats()
    path = map_path(installed.folder, part.counters_map) if part.counters_map else None
    with bpffs.opened(path or installed.folder / "none") as fd:
        counters = StateCounters(fd, part) if fd is not None else None

        def count(name: str) -> int | None:
            return counters.read(name) if counters else None

        return StateStats(
            tuple(_table(installed, t, count(table_counter(t, "added")), count(table_counter(t, "refused")))
                  for t in part.tables),
            tuple(LimitStats(limit, *(count(limit_counter(n, what)) for what in ("within", "over", "full")))
                  for n, limit in enumerate(part.limits)),
            count("lost"),
        )  # fmt: skip


def _table(installed: Installed, part: TablePart, added: int | None, refused: int | None) -> TableStats:
    with bpffs.opened(map_path(installed.folder, part.map)) as fd:
        if fd is None:
            raise ControlError(f"the map {part.map} of policy {installed.policy} is not pinned")
        return TableStats(part, *Table(part, installed.policy, fd).count(), added, refused)
