"""An error of the parser → where it stopped: the statement around, the tokens before, what could have stood there.

In: lark's error and the text. Out: a `Stop`; and the text without that statement, so that the rest can be parsed too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ebpfc.compiler.ast.nodes import Span
from ebpfc.grammar import blank_line_ends, parser

if TYPE_CHECKING:
    from lark import Token, UnexpectedInput

_MAX_STATEMENT = 1 << 20
"""Characters of a statement that are looked at again; of a longer one `before` stays empty."""
_MAX_RETRY = 1 << 18
"""Characters of a text that is parsed again without its first mistake."""
_BLOCK_BRACE = re.compile(r"[ \t]*\}|.*\{[ \t]*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stop:
    """`token` is None where no token begins; `before` are those of the statement up to `at`, offsets from `start`."""

    file: int
    text: str
    start: int  # of the statement
    end: int  # its line end excluded
    at: int
    token: Token | None
    before: tuple[Token, ...]
    accepted: frozenset[str]

    @property
    def statement(self) -> str:
        return self.text[self.start : self.end]

    def span(self, start: int, end: int) -> Span:
        return Span(self.file, start, max(end, start))

    def token_span(self, token: Token) -> Span:
        """The span of the token at which parsing stopped, or of one before it."""
        start = self.at if token is self.token else self.start + (token.start_pos or 0)
        return self.span(start, start + len(token))


def look_around(error: UnexpectedInput, text: str, file: int) -> Stop:
    """Where in `text` the parser stopped."""
    token: Token | None = getattr(error, "token", None)
    at = error.pos_in_stream if token is None else token.start_pos
    at = len(text) if at is None or at < 0 else min(at, len(text))
    laid_out = blank_line_ends(text)
    # Where the line end itself is the surprise, the statement is the one that it ends.
    start = laid_out.rfind("\n", 0, at) + 1
    end = laid_out.find("\n", at)
    before = _tokens(laid_out[start:at]) if at - start <= _MAX_STATEMENT else ()
    accepted = frozenset(getattr(error, "accepts", None) or ())
    return Stop(file, text, start, len(text) if end < 0 else end, at, token, before, accepted)


def _tokens(text: str) -> tuple[Token, ...]:
    """Those of a text; none where it begins inside a string, as a line of an expression may."""
    from lark import UnexpectedInput

    try:
        return tuple(parser().lex(text))
    except UnexpectedInput:
        return ()


def without_statement(stop: Stop) -> str | None:
    """The text with the statement blanked out; None where that would tear a block apart, or cost too much."""
    if len(stop.text) > _MAX_RETRY or not stop.statement.strip():
        return None
    if _BLOCK_BRACE.match(blank_line_ends(stop.text)[stop.start : stop.end]):
        return None
    return stop.text[: stop.start] + re.sub(r"[^\n]", " ", stop.statement) + stop.text[stop.end :]
