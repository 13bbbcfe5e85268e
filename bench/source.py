"""Packets in, nanoseconds a packet out: runs the packet source of driver.c before a program under test.

`Traffic` is a few frames and the order in which they come: each step names a frame and four bytes of it that are
written anew. A slice is one BPF_PROG_TEST_RUN; its value is the median over its rounds (of 16,384 packets each), so
that an interrupt in between does not count.
"""

from __future__ import annotations

import ctypes
import statistics
import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.objects import BENCH, build_c, put

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.libbpf import libbpf
from ebpfc.runtime.object import load_object
from ebpfc.runtime.test_run import TestRunner

STEPS = 16384  # as in driver.c
SLOT = 192  # bytes
MAX_FRAME = 3400  # bytes: one page, less the room that the kernel keeps round an XDP frame
SOURCE_ADDRESS = 26  # offset of the IPv4 source address in an untagged frame
_CLOCK = struct.Struct("=IIQ4096Q")

Patch = tuple[int, bytes]
"""Where in the frame, and the four bytes to write there."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """`frames[order[i]]` is packet i; `patches[i]` is written into it first."""

    name: str
    frames: tuple[bytes, ...]
    order: tuple[int, ...]
    patches: tuple[Patch, ...]


def repeated(name: str, frame: bytes) -> Traffic:
    """One frame again and again: caches and branch predictor know it by heart."""
    return Traffic(name, (frame,), (0,) * STEPS, (_unchanged(frame),) * STEPS)


def mixed(
    name: str, frames: tuple[tuple[int, bytes], ...], patch: Callable[[Random, bytes], Patch | None], seed: int = 1
) -> Traffic:
    """Frames at random, each as often as its weight says; `patch` makes each of them different (None: as it is)."""
    rng = Random(seed)
    weights = [weight for weight, _ in frames]
    order = rng.choices(range(len(frames)), weights, k=STEPS - 1)
    order.append(0)  # the last step stands where a test run begins
    bodies = tuple(frame for _, frame in frames)
    patches = tuple(patch(rng, bodies[n]) or _unchanged(bodies[n]) for n in order)
    return Traffic(name, bodies, tuple(order), patches)


def _unchanged(frame: bytes) -> Patch:
    return SOURCE_ADDRESS, frame[SOURCE_ADDRESS : SOURCE_ADDRESS + 4]


class PacketSource:
    """The loaded driver. `use` chooses traffic, `time` runs one slice before a program."""

    def __init__(self, compiler: Compiler) -> None:
        self._loaded = load_object(build_c(BENCH / "driver.c", compiler))
        self.empty = self._loaded.programs["empty"].fd
        self._runner = TestRunner(self._loaded.programs["source"].fd)
        self._clock_fd = self._loaded.maps["clocks"].fd
        self._frame = b""
        self._traffic: Traffic | None = None

    def use(self, traffic: Traffic) -> None:
        if traffic is self._traffic:
            return
        if len(traffic.frames) * SLOT > MAX_FRAME or max(map(len, traffic.frames)) > SLOT:
            raise ValueError(f"too many or too long frames: {traffic.name}")
        self._frame = b"".join(frame.ljust(SLOT, b"\0") for frame in traffic.frames)
        steps, before = self._loaded.maps["steps"].fd, 0
        for number, (slot, (at, value)) in enumerate(zip(traffic.order, traffic.patches, strict=True)):
            put(steps, struct.pack("=I", number), struct.pack("=iI", (slot - before) * SLOT, at) + value)
            before = slot
        self._traffic = traffic

    def time(self, program_fd: int, rounds: int) -> float:
        """Nanoseconds a packet, source included."""
        put(self._loaded.maps["under_test"].fd, bytes(4), struct.pack("=I", program_fd))
        put(self._clock_fd, bytes(4), bytes(_CLOCK.size))
        self._runner.run(self._frame, repeat=(rounds + 1) * STEPS + 1)
        room = ctypes.create_string_buffer(_CLOCK.size)
        if libbpf().bpf_map_lookup_elem(self._clock_fd, bytes(4), room) < 0:
            raise OSError("the clock of the packet source cannot be read")
        count, times = _read_clock(room.raw)
        if count < rounds:
            raise OSError(f"the packet source ran {count} rounds of {rounds}")
        return statistics.median(times[1:count]) / STEPS


def _read_clock(raw: bytes) -> tuple[int, tuple[int, ...]]:
    """`struct clock` of driver.c: how many rounds there were, and what each took."""
    _, count, _, *times = _CLOCK.unpack(raw)
    return count, tuple(times)
