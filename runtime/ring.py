"""Records out of a BPF ring buffer (kernel/bpf/ringbuf.c), through libbpf.

In: the map's descriptor. Out: the records' bytes, in order. A ring has one reader at a time: two would each get some.
"""

from __future__ import annotations

import ctypes
import errno
import socket
from types import TracebackType

from ebpfc.runtime.errors import ControlError, failure_of
from ebpfc.runtime.libbpf import MAP_TYPE_RINGBUF, SAMPLE_CALLBACK, libbpf
from ebpfc.runtime.object import map_info

_LARGEST_RECORD = 1 << 16  # bytes; more is no event


class Ring:
    """A context manager; `identity` is the kernel's number of the map."""

    def __init__(self, fd: int, name: str) -> None:
        info = map_info(fd)
        if info.type != MAP_TYPE_RINGBUF:
            raise ControlError(f"the map {name} of this object does not hold events")
        self.identity = int(info.id)
        self._records: list[bytes] = []
        self._most = 0
        self._callback = SAMPLE_CALLBACK(self._take)  # kept alive as long as the ring: libbpf holds the pointer
        self._lock = _only_reader(self.identity)
        self._handle = libbpf().ring_buffer__new(fd, self._callback, None, None)
        if not self._handle:
            self._lock.close()
            raise failure_of("read the ring of events", ctypes.get_errno() or errno.ENOMEM)

    def read(self, most: int, milliseconds: int) -> list[bytes]:
        """Up to `most` (at least 1) records; waits so long for the first, and answers [] when there is none."""
        self._records, self._most = [], most
        answer = libbpf().ring_buffer__poll(self._handle, milliseconds)
        if answer < 0 and -answer not in (errno.EINTR, errno.ECANCELED):
            raise failure_of("read the ring of events", -answer)
        return self._records

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle:
            libbpf().ring_buffer__free(handle)
        self._lock.close()

    def __enter__(self) -> Ring:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, _context: int, place: int, size: int) -> int:
        self._records.append(ctypes.string_at(place, min(size, _LARGEST_RECORD)))
        return -errno.ECANCELED if len(self._records) >= self._most else 0


def _only_reader(identity: int) -> socket.socket:
    """A name that one process of this network namespace can hold, and that goes with it (unix(7), abstract sockets)."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0ebpfctl-events-{identity}")
    except OSError:
        lock.close()
        raise ControlError(
            "another ebpfctl is reading these events", ("end it first: an event goes to one reader only",)
        ) from None
    return lock
