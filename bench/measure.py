"""Cases in, figures out: every program is timed in every round, in another order each time.

A round takes one slice of each program before the same packets, and of the empty program. What is compared are ratios
and differences within a round, so that a slow spell of the machine hits both sides; then the median over the rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from bench.objects import Subject
from bench.source import PacketSource, Traffic

SLICE_ROUNDS = 24  # of 16,384 packets: some 4 to 10 ms


@dataclass(frozen=True, slots=True)
class Timing:
    """`gross` nanoseconds a packet with the packet source; `net` without it and without the call of an empty program;
    `spread` the middle half of the slices, in percent of gross."""

    gross: float
    net: float
    spread: float


@dataclass(frozen=True, slots=True)
class Slices:
    """Nanoseconds a packet of each program, one value a round; `empty` is the source before a program of nothing."""

    empty: tuple[float, ...]
    of: dict[str, tuple[float, ...]]

    def timing(self, name: str) -> Timing:
        values = self.of[name]
        net = statistics.median(v - e for v, e in zip(values, self.empty, strict=True))
        low, _, high = statistics.quantiles(values, n=4)
        return Timing(statistics.median(values), net, 100 * (high - low) / statistics.median(values))

    def ratio(self, name: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(self.of[name], self.of[other], strict=True))

    def difference(self, name: str, other: str) -> float:
        return statistics.median(a - b for a, b in zip(self.of[name], self.of[other], strict=True))


def measure(source: PacketSource, traffic: Traffic, subjects: Sequence[Subject], rounds: int) -> Slices:
    source.use(traffic)
    return in_turn(source.empty, subjects, lambda fd: source.time(fd, SLICE_ROUNDS), rounds)


def in_turn(empty: int, subjects: Sequence[Subject], time: Callable[[int], float], rounds: int) -> Slices:
    """`time`: nanoseconds a packet of the program of that descriptor, in one slice."""
    runs = [("", empty), *((subject.name, subject.fd) for subject in subjects)]
    taken: dict[str, list[float]] = {name: [] for name, _ in runs}
    order = Random(rounds)
    for _ in range(rounds):
        order.shuffle(runs)
        for name, fd in runs:
            taken[name].append(time(fd))
    return Slices(tuple(taken.pop("")), {name: tuple(values) for name, values in taken.items()})
