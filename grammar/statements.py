"""Text → parse tree, each statement made by its reader as it is met; those of a shape met before are not parsed again.

In: text of which `blank_line_ends` left the line ends that end statements. Out: the tree `start`, in whose place of
each statement stands what the reader made of it. Statements over several lines (blocks) stay trees.

The shape of a statement is the row of its tokens' types. An LALR parser looks at nothing else, and what stands before a
statement decides only whether one may stand here: so statements of one shape have one tree, but for its tokens. Tokens
are told apart by the very terminals that lark's lexer has, in its order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

_LINE_END = "_NL"
_STATEMENT = "statement"


Piece: TypeAlias = tuple[str, str, int]
"""A token, before it is one: its type, its text and its offset in the whole text."""
Reader: TypeAlias = Callable[[list[Piece]], Any]
"""Makes what stands for a statement out of its pieces."""


class UnreadableError(Exception):
    """The text is none of the language; lark says why."""


@dataclass(frozen=True, slots=True)
class Words:
    """`pieces` matches one token and the blanks behind it; `keywords` are the types of words that a terminal's pattern
    matches as well, by the terminal."""

    pieces: re.Pattern[str]
    keywords: dict[str, dict[str, str]]


def statements_tree(parser: Lark, text: str, new_shape: Callable[[Tree[Token], list[Token]], Reader]) -> Tree[Token]:
    """`new_shape` is given the tree of the first statement of a shape, with its tokens, and returns the reader of all.

    Raises UnreadableError; what the readers did by then is to be forgotten.
    """
    from lark import UnexpectedInput

    try:
        return _tree(parser, text, new_shape)
    except UnexpectedInput as error:
        raise UnreadableError from error


def _tree(parser: Lark, text: str, new_shape: Callable[[Tree[Token], list[Token]], Reader]) -> Tree[Token]:
    from lark import Token

    readers: dict[tuple[str, ...], Reader] = {}
    driven = parser.parse_interactive(start="start")
    states, values = driven.parser_state.state_stack, driven.parser_state.value_stack
    follow = driven.parser_state.parse_conf.states
    for pieces, end in _lines(words_of(parser), text):
        if pieces:
            first = token_of(pieces[0])
            driven.feed_token(first)  # ends what stood before
            states.pop()
            values.pop()
        goto = follow[states[-1]].get(_STATEMENT)
        shape = tuple([piece[0] for piece in pieces])
        if goto is not None and shape in readers:
            states.append(goto[1])
            values.append(readers[shape](pieces))
            driven.feed_token(token_of(end))
            continue
        height = len(values)
        tokens = [token_of(piece) for piece in pieces]
        for token in (*tokens, token_of(end)):
            driven.feed_token(token)
        if goto is not None and len(values) == height + 2 and states[-2] == goto[1]:
            readers[shape] = new_shape(values[-2], tokens)
            values[-2] = readers[shape](pieces)
    tree: Tree[Token] = driven.feed_token(Token("$END", ""))
    return tree


def _lines(words: Words, text: str) -> Iterator[tuple[list[Piece], Piece]]:
    """The tokens up to each line end, and the line end. Raises UnreadableError."""
    line: list[Piece] = []
    keywords = words.keywords
    at = len(text) - len(text.lstrip(" \t"))
    for match in words.pieces.finditer(text, at):
        kind, start = match.lastgroup, match.start()
        if start != at or kind is None:
            raise UnreadableError
        at = match.end()
        word = match[kind]
        if kind in keywords:
            kind = keywords[kind].get(word, kind)
        piece = kind, word, start
        if kind == _LINE_END:
            yield line, piece
            line = []
        else:
            line.append(piece)
    if line or at != len(text):
        raise UnreadableError


def token_of(piece: Piece) -> Token:
    """The token that lark's lexer would make, without line and column."""
    from lark import Token

    kind, text, start = piece
    token: Token = str.__new__(Token, text)
    token.type, token.value, token.start_pos, token.end_pos = kind, text, start, start + len(text)
    return token


@cache
def words_of(parser: Lark) -> Words:
    """From the lexer's own terminals, the most special first; the blanks between tokens are the grammar's WS."""
    lexer: Any = parser.parser.lexer
    terminals = lexer.scanner.terminals
    pattern = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals if t.name not in lexer.ignore_types)
    keywords = {
        name: {keyword.pattern.value: keyword.name for keyword in unless.scanner.terminals}
        for name, unless in lexer.callback.items()
    }
    return Words(re.compile(f"(?:{pattern})[ \\t]*"), keywords)
