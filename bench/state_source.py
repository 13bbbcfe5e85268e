"""A frame and a plan in, millions of packets of different flows into a program: runs state_source.c before it.

Each `FlowSource` has its own maps, so several may run at once, a thread each: BPF_PROG_TEST_RUN is a system call, and
the interpreter's lock is not held meanwhile. Nothing leaves the process.
"""

from __future__ import annotations

import ctypes
import statistics
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from bench.objects import BENCH, build_c, put

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.libbpf import check, libbpf
from ebpfc.runtime.object import load_object
from ebpfc.runtime.test_run import TestRunner

BATCH = 16384  # packets, as in state_source.c
MOST_FLOWS = 1 << 24
SOURCE, DESTINATION = 26, 30
SOURCE_PORT, DESTINATION_PORT = 34, 36
"""Offsets in an untagged IPv4 frame without options."""
FIRST_PORT, PORTS = 1024, 0x7FFF
_PLAN = struct.Struct("=8IQQ4096Q")


@dataclass(frozen=True, slots=True)
class Plan:
    """`frame` becomes that of flow 0, 1, ... `flows` - 1 in turn, or of flows at random. `network`: a /8 that the
    addresses are in; `address_at` and `port_at` say where they are written, `port_at` 0: nowhere."""

    frame: bytes
    flows: int
    network: str = "10.0.0.0"
    address_at: int = SOURCE
    port_at: int = SOURCE_PORT
    random: bool = False

    def address(self, flow: int) -> str:
        return str(IPv4Address(int(IPv4Address(self.network)) | flow * 0x9E3779B1 & (MOST_FLOWS - 1)))

    def port(self, flow: int) -> int:
        return FIRST_PORT + (flow & PORTS)


class FlowSource:
    """The loaded source. `drive` sends packets, `time` says what they take; `span`: when the first packet came and the
    last batch began, in ns of the monotonic clock."""

    def __init__(self, compiler: Compiler) -> None:
        self._loaded = load_object(build_c(BENCH / "state_source.c", compiler))
        self.empty = self._loaded.programs["empty"].fd
        self.span = 0, 0
        self._runner = TestRunner(self._loaded.programs["source"].fd)

    def close(self) -> None:
        self._loaded.close()

    def drive(self, plan: Plan, program_fd: int, packets: int) -> float:
        """Nanoseconds a packet: the mean of all, as the kernel's clock has it to within a batch; 0.0 under two."""
        times = self._run(plan, program_fd, packets)
        return statistics.fmean(times) / BATCH if times else 0.0

    def time(self, plan: Plan, program_fd: int, batches: int) -> float:
        """Nanoseconds a packet, source included: the median of the batches, once each flow was met about three times,
        so that of what is in the maps as much is in the processor's caches as fits."""
        warm = 1 + 3 * plan.flows // BATCH
        times = self._run(plan, program_fd, (batches + warm) * BATCH + 1)
        return statistics.median(times[warm:]) / BATCH

    def _run(self, plan: Plan, program_fd: int, packets: int) -> tuple[int, ...]:
        """What each whole batch took, in ns."""
        if not 0 < plan.flows <= MOST_FLOWS:
            raise ValueError(f"from 1 to {MOST_FLOWS} flows")
        fd = self._loaded.maps["plans"].fd
        numbers = (0, plan.flows, int(IPv4Address(plan.network)), plan.address_at, plan.port_at, plan.random)
        put(self._loaded.maps["under_test"].fd, bytes(4), struct.pack("=I", program_fd))
        put(fd, bytes(4), struct.pack("=6I", *numbers).ljust(_PLAN.size, b"\0"))
        self._runner.run(plan.frame, repeat=packets)
        room = ctypes.create_string_buffer(_PLAN.size)
        check("read the plan of the packet source", libbpf().bpf_map_lookup_elem(fd, bytes(4), room))
        sent, count, first, last, *times = _PLAN.unpack(room.raw)[6:]
        if sent != packets:
            raise OSError(f"the packet source sent {sent} packets of {packets}")
        self.span = first, last
        return tuple(times[:count])
