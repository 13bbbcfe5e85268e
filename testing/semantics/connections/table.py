"""What is remembered of connections. In: entries by key, the time in ns. Out: `Connections`: found, kept, forgotten.

ADR 0004, rules 6, 13 and 15. Entries are never changed: what a packet changes is put in the place of the old one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from ebpfc.compiler.ast.nodes import ConnectionState, Track
from ebpfc.testing.semantics.connections.keys import FlowKey, Network
from ebpfc.testing.semantics.connections.tcp_states import TcpState
from ebpfc.testing.semantics.connections.windows import Window

SETTLED: Final = ("ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT")
MOST_FRAGMENTS: Final = 65_536
FRAGMENTS_WAIT: Final = 30_000_000_000
"""ns: for so long the later fragments of a first one are known."""


@dataclass(frozen=True, slots=True)
class TcpEntry:
    """`windows` of the key's two ends; `closer`: which of them sent the first FIN."""

    state: TcpState
    windows: tuple[Window, Window]
    closer: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """`original`: the end, 0 or 1 of the key, that sent the first packet. `assured`: the other has answered.
    `expires`: the first ns at which it is gone. `tcp` is None of other protocols."""

    original: int
    assured: bool
    expires: int
    tcp: TcpEntry | None = None

    @property
    def settled(self) -> bool:
        """Has it come so far that half-open ones cannot push it out (rule 15)?"""
        return self.assured and (self.tcp is None or self.tcp.state in SETTLED)


class FragmentKey(NamedTuple):
    """What all fragments of one packet have in common; `protocol` is 0 of IPv6, whose fragments may name others."""

    network: Network
    family: int
    addresses: tuple[int, int]
    protocol: int
    identification: int


@dataclass(frozen=True, slots=True)
class FirstFragment:
    """`state` is None of a stateless one."""

    state: ConnectionState | None
    expires: int


class _Expiring(Protocol):
    @property
    def expires(self) -> int: ...


Key = TypeVar("Key", bound=Hashable)
Entry = TypeVar("Entry", bound=_Expiring)


@dataclass(slots=True)
class Recent(Generic[Key, Entry]):
    """At most `size` entries, the one put longest ago first; expired ones too until their room is needed."""

    size: int
    entries: dict[Key, Entry] = field(default_factory=dict)

    def find(self, key: Key, now: int) -> Entry | None:
        entry = self.entries.get(key)
        return entry if entry is not None and now < entry.expires else None

    def put(self, key: Key, entry: Entry, now: int) -> None:
        """In the place of the old one. Where there is no room, what is expired goes, else what was put longest ago."""
        self.entries.pop(key, None)
        if len(self.entries) >= self.size:
            self.entries = dict(self.present(now))
        if len(self.entries) >= self.size:
            del self.entries[next(iter(self.entries))]
        self.entries[key] = entry

    def forget(self, key: Key) -> None:
        self.entries.pop(key, None)

    def present(self, now: int) -> Iterator[tuple[Key, Entry]]:
        return ((key, entry) for key, entry in self.entries.items() if now < entry.expires)


class Connections:
    """Empty at first. Half-open connections, which anyone can make many of, never push out assured ones."""

    def __init__(self, track: Track) -> None:
        self.half_open: Recent[FlowKey, Connection] = Recent(track.size)
        self.assured: Recent[FlowKey, Connection] = Recent(track.size)
        self.fragments: Recent[FragmentKey, FirstFragment] = Recent(MOST_FRAGMENTS)

    def find(self, key: FlowKey, now: int) -> Connection | None:
        return self.assured.find(key, now) or self.half_open.find(key, now)

    def put(self, key: FlowKey, connection: Connection, now: int) -> None:
        """Where it belongs: settled it moves, begun anew it moves back."""
        stays = connection.assured and self.assured.find(key, now) is not None
        settled = stays or connection.settled
        into, out_of = (self.assured, self.half_open) if settled else (self.half_open, self.assured)
        out_of.forget(key)
        into.put(key, connection, now)

    def present(self, now: int) -> Iterator[tuple[FlowKey, Connection]]:
        yield from self.half_open.present(now)
        yield from self.assured.present(now)
