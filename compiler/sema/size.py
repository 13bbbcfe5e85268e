"""How large a policy becomes once names are written out; what would grow past all bounds is refused at its use.

In: resolved matches, counts of entries. Out: sizes, and a diagnostic when a bound is passed. `let b = {a, a}`, forty
times over, is a text of a kilobyte and a set of 2**40 entries.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.ast.nodes import And, Match, Named, Not, Or, Paren, Span
from ebpfc.compiler.diagnostics.model import Sink

MAX_TESTS = 50_000
"""Tests that all uses of named matches together may stand for."""
MAX_ENTRIES = 4_000_000
"""Entries that all sets together may copy from named sets."""
MAX_DEPTH = 200
"""So deep may blocks, operators and parentheses nest, names written out (LANGUAGE, "Checks")."""


@dataclass(frozen=True, slots=True)
class Size:
    """`tests`: atoms; `depth`: operators, parentheses and names within each other."""

    tests: int
    depth: int


def size_of(match: Match, named: dict[str, Size]) -> Size:
    """`named` holds the sizes of the matches that names in it stand for."""
    match match:
        case Named():
            inner = named[match.name]
            return Size(inner.tests, inner.depth + 1)
        case And() | Or():
            parts = [size_of(item, named) for item in match.items]
            return Size(sum(part.tests for part in parts), 1 + max(part.depth for part in parts))
        case Not() | Paren():
            inner = size_of(match.match, named)
            return Size(inner.tests, inner.depth + 1)
        case _:
            return Size(1, 0)


class Budget:
    """What names may still stand for; the first use over it is told, and nothing after."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._tests = MAX_TESTS
        self._entries = MAX_ENTRIES

    def take_tests(self, count: int, span: Span) -> bool:
        """Whether a named match may stand for its tests."""
        before, self._tests = self._tests, self._tests - count
        if before >= 0 > self._tests:
            self._refuse(f"names stand for over {MAX_TESTS} tests", span)
        return self._tests >= 0

    def take_entries(self, count: int, span: Span) -> bool:
        """Whether a set may be written out."""
        before, self._entries = self._entries, self._entries - count
        if before >= 0 > self._entries:
            self._refuse(f"sets take over {MAX_ENTRIES} entries from each other", span)
        return self._entries >= 0

    def _refuse(self, what: str, span: Span) -> None:
        hint = "name what many rules share, and put it into the head of a block"
        self.sink.error("PF0319", f"the policy is too large: {what}", span, "one too many", (hint,))
