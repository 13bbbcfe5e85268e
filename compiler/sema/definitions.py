"""What the author has named: sets and matches made by `let`, in the order of the text.

In: definitions as `resolve` meets them, and the names that are still to come. Out: what a name stands for at a place,
and which names were used. Items of a set may still be words here: which number a word is depends on where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ebpfc.compiler import names
from ebpfc.compiler.ast.nodes import Match, Span, Value
from ebpfc.compiler.sema.size import Size


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A flat set of values, words among them; `origin` is the file's path when it was read from one."""

    name: str
    items: tuple[Value, ...]
    span: Span
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class NamedMatch:
    """A match, resolved where it was defined."""

    name: str
    match: Match
    span: Span
    size: Size


Definition = NamedSet | NamedMatch


@dataclass(slots=True)
class Definitions:
    """`later` holds every name that the policy defines anywhere, for "used before it is defined".

    `broken` are names whose definition was refused: using one says nothing more. `sizes` are those of the matches.
    """

    made: dict[str, Definition] = field(default_factory=dict)
    later: dict[str, Span] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    sizes: dict[str, Size] = field(default_factory=dict)

    def make(self, definition: Definition) -> None:
        self.made[definition.name] = definition
        if isinstance(definition, NamedMatch):
            self.sizes[definition.name] = definition.size

    def look_up(self, name: str) -> Definition | None:
        """What `name` stands for, counting this as a use; None when it was not made by now."""
        found = self.made.get(name)
        if found is not None or name in self.broken:
            self.used.add(name)
        return found

    def unused(self) -> tuple[Definition, ...]:
        return tuple(d for name, d in self.made.items() if name not in self.used)


def taken_by(name: str) -> str | None:
    """Why an author's name may not be `name`: "a service", "a protocol" ...; None when it is free."""
    if name in names.SERVICES:
        return "a service"
    if name in names.IP_PROTOCOLS or name in names.ETHERTYPES:
        return "a protocol"
    if name in names.PCAP_CONSTANTS:
        return "a constant of pcap"
    return None
