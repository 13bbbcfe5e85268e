"""Why a text does not parse → a diagnostic that says what is wrong, where, and what to write.

In: an error of brackets, or where the parser stopped. Out: one diagnostic. The parser knows only the token at which it
stopped; the mistake is often the word before it, so the tokens of the statement up to there are looked at too
(`explain_tokens.py`).
"""

from __future__ import annotations

import re
from typing import assert_never

from ebpfc.compiler.ast.explain_tokens import explain_token, keyword_as_name, shortened
from ebpfc.compiler.ast.foreign import find_foreign
from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.ast.stop import Stop
from ebpfc.compiler.diagnostics.model import Diagnostic, Related
from ebpfc.grammar import MAX_DEPTH, LayoutError

_LOOK_ALIKES = {
    "\u201c": '"', "\u201d": '"', "\u2018": '"', "\u2019": '"', "'": '"', "\u2013": "-", "\u2014": "-",
    "\u2212": "-", "\u00d7": "*", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
}  # fmt: skip


def explain(stop: Stop) -> Diagnostic:
    """The diagnostic for a text that does not parse."""
    token = stop.token
    if token is None:
        return _explain_foreign(stop) or _explain_character(stop)
    return keyword_as_name(stop, token) or _explain_foreign(stop) or explain_token(stop, token)


def too_deep(span: Span) -> Diagnostic:
    """The diagnostic for nesting that the builder refused."""
    message = f"nested more than {MAX_DEPTH} deep"
    hint = "write a set, `port {80, 443}`, or name a part: `let web = ...`"
    return Diagnostic("PF0206", "error", message, span, "too deep", (hint,))


# ------------------------------------------------------------------------------------------------------------- brackets


def explain_layout(error: LayoutError, text: str, file: int) -> Diagnostic:
    """The diagnostic for brackets that do not match or lie too deep."""
    bracket = text[error.offset]
    span = Span(file, error.offset, error.offset + 1)
    match error.kind:
        case "unclosed":
            hint = f"close it with `{_CLOSERS[bracket]}`"
            return Diagnostic("PF0204", "error", f"`{bracket}` is never closed", span, "opened here", (hint,))
        case "unopened":
            hint = f"leave it out, or open it with `{_OPENERS[bracket]}`"
            return Diagnostic("PF0205", "error", f"`{bracket}` closes nothing", span, "nothing is open here", (hint,))
        case "mismatch":
            assert error.opener is not None
            opener = text[error.opener]
            related = (Related(Span(file, error.opener, error.opener + 1), f"this `{opener}` is still open"),)
            hint = f"close it with `{_CLOSERS[opener]}` first"
            message = f"`{bracket}` where `{opener}` is still open"
            return Diagnostic("PF0204", "error", message, span, f"`{_CLOSERS[opener]}` is missing", (hint,), related)
        case "deep":
            return too_deep(span)
        case _:
            assert_never(error.kind)


_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_OPENERS = {closer: opener for opener, closer in _CLOSERS.items()}


# ------------------------------------------------------------------------------------------------------ words and signs


def _explain_foreign(stop: Stop) -> Diagnostic | None:
    found = find_foreign(stop.statement, stop.at - stop.start)
    if found is None:
        return None
    span = stop.span(stop.start + found.start, stop.start + found.end)
    return Diagnostic("PF0209", "error", found.message, span, "not of this language", (found.hint,))


def _explain_character(stop: Stop) -> Diagnostic:
    character = stop.text[stop.at : stop.at + 1]
    span = stop.span(stop.at, stop.at + 1)
    name = f"`{character}`" if character.isprintable() else f"the character U+{ord(character or ' '):04X}"
    if character == '"':
        line = stop.text[stop.at : stop.end].split("\n")[0]
        whole = stop.span(stop.at, stop.at + len(line))
        hint = 'close the text with `"` on the same line'
        return Diagnostic("PF0214", "error", "the text in quotes does not end", whole, "opened here", (hint,))
    if character == ";":
        return Diagnostic("PF0202", "error", "one statement a line, without `;`", span, "", ("begin a new line here",))
    if character in _LOOK_ALIKES:
        hint = f"write `{_LOOK_ALIKES[character]}`"
        return Diagnostic("PF0202", "error", f"{name} means nothing here", span, "a look-alike", (hint,))
    if character in ("\u00a0", "\ufeff", "\r", "\u2028", "\u2029"):
        hint = "use blanks and plain line ends; save the file as UTF-8 without a byte order mark"
        return Diagnostic("PF0202", "error", f"{name} is no blank of the language", span, "looks like nothing", (hint,))
    word = re.compile(r"[A-Za-z0-9_.:\-]+").match(stop.text, stop.at)
    if word is not None:
        span = stop.span(word.start(), word.end())
        message = f"`{shortened(word.group())}` is neither a number, an address nor a name"
        hint = "names begin with a letter or `_`; numbers are decimal or hexadecimal with `0x`"
        return Diagnostic("PF0202", "error", message, span, "not a word", (hint,))
    hints = ("leave it out",) if character.isascii() else ("other letters than ASCII stand only in texts and comments",)
    return Diagnostic("PF0202", "error", f"{name} means nothing here", span, "unknown", hints)
