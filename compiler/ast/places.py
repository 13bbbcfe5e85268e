"""Where a node stands in the text: in nothing, out the `Span` that every record of the tree carries.

A place is never part of what a node is: two nodes with different spans are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of characters of one source file; `file` indexes `SourceMap.files`."""

    file: int
    start: int
    end: int


NOWHERE = Span(-1, 0, 0)


def span_field() -> Span:
    """The last field of a record: its place, left out of comparison and `repr`."""
    return field(default=NOWHERE, compare=False, repr=False)
