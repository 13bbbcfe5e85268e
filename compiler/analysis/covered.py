"""Which earlier rule decides every packet of a conjunction: the rules that decided so far, found by their literals.

In: the literals of each rule that decides, in order, and of the one that is asked about. Out: the earlier rule or None.
An earlier rule covers when each of its literals is one of the later rule's, or is implied by one of them in the same
scope. Sound and not complete: of many rules that read the same field only the first are compared by numbers.

Literals and readings are known by numbers here: a policy has many of them, and each is compared often.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TypeAlias

from ebpfc.compiler.analysis.literals import Literal, Literals
from ebpfc.compiler.ast.nodes import Rule
from ebpfc.compiler.ir.ranges import Ranges, contains_all

MOST_COMPARED = 32
"""Rules with the same reading whose numbers are compared with a later rule's; a long list costs no more."""

_Reading: TypeAlias = int
_Wanted: TypeAlias = tuple[int, tuple[tuple[_Reading, Ranges], ...]]
"""A literal, and the numbers of which each would make it true."""
_Entry: TypeAlias = tuple[tuple[_Wanted, ...], Rule]
_Said: TypeAlias = dict[_Reading, list[Ranges]]


class Covered:
    """The conjunctions that decided earlier."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._by_literal: dict[int, list[_Entry]] = {}
        self._by_reading: dict[_Reading, list[tuple[int, int, int, Ranges, _Entry]]] = {}
        self._everything: Rule | None = None

    def add(self, literals: Literals, rule: Rule) -> None:
        if not literals:
            self._everything = self._everything or rule
            return
        wanted = [self._wanted(literal) for literal in literals]
        key, alternatives = min(wanted, key=self._crowd)
        entry = tuple(sorted(wanted, key=_width)), rule  # what is least probable is asked first
        self._by_literal.setdefault(key, []).append(entry)
        for reading, numbers in alternatives:
            same = self._by_reading.setdefault(reading, [])
            if len(same) < MOST_COMPARED and numbers:
                same.append((key, numbers[0][0], numbers[-1][1], numbers, entry))

    def find(self, literals: Literals) -> Rule | None:
        """An earlier rule that decides every packet of this conjunction."""
        if self._everything is not None:
            return self._everything
        have = {self._number((literal.scope, literal.shape)): None for literal in literals}
        said: _Said = {}
        for literal in literals:
            for claim in literal.claims:
                said.setdefault(self._number((literal.scope, claim.reading)), []).append(claim.numbers)
        for wanted, rule in self._candidates(have, said):
            for number, alternatives in wanted:
                if number not in have and not _is_implied(alternatives, said):
                    break
            else:
                return rule
        return None

    def _number(self, thing: Hashable) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    def _wanted(self, literal: Literal) -> _Wanted:
        scope = literal.scope
        alternatives = tuple((self._number((scope, claim.reading)), claim.numbers) for claim in literal.alternatives)
        return self._number((scope, literal.shape)), alternatives

    def _crowd(self, wanted: _Wanted) -> tuple[bool, int]:
        """How many share the places under which it would be found; those that have room by their reading first."""
        literal, alternatives = wanted
        full = not alternatives
        for reading, _ in alternatives:
            full = full or len(self._by_reading.get(reading, ())) >= MOST_COMPARED
        return full, len(self._by_literal.get(literal, ()))

    def _candidates(self, have: dict[int, None], said: _Said) -> Iterator[_Entry]:
        for literal in have:
            yield from self._by_literal.get(literal, ())
        for reading, numbers in said.items():
            for narrow in numbers if reading in self._by_reading else ():
                low, high = (narrow[0][0], narrow[-1][1]) if narrow else (0, 0)
                for key, least, most, wide, entry in self._by_reading[reading]:
                    if least <= low and high <= most and key not in have and contains_all(wide, narrow):
                        yield entry


def _width(wanted: _Wanted) -> int:
    return sum(numbers[-1][1] - numbers[0][0] for _, numbers in wanted[1] if numbers)


def _is_implied(alternatives: tuple[tuple[_Reading, Ranges], ...], said: _Said) -> bool:
    for reading, wide in alternatives:
        for numbers in said.get(reading, ()):
            if contains_all(wide, numbers):
                return True
    return False
