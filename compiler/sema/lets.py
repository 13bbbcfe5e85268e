"""`let NAME = ...` → a definition: a set of values, or a match.

In: `Let` statements in reading order. Out: an entry of `Definitions` each, or a diagnostic at what is wrong with it. A
set's entries keep their words, since only the place of use says whether `domain` is a port; names of other sets in it
are replaced by what they hold.
"""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler import names
from ebpfc.compiler.ast.nodes import (
    Elided,
    FileSet,
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    Let,
    Mac,
    Match,
    Number,
    NumberRange,
    Paren,
    SetLiteral,
    Value,
    Word,
    WordRange,
)
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.sema.definitions import Definitions, NamedLimit, NamedMatch, NamedSet, NamedTable
from ebpfc.compiler.sema.domains import WORD32
from ebpfc.compiler.sema.includes import FileReader
from ebpfc.compiler.sema.matches import MatchResolver
from ebpfc.compiler.sema.problems import unknown_word, wrong_name
from ebpfc.compiler.sema.size import size_of
from ebpfc.compiler.sema.value_files import read_values


class LetResolver:
    def __init__(self, definitions: Definitions, matches: MatchResolver, reader: FileReader, sink: Sink) -> None:
        self.definitions = definitions
        self.matches = matches
        self.reader = reader
        self.sink = sink

    def define(self, let: Let) -> None:
        if not self.definitions.claim(let.name, let.name_span, self.sink):
            return
        errors = sum(item.severity == "error" for item in self.sink.items)
        definition = self._definition(let)
        if definition is None or errors != sum(item.severity == "error" for item in self.sink.items):
            self.definitions.broken.add(let.name)
            return
        self.definitions.make(definition)

    def _definition(self, let: Let) -> NamedSet | NamedMatch | None:
        value = let.value
        if isinstance(value, FileSet):
            index = self.reader.read_values(value)
            items = None if index is None else read_values(self.reader.sources, index, self.sink)
            if items is None:
                return None
            named = NamedSet(let.name, items, let.name_span, value.path)
            return named if self._one_kind(named) else None
        if isinstance(value, SetLiteral):
            return self._set(let, value)
        bare = _bare(value)
        if not isinstance(bare, Elided):
            return self._match(let, value)
        if isinstance(bare.value, Word) and not bare.value.escaped:
            other = self.definitions.look_up(bare.value.text)
            if isinstance(other, NamedMatch):
                return self._match(let, bare)
        return self._set(let, bare.value)

    def _match(self, let: Let, match: Match) -> NamedMatch | None:
        resolved = self.matches.resolve(match)
        if not self.matches.whole:
            return None
        return NamedMatch(let.name, resolved, let.name_span, size_of(resolved, self.definitions.sizes))

    def _set(self, let: Let, value: Value) -> NamedSet | None:
        items = self._flat(value)
        if items is None:
            return None
        named = NamedSet(let.name, items, let.name_span)
        return named if self._one_kind(named) else None

    def _flat(self, value: Value) -> tuple[Value, ...] | None:
        match value:
            case SetLiteral():
                parts = [self._flat(item) for item in value.items]
                return None if None in parts else tuple(item for part in parts if part is not None for item in part)
            case Word():
                return self._word(value)
            case Number() | NumberRange() | IPv4() | IPv4Range() | IPv6() | IPv6Range() | Mac() | WordRange():
                return (value,)
            case _:
                assert_never(value)

    def _word(self, word: Word) -> tuple[Value, ...] | None:
        """The entries of a set's name; the word itself when it has a number somewhere."""
        found = None if word.escaped else self.definitions.look_up(word.text)
        if isinstance(found, NamedSet):
            return found.items if self.matches.values.budget.take_entries(len(found.items), word.span) else None
        if isinstance(found, NamedMatch):
            self.sink.error(
                "PF0307", f"`{word.text}` is a match, and a set holds values", word.span, "no value",
                ("name a match alone: `let both = a or b`",), (Related(found.span, "made here"),),
            )  # fmt: skip
            return None
        if isinstance(found, NamedTable | NamedLimit):
            wrong_name(found, "a set holds values", word.span, self.sink)
            return None
        if word.text in self.definitions.broken and not word.escaped:
            return None
        if word.text in names.KNOWN_WORDS:
            return (word,)
        problem = unknown_word(word.text, WORD32, self.definitions)
        code, message, label = problem.code, problem.message, problem.label
        if code == "PF0306":
            code, message = "PF0302", f"nothing is named `{word.text}`, and host names are never looked up"
            label = "unknown name"
        self.sink.error(code, message, word.span, label, problem.hints)
        return None

    def _one_kind(self, named: NamedSet) -> bool:
        """A set holds addresses (of both families), or MAC addresses, or numbers; words are numbers."""
        first: Value | None = None
        for item in named.items:
            if first is None:
                first = item
            elif _sort(item) != _sort(first):
                self.sink.error(
                    "PF0423", f"`{named.name}` mixes {_sort(first)} and {_sort(item)}", item.span, f"{_sort(item)}",
                    ("make a set of its own for each kind",), (Related(first.span, f"{_sort(first)}"),),
                )  # fmt: skip
                return False
        return True


def _bare(match: Match) -> Match:
    while isinstance(match, Paren):
        match = match.match
    return match


def _sort(value: Value) -> str:
    match value:
        case Number() | NumberRange() | Word() | WordRange():
            return "numbers"
        case IPv4() | IPv4Range() | IPv6() | IPv6Range():
            return "addresses"
        case Mac():
            return "MAC addresses"
        case SetLiteral():
            raise AssertionError("sets are flat")
        case _:
            assert_never(value)
