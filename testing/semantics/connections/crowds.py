"""Has a key more than so many connections? In: a guard, keys' words, connections as they are made. Out: `Crowd`.

ADR 0004, rule 18. Which connections are listed hangs on the order in which they were made, and on nothing else: a place
that is free is taken by the next, and the first of the free ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ebpfc.compiler.ast.nodes import ConnectionsGuard
from ebpfc.testing.semantics.connections.keys import FlowKey
from ebpfc.testing.semantics.connections.table import Connections
from ebpfc.testing.semantics.words import Words


@dataclass(slots=True)
class Crowd:
    """A guard `connections > N` at work.

    `rule` is the number of its rule, None of the head of a block. `lists` are the N + 1 places of each key, None where
    one was never used; a place keeps a connection that is gone until another takes it. Where there is no room for one
    more key, the one least recently asked or counted goes.
    """

    guard: ConnectionsGuard
    known: Connections
    rule: int | None = None
    lists: dict[Words, list[FlowKey | None]] = field(default_factory=dict)

    def holds(self, words: Words, now: int) -> bool:
        if words in self.lists:
            self.lists[words] = self.lists.pop(words)
        return self.taken(words, now) > self.guard.most

    def taken(self, words: Words, now: int) -> int:
        """Places of the key that are not free: its connections, up to N + 1 of them."""
        return sum(not self._is_free(place, now) for place in self.lists.get(words, ()))

    def count(self, words: Words, made: FlowKey, now: int) -> None:
        """A connection has been made by a packet with this key. Where every place is taken it is not counted."""
        if words not in self.lists and len(self.lists) >= self.guard.size:
            del self.lists[next(iter(self.lists))]
        unused: list[FlowKey | None] = [None] * (self.guard.most + 1)
        places = self.lists[words] = self.lists.pop(words, unused)
        if made in places:
            return
        for index, place in enumerate(places):
            if self._is_free(place, now):
                places[index] = made
                return

    def _is_free(self, place: FlowKey | None, now: int) -> bool:
        return place is None or self.known.find(place, now) is None
