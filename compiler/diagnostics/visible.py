"""Text of anyone's → text that is safe to show on a terminal, one line, its columns known.

In: a line of a source, a message, a path. Out: the same with every character that a terminal would act on (controls,
escapes, line and paragraph separators, marks of writing direction) replaced, tabs turned into blanks.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
TAB_STOP = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """What one character of the source is on the screen: `text` takes `width` columns."""

    text: str
    width: int


def cells(line: str) -> list[Cell]:
    """One cell a character of the line."""
    out: list[Cell] = []
    column = 0
    for character in line:
        cell = _cell(character, column)
        out.append(cell)
        column += cell.width
    return out


def visible(text: str) -> str:
    """The text on one line, nothing in it but printable characters."""
    return "".join(cell.text for cell in cells(text))


def _cell(character: str, column: int) -> Cell:
    if " " <= character <= "~":
        return Cell(character, 1)
    if character == "\t":
        width = TAB_STOP - column % TAB_STOP
        return Cell(" " * width, width)
    if not character.isprintable():
        return Cell(REPLACEMENT, 1)
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        # At the start of a text it would change the character that we print before it.
        return Cell(character, 0) if column else Cell(REPLACEMENT, 1)
    return Cell(character, 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1)
