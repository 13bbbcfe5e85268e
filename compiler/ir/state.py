"""What a program remembers between packets: keys, guards, effects; and the tables, limiters and logs of a policy.

In: nothing (data). Times are ns. Law: docs/adr/0003-tables-and-limiters.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ebpfc.compiler.ir.expressions import Expr, Load, LoadAt, Proto, loads

Kind = Literal["address", "mac", "number"]
WORDS: dict[Kind, int] = {"address": 5, "mac": 2, "number": 1}
"""Words of 32 bits that a field takes in a key."""


@dataclass(frozen=True, slots=True)
class Option:
    """One place where a field of a key may stand: an address of `family` 4 or 6 by its first `bits`, else family 0."""

    value: Expr
    family: int = 0
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class KeyField:
    """The first option that is known; none known: the packet has no key."""

    kind: Kind
    options: tuple[Option, ...]


Key: TypeAlias = tuple[KeyField, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """Asks limiter number `limiter` of the policy; without a key, its one state."""

    kind: Literal["over", "within"]
    limiter: int
    key: Key


@dataclass(frozen=True, slots=True)
class Crowd:
    """A guard: the key has more connections than list number `count` of the policy may hold. `layer` and `within` (the
    base of an encapsulation, or none) say whose connections they are."""

    count: int
    key: Key
    layer: int
    within: str | None


@dataclass(frozen=True, slots=True)
class AddTo:
    """`duration` None: the table's own timeout."""

    table: str
    key: Key
    duration: int | None


@dataclass(frozen=True, slots=True)
class DeleteFrom:
    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Log number `log` of the policy."""

    log: int


Effect: TypeAlias = AddTo | DeleteFrom | LogEvent

# --------------------------------------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class TableDecl:
    """`lru`: full, the least recently used goes. `fields`: the language's words for them, for people."""

    name: str
    kinds: tuple[Kind, ...]
    fields: tuple[str, ...]
    net: bool
    timeout: int | None
    size: int
    lru: bool


@dataclass(frozen=True, slots=True)
class LimiterDecl:
    """Cost and depth in sixteenths of a nanosecond: of a packet `cost`, or by length `(length * cost) >> 20`.

    `name`: as declared, else None with the number of its rule; `text` is the guard as written.
    """

    name: str | None
    rule: int | None
    text: str
    kinds: tuple[Kind, ...]
    fields: tuple[str, ...]
    by_length: bool
    cost: int
    depth: int
    size: int
    full: Literal["over", "within"]


@dataclass(frozen=True, slots=True)
class CountDecl:
    """Lists of connections: `crowd` is the guard, `most` how many a key may have; `rule` None: in a block's head."""

    crowd: Crowd
    rule: int | None
    text: str
    fields: tuple[str, ...]
    most: int
    size: int

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(field.kind for field in self.crowd.key)


@dataclass(frozen=True, slots=True)
class LogDecl:
    rule: int
    text: str
    size: int


@dataclass(frozen=True, slots=True)
class TrackDecl:
    """`timeouts` in ns, by nf_conntrack's names; `within`: the bases of the encapsulations in which there are any."""

    loose: bool
    size: int
    timeouts: tuple[tuple[str, int], ...]
    within: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    tables: tuple[TableDecl, ...] = ()
    limiters: tuple[LimiterDecl, ...] = ()
    logs: tuple[LogDecl, ...] = ()
    counts: tuple[CountDecl, ...] = ()
    track: TrackDecl | None = None


def words(kinds: tuple[Kind, ...]) -> int:
    return sum(WORDS[kind] for kind in kinds)


def key_loads(key: Key) -> tuple[Load | LoadAt, ...]:
    return tuple(load for field in key for option in field.options for load in loads(option.value))


def looks_inside(key: Key) -> bool:
    """Whether a field is of a packet inside another; its transport protocol is no load."""
    protocols = (o.value for field in key for o in field.options if isinstance(o.value, Proto))
    return any(number.layer for number in (*key_loads(key), *protocols))
