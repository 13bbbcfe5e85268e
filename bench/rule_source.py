"""Five-tuples in, nanoseconds a packet out: runs rule_source.c before a program under test."""

from __future__ import annotations

import ctypes
import statistics
import struct
from collections.abc import Sequence

from bench.objects import BENCH, build_c, put

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.libbpf import check, libbpf
from ebpfc.runtime.object import load_object
from ebpfc.runtime.test_run import TestRunner
from ebpfc.testing.rule_sets import Packet

FLOWS, ROUNDS = 65536, 256  # as in rule_source.c
_PLAN = struct.Struct(f"=4IQ{ROUNDS}Q")
_ADDRESS_BYTES = {4: 4, 6: 16}


class RuleSource:
    """The loaded source; `time` sends all packets, of one family, again and again."""

    def __init__(self, compiler: Compiler) -> None:
        self._loaded = load_object(build_c(BENCH / "rule_source.c", compiler))
        self.empty = self._loaded.programs["empty"].fd
        self._runner = TestRunner(self._loaded.programs["source"].fd)
        self._count, self._version = 0, 4

    def use(self, packets: Sequence[Packet]) -> None:
        self._count, self._version = len(packets), packets[0].version
        if self._count > FLOWS or any(p.version != self._version for p in packets):
            raise ValueError(f"up to {FLOWS} packets, of one family")
        flows = self._loaded.maps["flows"].fd
        for number, packet in enumerate(packets):
            put(flows, struct.pack("=I", number), _flow(packet))

    def time(self, program_fd: int, rounds: int) -> float:
        """Nanoseconds a packet, source included: the median of the rounds."""
        plans = self._loaded.maps["plans"].fd
        put(self._loaded.maps["under_test"].fd, bytes(4), struct.pack("=I", program_fd))
        plan = struct.pack("=4I", 0, self._count, self._version == 6, 0)
        put(plans, bytes(4), plan.ljust(_PLAN.size, b"\0"))
        self._runner.run(frame_of(self._version), repeat=(rounds + 1) * self._count + 1)
        room = ctypes.create_string_buffer(_PLAN.size)
        check("read the plan of the packet source", libbpf().bpf_map_lookup_elem(plans, bytes(4), room))
        _, _, _, done, _, *times = _PLAN.unpack(room.raw)
        if done < rounds:
            raise OSError(f"the packet source ran {done} rounds of {rounds}")
        return statistics.median(times[1:done]) / self._count


def frame_of(version: int) -> bytes:
    """TCP or UDP of 20 bytes, addresses and ports 0."""
    if version == 4:
        return (bytes(12) + b"\x08\x00" + struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + bytes(28)).ljust(
            74, b"\0"
        )
    return bytes(12) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, 20, 6, 64) + bytes(52)


def _flow(packet: Packet) -> bytes:
    size = _ADDRESS_BYTES[packet.version]
    addresses = (address.to_bytes(size, "big").ljust(16, b"\0") for address in (packet.src, packet.dst))
    return b"".join(addresses) + struct.pack("!HH", packet.sport, packet.dport) + struct.pack("=I", packet.proto)
