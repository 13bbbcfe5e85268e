"""What the author has named: sets and matches made by `let`, tables and limiters, in the order of the text.

In: definitions as `resolve` meets them, and the names that are still to come. Out: what a name stands for at a place,
and which names were used. Items of a set may still be words here: which number a word is depends on where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, assert_never

from ebpfc.compiler import names
from ebpfc.compiler.ast.nodes import Limit, Match, Span, Table, Value
from ebpfc.compiler.diagnostics.model import Related, Sink
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


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table, its key resolved."""

    name: str
    table: Table
    span: Span


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """A limiter that guards share."""

    name: str
    limit: Limit
    span: Span


Definition = NamedSet | NamedMatch | NamedTable | NamedLimit
NamingWord = Literal["let", "table", "limit"]


@dataclass(slots=True)
class Definitions:
    """`later` holds every name that the policy defines anywhere, for "used before it is defined", and `lines` the word
    that begins its line.

    `broken` are names whose definition was refused: using one says nothing more. `sizes` are those of the matches.
    """

    made: dict[str, Definition] = field(default_factory=dict)
    later: dict[str, Span] = field(default_factory=dict)
    lines: dict[str, NamingWord] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    sizes: dict[str, Size] = field(default_factory=dict)

    def announce(self, word: NamingWord, name: str, span: Span) -> None:
        """A name that the policy defines somewhere; the first line that does counts."""
        if name not in self.later:
            self.later[name], self.lines[name] = span, word

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

    def moved(self, name: str) -> str:
        """What to write where a name is used above its definition."""
        rest = "= ..." if self.lines.get(name, "let") == "let" else "..."
        return f"move `{self.lines.get(name, 'let')} {name} {rest}` above this line"

    def claim(self, name: str, span: Span, sink: Sink) -> bool:
        """Whether an author's name is free; where it is not, a diagnostic at `span`."""
        taken = taken_by(name)
        if taken is not None:
            sink.error(
                "PF0304", f"`{name}` is {taken}, and cannot be a name", span, "taken",
                (f"choose another: `my_{name.replace('-', '_')}`",),
            )  # fmt: skip
            self.broken.add(name)
            return False
        made = self.made.get(name)
        if made is not None or name in self.broken:
            where = made.span if made is not None else self.later.get(name, span)
            related = () if where == span else (Related(where, "first made here"),)
            sink.error("PF0303", f"`{name}` is made twice", span, "made before", ("choose another name",), related)
            return False
        return True


def kind_of_name(found: Definition) -> str:
    """What a name stands for: "a set" ..."""
    match found:
        case NamedSet():
            return "a set"
        case NamedMatch():
            return "a match"
        case NamedTable():
            return "a table"
        case NamedLimit():
            return "a limiter"
        case _:
            assert_never(found)


def taken_by(name: str) -> str | None:
    """Why an author's name may not be `name`: "a service", "a protocol" ...; None when it is free."""
    if name in names.SERVICES:
        return "a service"
    if name in names.IP_PROTOCOLS or name in names.ETHERTYPES:
        return "a protocol"
    if name in names.PCAP_CONSTANTS:
        return "a constant of pcap"
    return None
