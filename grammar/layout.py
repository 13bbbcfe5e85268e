r"""Raw text of a policy → text of the same length in which only the line ends that end a statement are left.

In: the text as read. Out: the text with comments, continuations (`\` at a line's end) and the line ends inside
brackets or after an operator turned into blanks, so that every offset in it is an offset into the original.
Leaves: a statement's line end, and the one after the `{` of a block, by which the lexer tells it from a set's.

Refuses with LayoutError what would only confuse the parser: brackets that do not match, or lie over 200 deep.
"""

from __future__ import annotations

import re
from typing import Literal

MAX_DEPTH = 200
"""Brackets, blocks, `not` and `-` in a row, operators in one chain: LANGUAGE, "Checks"."""

_PIECES = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\[^\n])*")'
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<continuation>\\[ \t]*\r?\n)"
    r"|(?P<line_end>\r?\n(?:[ \t]*\r?\n)*)"
    r"|(?P<open>[(\[{])"
    r"|(?P<close>[)\]}])"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.\-]*)"
)
_GOES_ON = re.compile(r"[,=+\-*/%&|^<>!]$|(?<![A-Za-z0-9_.\-\\])(?:and|or|in|not)$")
_OPENS_BLOCK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_CLOSER = {"(": ")", "[": "]", "{": "}", "block": "}"}

LayoutKind = Literal["unclosed", "unopened", "mismatch", "deep"]


class LayoutError(Exception):
    """Brackets that do not match or lie too deep. `offset` is the place, `opener` the bracket that it should close."""

    def __init__(self, kind: LayoutKind, offset: int, opener: int | None = None) -> None:
        super().__init__(f"{kind} bracket at {offset}")
        self.kind: LayoutKind = kind
        self.offset = offset
        self.opener = opener


def blank_line_ends(text: str) -> str:
    """The text of the same length with line ends left only where a statement or the head of a block ends.

    Raises LayoutError for brackets that do not match or lie over MAX_DEPTH deep.
    """
    out: list[str] = []
    done = 0  # text[:done] is in `out`
    stack: list[tuple[str, int]] = []
    first_word = True  # no word of this statement seen yet
    in_head = False  # in the head of an `if`, or after `else`
    goes_on = False  # the last thing seen on a line was an operator
    line_start = 0

    for piece in _PIECES.finditer(text):
        kind, start, end = piece.lastgroup, piece.start(), piece.end()
        match kind:
            case "word":
                word = piece.group()
                in_head = in_head or (first_word and word == "if") or word == "else"
                first_word = False
            case "open":
                bracket = piece.group()
                free = not stack or stack[-1][0] == "block"
                if bracket == "{" and free and in_head and _OPENS_BLOCK.match(text, end):
                    bracket, in_head, first_word = "block", False, True
                if len(stack) == MAX_DEPTH:
                    raise LayoutError("deep", start)
                stack.append((bracket, start))
            case "close":
                if not stack:
                    raise LayoutError("unopened", start)
                bracket, opener = stack.pop()
                if _CLOSER[bracket] != piece.group():
                    raise LayoutError("mismatch", start, opener)
            case "comment" | "continuation" | "line_end":
                before = text[line_start:start].strip(" \t\r")
                goes_on = bool(_GOES_ON.search(before)) if before else goes_on
                ends = kind == "line_end" and not goes_on and (not stack or stack[-1][0] == "block")
                out += text[done:start], " " * (end - start - 1), "\n" if ends else " "
                done, line_start = end, end
                if ends:
                    first_word, in_head = True, False
            case _:
                pass
    if stack:
        raise LayoutError("unclosed", stack[-1][1])
    out.append(text[done:])
    return "".join(out)
