"""A policy over time, for tests of policies. In: frames with their times in ns. Out: decisions, and what is remembered.

    simulator = Simulator.of_text(rules)
    simulator.decide(ether(ip4(tcp())), 5 * SECOND).verdict
    simulator.tables["banned"]["10.0.0.1"].expires

The reference semantics with a clock that the test turns: docs/testing.md has the whole of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ebpfc.compiler.ast.build import parse_source
from ebpfc.compiler.ast.nodes import Direction, HookPoint, Policy
from ebpfc.compiler.diagnostics.model import PolicyError, Sink
from ebpfc.compiler.sema import build_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.testing.semantics import Decision, Frame, Judge, Memory
from ebpfc.testing.semantics.connections.crowds import Crowd
from ebpfc.testing.semantics.keys import kind_of
from ebpfc.testing.semantics.limiters import Meter
from ebpfc.testing.semantics.words import KeyKind, Words
from ebpfc.testing.tracked import TrackedConnection, tracked_connection
from ebpfc.testing.written_keys import Written, read_written, write_key

MILLISECOND = 10**6
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class TableEntry:
    """`expires` is the first ns at which it is gone, None for never; packets and bytes are of those that found it."""

    expires: int | None
    packets: int
    bytes: int


class Simulator:
    """A policy, what it remembers, and the time, which only goes forward. It begins empty at 0 ns."""

    def __init__(self, policy: Policy) -> None:
        self._judge = Judge(policy)
        self.policy = self._judge.policy
        self.memory = Memory(self.policy)

    @classmethod
    def of_text(cls, text: str) -> Simulator:
        """Raises PolicyError for rules that the compiler refuses."""
        sources, sink = SourceMap(), Sink()
        return cls(_checked(sources, sources.add_text("rules.pf", text), "rules.pf", sink))

    @classmethod
    def of_file(cls, path: str | Path) -> Simulator:
        """Raises PolicyError as `of_text`, also where the file cannot be read."""
        sources, sink = SourceMap(), Sink()
        return cls(_checked(sources, sources.read(Path(path), sink), str(path), sink))

    def decide(self, frame: Frame | bytes, time: int, direction: Direction = "inbound") -> Decision:
        """One packet at `time`. Raises ValueError when that is before the time of the one before."""
        seen = frame if isinstance(frame, Frame) else Frame(frame)
        self.memory.begin(time, seen.whole_length())
        return self._judge.decide(seen, direction, self.memory)

    def observe(self, frame: Frame | bytes, time: int, direction: Direction = "outbound") -> None:
        """A packet of a direction that no hook of the policy sees: nothing judges it, but its connection is tracked.

        Raises ValueError where a hook sees it, and as `decide`.
        """
        if direction in {_direction(hook) for hook in self.policy.hooks}:
            raise ValueError(f"the policy decides {direction} packets itself")
        seen = frame if isinstance(frame, Frame) else Frame(frame)
        self.memory.begin(time, seen.whole_length())
        self._judge.observe(seen, direction, self.memory)

    @property
    def time(self) -> int:
        """Of the last packet, or what `wait` made of it."""
        return self.memory.now

    def wait(self, duration: int) -> int:
        """Lets so many ns pass without a packet; returns the time then."""
        self.memory.pass_time(self.memory.now + duration)
        return self.memory.now

    # ----------------------------------------------------------------------------------------------- what is remembered

    @property
    def tables(self) -> Mapping[str, Mapping[Written, TableEntry]]:
        """What each table holds at this time, by keys as people write them: `"10.0.0.1"`, `("10.0.0.1", 22)`.

        Of a prefix table the last is `"10.0.0.0/8"`, of a whole address too (`"10.0.0.1/32"`).
        """
        return {name: self._table(name) for name in self.memory.tables}

    @property
    def connections(self) -> tuple[TrackedConnection, ...]:
        """What is tracked at this time; half-open ones first, of each kind the one least recently changed first."""
        tracking = self.memory.tracking
        present = () if tracking is None else tracking.known.present(self.time)
        return tuple(tracked_connection(key, connection) for key, connection in present)

    @property
    def limiters(self) -> tuple[Meter, ...]:
        """Those of the named limits, then one for each guard with a rate of its own, in reading order."""
        return tuple(self.memory.meters)

    @property
    def crowds(self) -> tuple[Crowd, ...]:
        """One for each guard `connections > N`, in reading order."""
        return self.memory.crowds

    def limiter(self, name: str) -> Meter:
        """The limiter of `limit NAME`. Raises KeyError when there is none."""
        return {meter.name: meter for meter in self.memory.meters}[name]

    def add(self, table: str, key: Written, duration: int | None = None) -> None:
        """As an operator does, for the table's timeout or `duration` ns; in a prefix table also `"10.0.0.0/8"`.

        Raises KeyError without such a table, ValueError for a key that is none of its keys.
        """
        words, bits = self._words(table, key)
        self.memory.tables[table].add(words, self.time, duration, bits)

    def delete(self, table: str, key: Written) -> None:
        """Raises as `add`; a key that is not there is no error."""
        self.memory.tables[table].delete(*self._words(table, key))

    def kinds(self, table: str) -> tuple[KeyKind, ...]:
        """What each field of the table's key is made of."""
        return tuple(kind_of(field) for field in self.memory.tables[table].table.key.fields)

    def _words(self, table: str, key: Written) -> tuple[Words, int | None]:
        return read_written(key, self.kinds(table), net=self.memory.tables[table].table.net)

    def _table(self, name: str) -> dict[Written, TableEntry]:
        contents = self.memory.tables[name]
        kinds, net = self.kinds(name), contents.table.net
        return {
            write_key(slot.words, kinds, slot.bits if net else None): TableEntry(
                entry.expires, entry.packets, entry.bytes
            )
            for slot, entry in contents.present(self.time)
        }


def _direction(hook: HookPoint) -> Direction:
    return "outbound" if hook.endswith("egress") else "inbound"


def _checked(sources: SourceMap, file: int | None, name: str, sink: Sink) -> Policy:
    """Raises PolicyError with every diagnostic of the stage that stopped."""
    tree = None if file is None else parse_source(sources, file, sink)
    sink.raise_if_errors()
    policy = None if tree is None else build_policy(tree, sources, sink, name=name)
    sink.raise_if_errors()
    if policy is None:
        raise PolicyError(tuple(sink.items))
    return policy
