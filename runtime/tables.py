"""The tables of a policy in force: found by name, listed, added to and deleted from while packets are judged.

In: a device, a table's name. Out: `Table` with its entries. Times are CLOCK_MONOTONIC's nanoseconds, as the programs'
own. An entry is there until its expiry; one past it is left out and makes room when room is needed.
Law: docs/adr/0003-tables-and-limiters.md, rules 8 to 11 and 21.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, KernelError, quote
from ebpfc.runtime.installed import Installed, map_path, refuse_several, require_installed
from ebpfc.runtime.libbpf import MAP_TYPE_HASH, MAP_TYPE_LPM_TRIE, MAP_TYPE_LRU_HASH
from ebpfc.runtime.manifest_state import TablePart
from ebpfc.runtime.map_entries import FULL, MapEntries
from ebpfc.runtime.table_keys import KeyFormat

VALUE: Final = struct.Struct("=QQQ")
"""expires (ns, 0: never), packets, bytes."""
_EXACT_TYPES: Final = (MAP_TYPE_HASH, MAP_TYPE_LRU_HASH)


@dataclass(frozen=True, slots=True)
class Entry:
    """`left`: ns until it expires, None for never. Packets and bytes are those whose look-ups found it."""

    key: tuple[str, ...]
    left: int | None
    packets: int
    bytes: int


class Table:
    """One table, its map open. `part`: what the manifest says of it; `keys`: how its keys are written."""

    def __init__(self, part: TablePart, policy: str, fd: int) -> None:
        self.part, self.policy = part, policy
        self.keys = KeyFormat(part)
        self.entries = MapEntries(fd, f"table {part.name}")
        types = (MAP_TYPE_LPM_TRIE,) if part.net else _EXACT_TYPES
        sizes = (self.entries.key_size, self.entries.value_size)
        if self.entries.type not in types or sizes != (self.keys.size, VALUE.size):
            raise ControlError(f"the map {part.map} of policy {policy} is not the table that its manifest speaks of")

    @property
    def evicts(self) -> bool:
        return self.entries.type == MAP_TYPE_LRU_HASH

    def expiry(self, duration: int | None, now: int) -> int:
        """When an entry ends that is added now: after `duration`, else the table's timeout, else never (0)."""
        lasts = self.part.timeout if duration is None else duration
        return 0 if lasts is None else now + lasts

    def listed(self) -> tuple[list[Entry], int]:
        """The entries in the order of their keys; and how many more are past their time."""
        now = time.monotonic_ns()
        present = self.entries.read_all()
        found: list[Entry] = []
        for key in sorted(present):
            expires, packets, size = VALUE.unpack(present[key])
            if expires == 0 or expires > now:
                found.append(Entry(self.keys.show(key), expires - now if expires else None, packets, size))
        return found, len(present) - len(found)

    def count(self) -> tuple[int, int]:
        """How many entries are there, and how many more are past their time."""
        now = time.monotonic_ns()
        expiries = [expires for value in self.entries.read_all().values() for expires, _, _ in (VALUE.unpack(value),)]
        live = sum(expires == 0 or expires > now for expires in expiries)
        return live, len(expiries) - live

    def add(self, key: bytes, duration: int | None) -> bool:
        """Adds an entry, or renews it and keeps its counts; answers whether it is new. ControlError: no room."""
        now = time.monotonic_ns()
        old = self.entries.lookup(key)
        expires, packets, size = VALUE.unpack(old) if old is not None else (1, 0, 0)
        is_new = bool(0 < expires <= now)
        value = VALUE.pack(self.expiry(duration, now), *((0, 0) if is_new else (packets, size)))
        try:
            self.entries.put(key, value)
        except KernelError as problem:
            if problem.error not in FULL or not self.sweep():
                raise self.full(problem) from None
            self.entries.put(key, value)
        return is_new

    def delete(self, key: bytes) -> bool:
        """Whether it was there, and not past its time."""
        old = self.entries.lookup(key)
        if old is None or not self.entries.delete(key):
            return False
        (expires,) = VALUE.unpack(old)[:1]
        return bool(expires == 0 or expires > time.monotonic_ns())

    def flush(self) -> int:
        """Deletes every entry; answers how many there were."""
        return self.entries.delete_all(list(self.entries.read_all()))

    def sweep(self) -> int:
        """Deletes what is past its time; answers how many that were."""
        now = time.monotonic_ns()
        past = [key for key, value in self.entries.read_all().items() if 0 < VALUE.unpack(value)[0] <= now]
        return self.entries.delete_all(past)

    def full(self, problem: KernelError) -> ControlError:
        """What is said when `problem` was that there is no room."""
        if problem.error not in FULL:
            return problem
        return ControlError(
            f"table {self.part.name} is full: {self.entries.capacity} entries",
            ("give it more in the rules: `size`", "or make room: delete, flush, load"),
        )


@contextmanager
def opened_table(device: Device, name: str, policy: str = "") -> Iterator[Table]:
    """The table of that name at a device. `policy`: whose, where several have one. ControlError: there is none."""
    installed, part = _find(device, name, policy)
    with bpffs.opened(map_path(installed.folder, part.map)) as fd:
        if fd is None:
            raise ControlError(f"the map {part.map} of policy {installed.policy} is not pinned")
        yield Table(part, installed.policy, fd)


def _find(device: Device, name: str, policy: str) -> tuple[Installed, TablePart]:
    at = quote(device.name, 32)
    tables = [(i, table) for i in require_installed(device, policy) for table in i.manifest().state.tables]
    found = [(i, table) for i, table in tables if table.name == name]
    if not found:
        names = ", ".join(dict.fromkeys(table.name for _, table in tables))
        raise ControlError(f"no table {quote(name, 64)} at {at}", (f"tables there: {names or 'none'}",))
    refuse_several([i for i, _ in found], f"have a table {name}")
    return found[0]
