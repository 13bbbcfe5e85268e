"""Text → parse tree: the syntax of the rule language, and nothing of its meaning.

In: the text of a policy, or of one expression. Out: a `lark.Tree` that holds every token, named by `rules.lark`.
Offsets in it (`Token.start_pos`, `Token.end_pos`) are offsets into the text; lines and columns are not to be trusted.
lark is imported when something is parsed, not before: `ebpfc --help` needs no parser.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ebpfc.grammar.layout import MAX_DEPTH, LayoutError, LayoutKind, blank_line_ends
from ebpfc.grammar.statements import Piece, Reader, UnreadableError, statements_tree, token_of

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

__all__ = [
    "MAX_DEPTH",
    "RESERVED_WORDS",
    "LayoutError",
    "LayoutKind",
    "Piece",
    "Reader",
    "UnreadableError",
    "blank_line_ends",
    "collector_off",
    "parse_expression_tree",
    "parse_tree",
    "parser",
    "read_statements",
    "token_of",
]

RESERVED_WORDS: frozenset[str] = frozenset(
    re.findall(r'"([a-z][a-z0-9]*)"', Path(__file__).with_name("rules.lark").read_text(encoding="utf-8"))
)
"""Every keyword of the grammar: none of them can be a name."""


@cache
def parser() -> Lark:
    """The one parser of the process."""
    from ebpfc.grammar.cache import load_parser

    return load_parser()


def parse_tree(text: str) -> Tree[Token]:
    """The tree `start` of a whole policy. Raises LayoutError (brackets) and lark.UnexpectedInput (syntax)."""
    return _parse(blank_line_ends(text) + "\n", "start")


def read_statements(text: str, new_shape: Callable[[Tree[Token], list[Token]], Reader]) -> Tree[Token]:
    """As `parse_tree`, but a statement of one line is what its reader makes of it (`grammar.statements`).

    Raises LayoutError, and UnreadableError where `parse_tree` says what is wrong.
    """
    with collector_off():
        return statements_tree(parser(), blank_line_ends(text) + "\n", new_shape)


def parse_expression_tree(text: str) -> Tree[Token]:
    """The tree `expression` of one match; line ends in it mean nothing. Raises as `parse_tree`."""
    return _parse(blank_line_ends(text).replace("\n", " "), "expression")


def _parse(text: str, start: str) -> Tree[Token]:
    with collector_off():
        return parser().parse(text, start=start)


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage collection inside: it finds nothing in a growing tree and makes parsing three times slower."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
