"""What a policy remembers from packet to packet. In: a policy; each packet's time and length. Out: `Memory`.

Its tables, limiters and connections, and what the rules of one packet find, add, delete and ask of them. All that a
packet meets happens at its one time (ADR 0003, rule 1).
"""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.ast.nodes import Block, ConnectionsGuard, Limiter, Policy, RateGuard, Rule
from ebpfc.testing.semantics.connections.crowds import Crowd
from ebpfc.testing.semantics.connections.tracking import Tracking
from ebpfc.testing.semantics.limiters import Answer, Meter
from ebpfc.testing.semantics.tables import Contents, Entry
from ebpfc.testing.semantics.words import Words


class Memory:
    """Empty at first. `now` is in ns; `meters` are those of the named limits, then of each guard in reading order;
    `tracking` is None of a policy without `track`; `crowds` are of each guard that counts connections, in that order.

    Raises ValueError for such a guard without `track`, which no checked policy has.
    """

    def __init__(self, policy: Policy) -> None:
        self.now = 0
        self.tables = {table.name: Contents(table) for table in policy.tables}
        named = {limit.name: Meter(limit.limiter, limit.name) for limit in policy.limits}
        self.meters = list(named.values())
        self._policy = policy  # kept, so that each guard stays the object that it is
        self._meter_of: dict[int, Meter] = {}
        self.tracking = None if policy.track is None else Tracking(policy, policy.track)
        self._crowd_of: dict[int, Crowd] = {}
        for guard, rule in _guards(policy.body):
            match guard:
                case ConnectionsGuard():
                    self._crowd_of[id(guard)] = self._crowd(guard, rule)
                case RateGuard(_, str(name)):
                    self._meter_of[id(guard)] = named[name]
                case RateGuard(_, Limiter() as limiter):
                    self._meter_of[id(guard)] = meter = Meter(limiter, rule=rule)
                    self.meters.append(meter)
        self._length = 0
        self._found: list[Entry] = []

    def begin(self, time: int, length: int) -> None:
        """The next packet, of `length` bytes. Raises ValueError where its time is before that of the one before."""
        self.pass_time(time)
        self._length = length
        self._found = []

    def pass_time(self, time: int) -> None:
        """Raises ValueError where the clock would go back."""
        if time < self.now:
            raise ValueError(f"time goes back from {self.now} to {time} ns")
        self.now = time

    def finds(self, table: str, words: Words) -> bool:
        """Is the key in the table? Its entry counts the packet, once however often it is found (rule 11)."""
        entry = self.tables[table].find(words, self.now)
        if entry is None:
            return False
        if not any(entry is found for found in self._found):
            self._found.append(entry)
            entry.packets += 1
            entry.bytes += self._length
        return True

    def add(self, table: str, words: Words, duration: int | None) -> None:
        self.tables[table].add(words, self.now, duration)

    def delete(self, table: str, words: Words) -> None:
        self.tables[table].delete(words)

    def meter(self, guard: RateGuard) -> Meter:
        """The limiter that the guard asks: its own, or the one that it names."""
        return self._meter_of[id(guard)]

    @property
    def crowds(self) -> tuple[Crowd, ...]:
        return tuple(self._crowd_of.values())

    def crowd(self, guard: ConnectionsGuard) -> Crowd:
        """What the guard has counted."""
        return self._crowd_of[id(guard)]

    def _crowd(self, guard: ConnectionsGuard, rule: int | None) -> Crowd:
        if self.tracking is None:
            raise ValueError("`connections` without `track` is not part of a checked policy")
        return Crowd(guard, self.tracking.known, rule)

    def ask(self, guard: RateGuard, words: Words) -> Answer:
        return self.meter(guard).ask(words, self.now, self._length)


def _guards(body: tuple[Rule | Block, ...]) -> Iterator[tuple[RateGuard | ConnectionsGuard, int | None]]:
    """Every guard in reading order, with the number of its rule; None of a block's head."""
    for entry in body:
        number = entry.number if isinstance(entry, Rule) else None
        yield from ((guard, number) for guard in entry.guards)
        if isinstance(entry, Block):
            yield from _guards(entry.body)
            if entry.orelse is not None:
                yield from _guards((entry.orelse,) if isinstance(entry.orelse, Block) else entry.orelse)
