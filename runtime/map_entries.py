"""All entries of a hash map or a prefix trie: read, written and deleted many at a time.

In: a map's descriptor; keys and values as the kernel has them. Out: the same, by key. One system call moves thousands
of entries (1.3 to 2.6 million a second); where a kernel has no batches for a kind of map (prefix tries on 5.10), single
calls do. Programs may change the map meanwhile: an entry that is there all the time is read; others may be.
Sources: kernel/bpf/syscall.c (generic_map_*_batch), kernel/bpf/hashtab.c (__htab_map_lookup_and_delete_batch).
"""

from __future__ import annotations

import ctypes
import errno
import time
from collections.abc import Iterator, Sequence

from ebpfc.runtime.errors import KernelError, failure_of
from ebpfc.runtime.libbpf import libbpf
from ebpfc.runtime.object import map_info

BATCH = 1 << 14  # entries a system call
_NO_BATCHES = (524, errno.EOPNOTSUPP, errno.EINVAL)  # 524: ENOTSUPP, of the kernel alone
_WAIT, _MOST_WAITS = 0.01, 200
"""Seconds, and how often: the kernel's reserve of memory for entries fills again by itself (kernel/bpf/memalloc.c)."""
FULL = (errno.E2BIG, errno.ENOSPC, errno.ENOMEM)
"""How a hash map (E2BIG) or a prefix trie (ENOSPC) says that there is no room; ENOMEM where memory is scarce."""


class MapEntries:
    """Sizes are in bytes, `capacity` in entries."""

    def __init__(self, fd: int, name: str) -> None:
        info = map_info(fd)
        self._fd, self._name = fd, name
        self.type = int(info.type)
        self.key_size, self.value_size = int(info.key_size), int(info.value_size)
        self.capacity = int(info.max_entries)
        self._batches = True

    def lookup(self, key: bytes) -> bytes | None:
        value = ctypes.create_string_buffer(self.value_size)
        answer = libbpf().bpf_map_lookup_elem(self._fd, key, value)
        if answer == -errno.ENOENT:
            return None
        self._require("look up an entry", answer)
        return value.raw

    def put(self, key: bytes, value: bytes) -> None:
        """Adds or overwrites. KernelError whose `error` is one of FULL when there is no room."""
        self._require("add an entry", libbpf().bpf_map_update_elem(self._fd, key, value, 0))

    def delete(self, key: bytes) -> bool:
        """Whether it was there."""
        answer = libbpf().bpf_map_delete_elem(self._fd, key)
        if answer == -errno.ENOENT:
            return False
        self._require("delete an entry", answer)
        return True

    def read_all(self) -> dict[bytes, bytes]:
        """Every entry, value by key."""
        found: dict[bytes, bytes] = {}
        for keys, values in self._batched() if self._batches else self._one_by_one():
            found.update(zip(_cut(keys, self.key_size), _cut(values, self.value_size), strict=True))
        return found

    def put_all(self, keys: Sequence[bytes], values: Sequence[bytes]) -> int:
        """Adds or overwrites in order; answers how many were written: fewer than given when there is no more room."""
        done = waits = 0
        while done < len(keys) and self._batches:
            some = slice(done, done + BATCH)
            count = ctypes.c_uint32(len(keys[some]))
            answer = libbpf().bpf_map_update_batch(
                self._fd, b"".join(keys[some]), b"".join(values[some]), ctypes.byref(count), None
            )
            if answer == 0:
                done += count.value
            elif answer == -errno.ENOMEM and waits < _MOST_WAITS:
                done, waits = done + count.value, waits + 1
                time.sleep(_WAIT)
            elif -answer in FULL:
                return done + count.value
            elif -answer not in _NO_BATCHES or done:
                raise self._failure("add entries", answer)
            else:
                self._batches = False
        for number in range(done, len(keys)):
            try:
                self.put(keys[number], values[number])
            except KernelError as problem:
                if problem.error in FULL:
                    return number
                raise
        return len(keys)

    def delete_all(self, keys: Sequence[bytes]) -> int:
        """Answers how many were still there."""
        place = deleted = 0
        while place < len(keys) and self._batches:
            some = keys[place : place + BATCH]
            count = ctypes.c_uint32(len(some))
            answer = libbpf().bpf_map_delete_batch(self._fd, b"".join(some), ctypes.byref(count), None)
            if -answer in _NO_BATCHES and not deleted:
                self._batches = False
                break
            if answer not in (0, -errno.ENOENT):
                raise self._failure("delete entries", answer)
            deleted += count.value
            place += count.value + (1 if answer else 0)  # one that has gone by itself ends a batch
        return deleted + sum(self.delete(key) for key in keys[place:])

    def _batched(self) -> Iterator[tuple[bytes, bytes]]:
        """A hash map is read by whole buckets: the cursor is a bucket's number (4 bytes), else a key."""
        room = BATCH
        cursor, position = None, ctypes.create_string_buffer(max(self.key_size, 4))
        steps, most = 0, 4 * (self.capacity // BATCH + 8)
        while True:
            keys = ctypes.create_string_buffer(room * self.key_size)
            values = ctypes.create_string_buffer(room * self.value_size)
            count = ctypes.c_uint32(room)
            answer = libbpf().bpf_map_lookup_batch(self._fd, cursor, position, keys, values, ctypes.byref(count), None)
            if -answer in _NO_BATCHES and cursor is None:
                self._batches = False
                yield from self._one_by_one()
                return
            if answer == -errno.ENOSPC:  # a bucket of more entries than there is room for
                room *= 2
                continue
            if answer not in (0, -errno.ENOENT, -errno.EINTR):
                raise self._failure("read the entries", answer)
            yield keys.raw[: count.value * self.key_size], values.raw[: count.value * self.value_size]
            if answer == -errno.ENOENT:
                return
            cursor = ctypes.create_string_buffer(position.raw, len(position))
            steps = self._step(steps, most)

    def _one_by_one(self) -> Iterator[tuple[bytes, bytes]]:
        key, following = None, ctypes.create_string_buffer(self.key_size)
        steps, most = 0, 4 * (self.capacity + 8)
        while (answer := libbpf().bpf_map_get_next_key(self._fd, key, following)) == 0:
            key = following.raw
            value = self.lookup(key)
            if value is not None:
                yield key, value
            steps = self._step(steps, most)
        if answer != -errno.ENOENT:
            raise self._failure("read the entries", answer)

    def _step(self, steps: int, most: int) -> int:
        """Where the key of a cursor is deleted meanwhile, the kernel begins again; not for ever."""
        if steps > most:
            raise KernelError(f"{self._name} changes faster than it can be read", ("try again",))
        return steps + 1

    def _require(self, doing: str, answer: int) -> None:
        if answer < 0:
            raise self._failure(doing, answer)

    def _failure(self, doing: str, answer: int) -> KernelError:
        return failure_of(f"{doing} of {self._name}", -answer)


def _cut(joined: bytes, size: int) -> list[bytes]:
    return [joined[place : place + size] for place in range(0, len(joined), size)]
