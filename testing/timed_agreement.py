"""A stateful policy in the kernel held against the simulator: timed packets in, every disagreement out.

The object is a traced build, whose clock the test sets before each packet; one program is judged, as all share their
maps. At the end the tables hold the same keys with the same expiries, and the same connections are there, to their
windows, counted in the same places of the same keys.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ebpfc.compiler.ir.program import HookName
from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.compiler.pipeline import Compiled
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.testing.kept_connections import read_connections, read_lists
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.random_traffic import TimedFrame
from ebpfc.testing.semantics.connections.keys import FlowKey
from ebpfc.testing.semantics.connections.table import Connection
from ebpfc.testing.semantics.words import Words
from ebpfc.testing.simulator import Simulator

Contents = dict[tuple[bytes, int | None], int]
"""Expiries in ns, 0 for never, by the words of the key and the bits of a prefix."""


@dataclass(frozen=True, slots=True)
class TimedDisagreement:
    """At packet `place`; the last one (of the tables) has the number of packets."""

    place: int
    what: str

    def __str__(self) -> str:
        return f"packet {self.place}: {self.what}"


class TimedKernel:
    """A traced object with a clock that the test turns."""

    def __init__(self, object_bytes: bytes) -> None:
        self.policy = KernelPolicy(object_bytes)
        self._clock = self._entries("pf_clock")

    def judge(self, hook: HookName, frame: bytes, time: int) -> tuple[str, int | None]:
        """Verdict and deciding rule at `time` ns."""
        self._clock.put(bytes(4), struct.pack("=Q", time))
        return self.policy.judge(hook, frame)

    def table(self, name: str, net: bool, now: int) -> Contents:
        """The entries of a map whose time is not up."""
        found: Contents = {}
        for key, value in self._entries(name).read_all().items():
            (expires,) = struct.unpack_from("=Q", value)
            if not expires or expires > now:
                bits = struct.unpack_from("=I", key)[0] if net else None
                found[key[4:] if net else key, bits] = expires
        return found

    def connections(self, now: int) -> dict[FlowKey, Connection]:
        """Half-open ones, and those with a reply; one that began anew is half-open again."""
        opening, flows = (read_connections(self._entries(n).read_all(), now) for n in ("pf_opening", "pf_flows"))
        return {**opening, **flows}

    def lists(self, number: int, *, keyed: bool) -> dict[bytes, list[FlowKey | None]]:
        """What a guard that counts connections has listed, by the words of the key; without key, by none."""
        found = read_lists(self._entries(f"c_{number}").read_all())
        return found if keyed else dict(zip((b"",), found.values(), strict=False))

    def _entries(self, name: str) -> MapEntries:
        return MapEntries(self.policy.map(name).fd, name)


def timed_disagreements(
    compiled: Compiled, object_bytes: bytes, hook: HookName, traffic: Sequence[TimedFrame]
) -> list[TimedDisagreement]:
    """The first packet that is judged otherwise, if any, else every table whose contents differ."""
    simulator = Simulator(compiled.policy)
    tables = compiled.manifest.get("tables", [])
    kernel = TimedKernel(object_bytes)
    with kernel.policy:
        for place, timed in enumerate(traffic):
            expected = simulator.decide(timed.frame, timed.time, DIRECTIONS[hook])
            answer = kernel.judge(hook, timed.frame, timed.time)
            if (expected.verdict, expected.rule) != answer:
                said = f"simulator {expected.verdict, expected.rule}, kernel {answer}: {timed.frame.hex()}"
                return [TimedDisagreement(place, said)]
        wanted = _expected(simulator)
        there = {table["name"]: kernel.table(table["map"], table["net"], simulator.time) for table in tables}
        found = [
            TimedDisagreement(len(traffic), f"table {name} holds {there[name]}, not {wanted[name]}")
            for name in wanted
            if there[name] != wanted[name]
        ]
        tracking = simulator.memory.tracking
        if tracking is not None:
            kept, known = kernel.connections(simulator.time), dict(tracking.known.present(simulator.time))
            differ = [(k, kept.get(k), known.get(k)) for k in {**kept, **known} if kept.get(k) != known.get(k)]
            found += [TimedDisagreement(len(traffic), f"connection {k}: {a}, not {b}") for k, a, b in differ]
        for number, crowd in enumerate(simulator.crowds):
            listed = kernel.lists(number, keyed=crowd.guard.key is not None)
            counted = {_bytes(words): places for words, places in crowd.lists.items()}
            if listed != counted:
                found.append(TimedDisagreement(len(traffic), f"guard {number} has counted {listed}, not {counted}"))
        return found


def _expected(simulator: Simulator) -> dict[str, Contents]:
    return {
        name: {
            (_bytes(slot.words), slot.bits if contents.table.net else None): entry.expires or 0
            for slot, entry in contents.present(simulator.time)
        }
        for name, contents in simulator.memory.tables.items()
    }


def _bytes(words: Words) -> bytes:
    return b"".join(word.to_bytes(4, "big") for word in words)
