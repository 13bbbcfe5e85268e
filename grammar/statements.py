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
_OTHER = "OTHER"


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

    shapes: dict[str, Any] = {}  # a tree of types, at whose line ends the readers are
    driven = parser.parse_interactive(start="start")
    states, values = driven.parser_state.state_stack, driven.parser_state.value_stack
    follow = driven.parser_state.parse_conf.states
    pieces: list[Piece] = []  # of this line
    tokens: list[Token] = []  # of this line, as far as the parser was given them
    known: Any = None  # where in `shapes` the line is; None: it is none of them
    goto: Any = None
    height = 0
    for piece in _pieces(words_of(parser), text):
        if not pieces:
            if piece[0] != _LINE_END:
                driven.feed_token(token_of(piece))  # ends what stood before
                states.pop()
                values.pop()
            goto, height, tokens = follow[states[-1]].get(_STATEMENT), len(values), []
            known = None if goto is None else shapes
        if known is not None:
            known = known.get(piece[0])
        if known is None:  # the parser is given no more than it takes: what it refuses may be very long
            for late in (*pieces[len(tokens) :], piece):
                tokens.append(token_of(late))
                driven.feed_token(tokens[-1])
        if piece[0] != _LINE_END:
            pieces.append(piece)
            continue
        if known is not None:
            states.append(goto[1])
            values.append(known(pieces))
            driven.feed_token(token_of(piece))
        elif goto is not None and len(values) == height + 2 and states[-2] == goto[1]:
            reader = new_shape(values[-2], tokens[:-1])
            _note(shapes, pieces, reader)
            values[-2] = reader(pieces)
        pieces = []
    assert not pieces, "a line end is the last token"
    tree: Tree[Token] = driven.feed_token(Token("$END", ""))
    return tree


def _note(shapes: dict[str, Any], pieces: list[Piece], reader: Reader) -> None:
    for kind, _, _ in pieces:
        shapes = shapes.setdefault(kind, {})
    shapes[_LINE_END] = reader


def _pieces(words: Words, text: str) -> Iterator[Piece]:
    """The tokens of the text. Raises UnreadableError."""
    keywords = words.keywords
    for match in words.pieces.finditer(text, len(text) - len(text.lstrip(" \t"))):
        kind = match.lastgroup
        if kind is None or kind == _OTHER:
            raise UnreadableError
        word = match[kind]
        if kind in keywords:
            kind = keywords[kind].get(word, kind)
        yield kind, word, match.start()


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
    # whatever is no token is met where it stands, and not searched through for one
    return Words(re.compile(f"(?:{pattern}|(?P<{_OTHER}>[\\s\\S]))[ \\t]*"), keywords)
