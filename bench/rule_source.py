"""Five-tuples in, nanoseconds a packet out: runs rule_source.c before a program under test."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

import numpy as np
from bench.objects import BENCH, build_c, put
from numpy.typing import NDArray

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.libbpf import check, libbpf
from ebpfc.runtime.object import load_object
from ebpfc.runtime.test_run import TestRunner
from ebpfc.testing.rule_sets import Packet

FLOWS = 65536
"""As in rule_source.c."""
BATCH = 2048  # packets: 20 to 500 microseconds
_ZERO = bytes(4)
_ADDRESS_BYTES = {4: 4, 6: 16}


class RuleSource:
    """The loaded source, which sends the packets that `use` was given: a power of two of them, of one family."""

    def __init__(self, compiler: Compiler) -> None:
        self._loaded = load_object(build_c(BENCH / "rule_source.c", compiler))
        self.empty = self._loaded.programs["empty"].fd
        self._runner = TestRunner(self._loaded.programs["source"].fd)
        self._count, self._version = 0, 4

    def close(self) -> None:
        self._loaded.close()

    def use(self, packets: Sequence[Packet]) -> None:
        self._count, self._version = len(packets), packets[0].version
        if self._count > FLOWS or self._count & (self._count - 1):
            raise ValueError(f"{self._count} packets: a power of two, up to {FLOWS}")
        if any(p.version != self._version for p in packets):
            raise ValueError("packets of two families")
        flows = b"".join(map(_flow, packets))
        put(self._loaded.maps["flows"].fd, _ZERO, flows * (FLOWS // self._count))

    def time(self, program_fd: int, turns: int) -> float:
        """Nanoseconds a packet, source included: 65,536 packets, once untimed and `turns` times; the median of batches
        that are so short that most are not interrupted."""
        first, last = FLOWS // BATCH, (turns + 1) * FLOWS // BATCH
        times = self._run(program_fd, 1, BATCH, last)
        return float(np.median(times[first:last])) / BATCH

    def each(self, program_fd: int, in_a_row: int, passes: int) -> NDArray[np.float64]:
        """(packets,): nanoseconds of each, sent `in_a_row` times (a power of two); the least of the passes."""
        times = self._run(program_fd, in_a_row, in_a_row, self._count * passes)
        return times[: self._count] / in_a_row

    def _run(self, program_fd: int, in_a_row: int, batch: int, batches: int) -> NDArray[np.float64]:
        """(FLOWS,): nanoseconds of each batch, 0 where there was none; all batches of one packet have one place."""
        maps = self._loaded.maps
        places = self._count if batch == in_a_row else FLOWS
        shifts = (size.bit_length() - 1 for size in (in_a_row, batch))
        plan = struct.pack("=QQ2I2I2I", 0, 0, self._version == 6, self._count - 1, *shifts, places - 1, 0)
        put(maps["under_test"].fd, _ZERO, struct.pack("=I", program_fd))
        put(maps["plans"].fd, _ZERO, plan)
        put(maps["times"].fd, _ZERO, bytes(8 * FLOWS))
        self._runner.run(frame_of(self._version), repeat=batches * batch + 1)
        room = ctypes.create_string_buffer(8 * FLOWS)
        check("read the times", libbpf().bpf_map_lookup_elem(maps["times"].fd, _ZERO, room))
        return np.frombuffer(room.raw, np.uint64).astype(np.float64)


def frame_of(version: int) -> bytes:
    """TCP or UDP of 20 bytes, addresses and ports 0."""
    if version == 4:
        return (bytes(12) + b"\x08\x00" + struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + bytes(28)).ljust(
            74, b"\0"
        )
    return bytes(12) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, 20, 6, 64) + bytes(52)


def key_of(packet: Packet) -> bytes:
    """`struct five_tuple` of hand/rules_hash.c."""
    addresses = (address.to_bytes(_ADDRESS_BYTES[packet.version], "big") for address in (packet.src, packet.dst))
    return b"".join((*addresses, struct.pack("!HH", packet.sport, packet.dport), struct.pack("=I", packet.proto)))


def _flow(packet: Packet) -> bytes:
    """`struct flow` of rule_source.c."""
    key, size = key_of(packet), _ADDRESS_BYTES[packet.version]
    return b"".join((key[:size].ljust(16, b"\0"), key[size : 2 * size].ljust(16, b"\0"), key[2 * size :]))
