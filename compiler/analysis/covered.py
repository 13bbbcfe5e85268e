"""Which earlier rule decides every packet of a conjunction: the rules that decided so far, found by their literals.

In: the literals of each rule that decides, in order, and of the one that is asked about. Out: the earlier rule or None.
An earlier rule covers when each of its literals is one of the later rule's, or is implied by one of them in the same
scope. Sound and not complete: of many rules that read the same field only the first are compared by numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from ebpfc.compiler.analysis.literals import Literal, Literals
from ebpfc.compiler.ast.nodes import Rule
from ebpfc.compiler.ir.ranges import Ranges, contains_all

MOST_COMPARED = 32
"""Rules with the same reading whose numbers are compared with a later rule's; a long list costs no more."""

_Entry = tuple[Literals, Rule]


class Covered:
    """The conjunctions that decided earlier."""

    def __init__(self) -> None:
        self._by_literal: dict[Literal, list[_Entry]] = {}
        self._by_reading: dict[Hashable, list[tuple[Ranges, _Entry]]] = {}
        self._everything: Rule | None = None

    def add(self, wanted: Literals, rule: Rule) -> None:
        if not wanted:
            self._everything = self._everything or rule
            return
        entry = wanted, rule
        key = min(wanted, key=self._crowd)
        self._by_literal.setdefault(key, []).append(entry)
        for claim in key.alternatives:
            same = self._by_reading.setdefault((key.scope, claim.reading), [])
            if len(same) < MOST_COMPARED:
                same.append((claim.numbers, entry))

    def find(self, have: Literals) -> Rule | None:
        """An earlier rule that decides every packet of this conjunction."""
        if self._everything is not None:
            return self._everything
        said = _by_reading(have)
        for wanted, rule in self._candidates(have, said):
            if all(literal in have or _is_implied(literal, said) for literal in wanted):
                return rule
        return None

    def _crowd(self, literal: Literal) -> tuple[bool, int]:
        """How many share the places under which it would be found; those that have room by their reading first."""
        readings = [self._by_reading.get((literal.scope, claim.reading), ()) for claim in literal.alternatives]
        full = not readings or any(len(same) >= MOST_COMPARED for same in readings)
        return full, len(self._by_literal.get(literal, ()))

    def _candidates(self, have: Literals, said: dict[Hashable, list[Ranges]]) -> Iterator[_Entry]:
        for literal in have:
            yield from self._by_literal.get(literal, ())
        for reading, numbers in said.items():
            for wide, entry in self._by_reading.get(reading, ()):
                if any(contains_all(wide, narrow) for narrow in numbers):
                    yield entry


def _by_reading(have: Literals) -> dict[Hashable, list[Ranges]]:
    said: dict[Hashable, list[Ranges]] = {}
    for literal in have:
        for claim in literal.claims:
            said.setdefault((literal.scope, claim.reading), []).append(claim.numbers)
    return said


def _is_implied(literal: Literal, said: dict[Hashable, list[Ranges]]) -> bool:
    return any(
        contains_all(claim.numbers, numbers)
        for claim in literal.alternatives
        for numbers in said.get((literal.scope, claim.reading), ())
    )
