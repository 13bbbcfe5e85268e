"""Why a text does not parse → a diagnostic that says what is wrong, where, and what to write.

In: an error of brackets, or where the parser stopped. Out: one diagnostic. The parser knows only the token at which it
stopped; the mistake is often the word before it, so the tokens of the statement up to there are looked at too.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, assert_never

from ebpfc.compiler.ast.expected import describe
from ebpfc.compiler.ast.foreign import find_foreign
from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.ast.stop import Stop
from ebpfc.compiler.diagnostics.model import Diagnostic, Related
from ebpfc.grammar import MAX_DEPTH, RESERVED_WORDS, LayoutError, parser

if TYPE_CHECKING:
    from lark import Token

_NAMING = ("let", "table", "limit", "pool")
_ENDS = ("_NL", "$END")
_LOOK_ALIKES = {
    "\u201c": '"', "\u201d": '"', "\u2018": '"', "\u2019": '"', "'": '"', "\u2013": "-", "\u2014": "-",
    "\u2212": "-", "\u00d7": "*", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
}  # fmt: skip


def explain(stop: Stop) -> Diagnostic:
    """The diagnostic for a text that does not parse."""
    token = stop.token
    return _explain_foreign(stop) or (_explain_character(stop) if token is None else _explain_token(stop, token))


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
        message = f"`{_short(word.group())}` is neither a number, an address nor a name"
        hint = "names begin with a letter or `_`; numbers are decimal or hexadecimal with `0x`"
        return Diagnostic("PF0202", "error", message, span, "not a word", (hint,))
    hints = ("leave it out",) if character.isascii() else ("other letters than ASCII stand only in texts and comments",)
    return Diagnostic("PF0202", "error", f"{name} means nothing here", span, "unknown", hints)


def _explain_token(stop: Stop, token: Token) -> Diagnostic:
    for rule in _RULES:
        if (diagnostic := rule(stop, token)) is not None:
            return diagnostic
    span = stop.token_span(token)
    after = f" after `{_short(stop.before[-1])}`" if stop.before else " at the beginning of a statement"
    message = f"`{_short(token)}` cannot stand here"
    return Diagnostic("PF0201", "error", message, span, f"not expected{after}", _expected(stop))


def _keyword_as_name(stop: Stop, token: Token) -> Diagnostic | None:
    word = token
    if token.type == "COLON" and len(stop.before) == 1:
        word = stop.before[0]
    elif not (len(stop.before) == 1 and stop.before[0] in _NAMING):
        return None
    if word not in RESERVED_WORDS:
        return None
    message = f"`{word}` is a word of the language and cannot be a name"
    hint = f"choose another name: `{word}_` or `my_{word}`"
    return Diagnostic("PF0210", "error", message, stop.token_span(word), "a keyword", (hint,))


def _refused_word(stop: Stop, token: Token) -> Diagnostic | None:
    from ebpfc.compiler.sema import refused  # sema is built on this package

    for candidate in (token, *stop.before[-1:]):
        reason = refused.word(str(candidate)) if candidate.type in ("NAME", "DASHED") else None
        if reason is not None:
            span = stop.token_span(candidate)
            return Diagnostic("PF0620", "error", reason.message, span, reason.label, reason.hints)
    return None


def _ends_early(stop: Stop, token: Token) -> Diagnostic | None:
    if token.type not in _ENDS:
        return None
    if not stop.before:
        return Diagnostic(
            "PF0203", "error", "the text ends too early", stop.span(stop.at, stop.at), "", _expected(stop)
        )
    if (misspelt := _misspelt(stop, token)) is not None:
        return misspelt
    last = stop.before[-1]
    end = stop.start + (last.end_pos or 0)
    if len(stop.before) == 1 and last.type == "NAME":
        hint = f"write a verdict before it: `pass {last}`, or name it: `let {last} = ...`"
        return Diagnostic(
            "PF0203", "error", "a rule without an action", stop.span(end - len(last), end), "no action", (hint,)
        )
    if "THEN" in stop.accepted and stop.before[0].type != "IF":
        hint = "put a verdict in front (`drop ...`), or an action after it (`... then drop`)"
        start = stop.start + (stop.before[0].start_pos or 0)
        return Diagnostic("PF0203", "error", "a rule without an action", stop.span(start, end), "no action", (hint,))
    if "BLOCK_OPEN" in stop.accepted:
        word, written = ("else", "} else {") if last == "else" else ("if", "if MATCH {")
        message, hint = f"`{word}` without its `{{`", f"open the block on this line: `{written}`"
        return Diagnostic("PF0203", "error", message, stop.span(end, end), "`{` is missing", (hint,))
    message = f"the statement ends after `{_short(last)}`"
    return Diagnostic("PF0203", "error", message, stop.span(end - len(last), end), "more must follow", _expected(stop))


def _missing_quotes(stop: Stop, token: Token) -> Diagnostic | None:
    if "STRING" not in stop.accepted or token.type not in ("NAME", "DASHED", "FIELD", "HOSTNAME"):
        return None
    if stop.accepted - {"STRING", "PER"}:
        return None
    span = stop.token_span(token)
    return Diagnostic("PF0201", "error", "a text stands in quotes", span, "no quotes", (f'write `"{token}"`',))


def _joined(stop: Stop, token: Token) -> Diagnostic | None:
    """`ip[0]*3/4`: two numbers joined without blanks are a prefix or a range."""
    if token.type not in ("RANGE", "PREFIX", "WORDRANGE") or "INT" not in stop.accepted:
        return None
    sign = "/" if token.type == "PREFIX" else "-"
    left, right = token.split(sign, 1)
    kind = "prefix" if sign == "/" else "range"
    message = f"`{_short(token)}` is one {kind}, not arithmetic"
    span = stop.token_span(token)
    hint = f"write blanks round the operator: `{_short(left)} {sign} {_short(right)}`"
    return Diagnostic("PF0201", "error", message, span, f"a {kind}", (hint,))


def _misplaced(stop: Stop, token: Token) -> Diagnostic | None:
    span = stop.token_span(token)
    if token.type == "ELSE" and not stop.before:
        message = "`else` stands on the line of the `}` before it"
        return Diagnostic("PF0201", "error", message, span, "on its own line", ("write `} else {` on one line",))
    in_head = bool(stop.before) and stop.before[0].type in ("IF", "ELSE", "RBRACE")
    if token.type == "LBRACE" and in_head:
        hint = "begin a new line after the `{`, and one before the `}`"
        return Diagnostic("PF0201", "error", "a block's `{` ends its line", span, "more follows it", (hint,))
    if token.type == "BLOCK_OPEN" and not in_head:
        return Diagnostic("PF0201", "error", "a block needs its `if`", span, "", ("write `if MATCH {`",))
    if token.type == "RBRACE":
        hint = "write at least one value: `{80}`" if stop.before and stop.before[-1] == "{" else "begin a new line"
        return Diagnostic("PF0201", "error", "`}` cannot stand here", span, "too early", (hint,))
    return None


def _bad_address(stop: Stop, _token: Token) -> Diagnostic | None:
    """`1::2::3`, `aa:bb:cc`: a word full of colons of which the lexer took a part."""
    for word in _COLONS.finditer(stop.text, max(stop.start, stop.at - 50), min(stop.end, stop.at + 50)):
        if word.start() <= stop.at <= word.end() and word.group().count(":") > 1:
            hint = "IPv6: eight groups, or one `::`; MAC: six pairs of hex digits"
            span = stop.span(word.start(), word.end())
            return Diagnostic("PF0403", "error", f"`{word.group()}` is no address", span, "no address", (hint,))
    return None


def _unjoined(stop: Stop, token: Token) -> Diagnostic | None:
    """Two things side by side between which something is missing, or that stand the wrong way round."""
    span = stop.token_span(token)
    last = stop.before[-1] if stop.before else None
    if last is not None and last.type.startswith(("IPV", "MAC")) and token in ("=", "==", "!="):
        hint = f"write the field first: `ip.saddr {token} {last}`, or `host {last}`"
        return Diagnostic("PF0201", "error", "an address cannot be on the left of a comparison", span, "", (hint,))
    if {"COMMA", "RBRACE"} <= stop.accepted and token.type in _VALUES:
        hint = f"write a comma before it: `, {_short(token)}`"
        return Diagnostic("PF0201", "error", "entries of a set without a comma", span, "`,` is missing", (hint,))
    if {"AND", "OR"} <= stop.accepted and (token.type in _VALUES or token in _BEGINS_MATCH):
        hint = f"join two matches: `and {_short(token)} ...` or `or {_short(token)} ...`"
        return Diagnostic("PF0201", "error", "two matches side by side", span, "`and` or `or` is missing", (hint,))
    return None


_COLONS = re.compile(r"[0-9A-Fa-f:.]+")
_VALUES = frozenset(
    {"INT", "NAME", "DASHED", "IPV4", "IPV4NET", "IPV6", "IPV6NET", "MAC", "RANGE", "FIELD", "HOSTNAME"}
)
_BEGINS_MATCH = frozenset({
    "ether", "link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "src", "dst", "host",
    "net", "port", "portrange", "proto", "vlan", "vxlan", "not", "!", "(", "len", "fragment", "malformed", "state",
})  # fmt: skip


def _misspelt(stop: Stop, token: Token) -> Diagnostic | None:
    """The word at which parsing stopped, or the one before it, is close to a keyword."""
    for word in (token, *stop.before[-1:]):
        if word.type not in ("NAME", "DASHED"):
            continue
        if close := closest_keyword(str(word)):
            span = stop.token_span(word)
            message = f"`{_short(word)}` is no word that can stand here"
            return Diagnostic("PF0201", "error", message, span, "unknown word", (f"did you mean `{close}`?",))
    return None


def closest_keyword(word: str) -> str | None:
    """The keyword that was probably meant; one as long as the word (a slip, two letters swapped) comes first."""
    near = difflib.get_close_matches(word[:40], sorted(RESERVED_WORDS), 5, 0.65)
    near.sort(key=lambda keyword: len(keyword) != len(word))
    return near[0] if near else None


_RULES = (
    _keyword_as_name,
    _refused_word,
    _ends_early,
    _missing_quotes,
    _joined,
    _misplaced,
    _bad_address,
    _misspelt,
    _unjoined,
)
"""Asked in this order; the first that recognises the mistake explains it."""


def _expected(stop: Stop) -> tuple[str, ...]:
    literals = {
        terminal.name: str(terminal.pattern.value) for terminal in parser().terminals if terminal.pattern.type == "str"
    }
    words = describe(stop.accepted, literals)
    return (f"here may stand: {words}",) if words else ()


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
