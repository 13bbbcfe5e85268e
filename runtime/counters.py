"""Counters out of the kernel: the map `pf_counters`, one `struct { u64 packets; u64 bytes; }` an index and CPU.

In: a descriptor of that per-CPU array. Out: `Counter` sums over all CPUs, or the raw bytes for cheap comparison.
Batched look-ups of per-CPU arrays exist from kernel 5.13 on; before that, one call an index.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct
from dataclasses import dataclass

from ebpfc.runtime.errors import ControlError, failure_of
from ebpfc.runtime.libbpf import MAP_TYPE_PERCPU_ARRAY, check, libbpf
from ebpfc.runtime.object import map_info

COUNTERS_MAP = "pf_counters"
_VALUE = struct.Struct("=QQ")


@dataclass(frozen=True, slots=True)
class Counter:
    packets: int
    bytes: int


@functools.cache
def possible_cpus() -> int:
    """How many CPUs a per-CPU value has room for."""
    return check("count the CPUs", libbpf().libbpf_num_possible_cpus())


class CounterReader:
    """Reads all counters of one map at once. `entries`: how many indexes the map has."""

    def __init__(self, fd: int) -> None:
        info = map_info(fd)
        if info.type != MAP_TYPE_PERCPU_ARRAY or info.key_size != 4 or info.value_size != _VALUE.size:
            raise ControlError(f"the map {COUNTERS_MAP} of this object does not hold counters")
        self._fd = fd
        self.entries = int(info.max_entries)
        self._stride = _VALUE.size * possible_cpus()
        self._keys = (ctypes.c_uint32 * self.entries)()
        self._values = ctypes.create_string_buffer(self._stride * self.entries)
        self._batched = True

    def raw(self) -> bytes:
        """Every counter of every CPU as the kernel has them, in native byte order."""
        library = libbpf()
        if self._batched:
            count, cursor = ctypes.c_uint32(self.entries), ctypes.c_uint32(0)
            answer = library.bpf_map_lookup_batch(
                self._fd, None, ctypes.byref(cursor), self._keys, self._values, ctypes.byref(count), None
            )
            if count.value == self.entries and answer in (0, -errno.ENOENT):
                return self._values.raw
            self._batched = False
        for index in range(self.entries):
            key = ctypes.c_uint32(index)
            place = ctypes.addressof(self._values) + index * self._stride
            answer = library.bpf_map_lookup_elem(self._fd, ctypes.byref(key), ctypes.c_void_p(place))
            if answer < 0:
                raise failure_of(f"read counter {index}", -answer)
        return self._values.raw

    def read(self) -> list[Counter]:
        """Every counter, summed over the CPUs."""
        raw = self.raw()
        return [self._sum(raw, index) for index in range(self.entries)]

    def changed(self, before: bytes, after: bytes) -> list[int]:
        """Indexes whose bytes differ between two `raw` readings, in order; halves that are equal are skipped."""
        found: list[int] = []
        pending = [(0, self.entries)]
        while pending:
            low, high = pending.pop()
            window = slice(low * self._stride, high * self._stride)
            if before[window] == after[window]:
                continue
            if high - low == 1:
                found.append(low)
                continue
            middle = (low + high) // 2
            pending += [(middle, high), (low, middle)]
        return found

    def _sum(self, raw: bytes, index: int) -> Counter:
        window = raw[index * self._stride : (index + 1) * self._stride]
        pairs = list(_VALUE.iter_unpack(window))
        return Counter(sum(p for p, _ in pairs), sum(b for _, b in pairs))
