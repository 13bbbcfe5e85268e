"""Tables of truths, written by hand. In: frames and lines of text. Out: rows to check against the reference.

A line reads: an expression, then its truth of the frame's first bytes: `? 38T` is unknown (`?`) up to 37 bytes and true
from 38 on. `T`, `F`, `?` alone hold for every length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ebpfc.testing.truth import truth_test

TRUTHS = {"T": True, "F": False, "?": None}
_LINE = re.compile(r"\s*(.*?)\s+([TF?](?: \d+[TF?])*)\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `changes` are the lengths from which on a truth holds, the first from 0."""

    name: str
    frame: bytes
    expression: str
    changes: tuple[tuple[int, str], ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.expression}"

    def wrong(self) -> list[str]:
        """Every length at which the reference says something else."""
        truth_of, truths, found = truth_test(self.expression), dict(self.changes), []
        if max(truths) > len(self.frame):
            found.append("the table speaks of bytes that the frame does not have")
        expected = truths[0]
        for length in range(len(self.frame) + 1):
            expected = truths.get(length, expected)
            truth = truth_of(self.frame[:length])
            if truth is not TRUTHS[expected]:
                found.append(f"the first {length} bytes: {truth}, not {TRUTHS[expected]}")
        return found


def rows(tables: Mapping[str, tuple[bytes, str]]) -> list[Row]:
    """Raises ValueError for a line that is none."""
    return [row for name, (frame, table) in tables.items() for row in _rows(name, frame, table.strip().splitlines())]


def _rows(name: str, frame: bytes, lines: Iterable[str]) -> Iterable[Row]:
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"not a line of a table of truths: {line}")
        expression, spec = found.groups()
        first, *changes = spec.split()
        yield Row(name, frame, expression, ((0, first), *((int(change[:-1]), change[-1]) for change in changes)))
