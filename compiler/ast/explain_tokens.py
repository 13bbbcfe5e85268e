"""A word or a sign that cannot stand where it does → a diagnostic that says why, and what to write.

In: where the parser stopped, and the token there. Out: one diagnostic. Each rule knows one mistake, and answers None to
all others; they are asked in the order of `_RULES`.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from ebpfc.compiler.ast.expected import describe
from ebpfc.compiler.ast.explain_guards import explain_guard
from ebpfc.compiler.ast.stop import Stop
from ebpfc.compiler.diagnostics.model import Diagnostic
from ebpfc.grammar import RESERVED_WORDS, parser

if TYPE_CHECKING:
    from lark import Token

_NAMING = ("let", "table", "limit", "pool")
_ENDS = ("_NL", "$END")


def explain_token(stop: Stop, token: Token) -> Diagnostic:
    """The diagnostic for a word or sign that cannot stand where it does."""
    for rule in _RULES:
        if (diagnostic := rule(stop, token)) is not None:
            return diagnostic
    span = stop.token_span(token)
    after = f" after `{shortened(stop.before[-1])}`" if stop.before else " at the beginning of a statement"
    message = f"`{shortened(token)}` cannot stand here"
    return Diagnostic("PF0201", "error", message, span, f"not expected{after}", _expected(stop))


def keyword_as_name(stop: Stop, token: Token) -> Diagnostic | None:
    """`let net = ...`, `drop: tcp`: a keyword where a name is made."""
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

    # `wlan host ADDRESS` reads like `http host "..."` up to the address, so two words back.
    for candidate in (token, *reversed(stop.before[-2:])):
        reason = refused.word(str(candidate)) if candidate.type in ("NAME", "DASHED") else None
        if reason is not None:
            span = stop.token_span(candidate)
            return Diagnostic("PF0620", "error", reason.message, span, reason.label, reason.hints)
    return None


def _unknown_hook(stop: Stop, token: Token) -> Diagnostic | None:
    """`hook tc in`: a keyword where a hook's second word may stand, or a third word."""
    from ebpfc.compiler.sema import refused

    if not stop.before or stop.before[0].type != "HOOK" or not (token.type == "NAME" or token in RESERVED_WORDS):
        return None
    words = [token]
    for before in reversed(stop.before[1:]):
        if before.type != "NAME":
            break
        words.insert(0, before)
    span = stop.span(stop.token_span(words[0]).start, stop.token_span(token).end)
    point = " ".join(words)
    hint = refused.hook_hint(point) if len(words) < 3 else "write a comma between two hooks: `hook xdp, tc ingress`"
    return Diagnostic("PF0318", "error", f"there is no hook `{shortened(point)}`", span, "unknown hook", (hint,))


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
    message = f"the statement ends after `{shortened(last)}`"
    hints = (f"here may stand: {_VALUES_OF[last]}",) if last in _VALUES_OF else _expected(stop)
    return Diagnostic("PF0203", "error", message, stop.span(end - len(last), end), "more must follow", hints)


_VALUES_OF = {
    "port": "a port, a range or a set",
    "portrange": "a range of ports (`8000-8080`)",
    "host": "an address, a range or a set",
    "net": "a net (`10.0.0.0/8`), a range or a set",
    "proto": "a protocol or a set",
    "state": "`new`, `established`, `related` or `invalid`",
}
"""What stands after a qualifier, in the field's words."""


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
    message = f"`{shortened(token)}` is one {kind}, not arithmetic"
    span = stop.token_span(token)
    hint = f"write blanks round the operator: `{shortened(left)} {sign} {shortened(right)}`"
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


def _bad_address(stop: Stop, token: Token) -> Diagnostic | None:
    """`1::2::3`, `aa:bb:cc`: a word full of colons of which the lexer took a part."""
    for word in _COLONS.finditer(stop.text, max(stop.start, stop.at - 50), min(stop.end, stop.at + 50)):
        part = word.start() <= stop.at <= word.end() and word.group() != token
        if part and word.group().count(":") > 1:
            hint = "IPv6: eight groups, or one `::`; MAC: six pairs of hex digits"
            span = stop.span(word.start(), word.end())
            return Diagnostic("PF0403", "error", f"`{word.group()}` is no address", span, "no address", (hint,))
    return None


def _missing_word(stop: Stop, token: Token) -> Diagnostic | None:
    """`table banned src`, `then add src banned`: the small word between two parts."""
    for first, terminal, word in _SMALL_WORDS:
        if terminal not in stop.accepted or first not in stop.before or _closest_keyword(str(token)) == word:
            continue
        message = f"`{word}` is missing between `{shortened(stop.before[-1])}` and `{shortened(token)}`"
        hint = f"write `{word} {shortened(token)}`"
        return Diagnostic("PF0201", "error", message, stop.token_span(token), f"`{word}` is missing", (hint,))
    return None


_SMALL_WORDS = (("table", "KEY", "key"), ("add", "TO", "to"), ("delete", "FROM", "from"))
"""The first word of a statement or an action, and the terminal that must follow what stands between."""


def _unjoined(stop: Stop, token: Token) -> Diagnostic | None:
    """Two things side by side between which something is missing, or that stand the wrong way round."""
    span = stop.token_span(token)
    last = stop.before[-1] if stop.before else None
    if last is not None and last.type.startswith(("IPV", "MAC")) and token in ("=", "==", "!="):
        hint = f"write the field first: `ip.saddr {token} {last}`, or `host {last}`"
        return Diagnostic("PF0201", "error", "an address cannot be on the left of a comparison", span, "", (hint,))
    if {"COMMA", "RBRACE"} <= stop.accepted and token.type in _VALUES:
        hint = f"write a comma before it: `, {shortened(token)}`"
        return Diagnostic("PF0201", "error", "entries of a set without a comma", span, "`,` is missing", (hint,))
    if last is not None and last in ("ipip", "pppoed") and token.type in _VALUES | {"LBRACE"}:
        return Diagnostic("PF0201", "error", f"`{last}` takes no value", span, "not wanted", ("leave it out",))
    if {"AND", "OR"} <= stop.accepted and (token.type in _VALUES or token in _BEGINS_MATCH):
        hint = f"join two matches: `and {shortened(token)} ...` or `or {shortened(token)} ...`"
        return Diagnostic("PF0201", "error", "two matches side by side", span, "`and` or `or` is missing", (hint,))
    return None


def _without_then(stop: Stop, token: Token) -> Diagnostic | None:
    """`drop tcp dst port 22 log`: an action behind the match."""
    if token not in _ACTIONS or "THEN" not in stop.accepted:
        return None
    if len(stop.before) == 1 and _misspelt(stop, token):  # `defualt drop`
        return None
    if token in _VERDICTS and any(before in _VERDICTS for before in stop.before):
        return None
    hint = f"write `then {token}`"
    message = f"`{token}` cannot stand here: an action after the match begins with `then`"
    return Diagnostic("PF0201", "error", message, stop.token_span(token), "`then` is missing", (hint,))


_VERDICTS = frozenset({"pass", "drop", "reject", "tx"})
_ACTIONS = _VERDICTS | {
    "redirect", "balance", "count", "log", "sample", "add", "delete", "mark", "set", "push", "pop", "encap", "decap",
}  # fmt: skip
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
    # `table t ...`, `state new ...`: the word before stands where any may.
    named = (len(stop.before) == 2 and stop.before[0] in _NAMING) or stop.before[-2:-1] == ("state",)
    for word in (token,) if named else (token, *stop.before[-1:]):
        if word.type not in ("NAME", "DASHED"):
            continue
        if close := _closest_keyword(str(word)):
            span = stop.token_span(word)
            message = f"`{shortened(word)}` is no word that can stand here"
            return Diagnostic("PF0201", "error", message, span, "unknown word", (f"did you mean `{close}`?",))
    return None


def _closest_keyword(word: str) -> str | None:
    """The keyword that was probably meant; one as long as the word (a slip, two letters swapped) comes first."""
    near = difflib.get_close_matches(word[:40], sorted(RESERVED_WORDS), 5, 0.65)
    near.sort(key=lambda keyword: len(keyword) != len(word))
    return near[0] if near else None


_RULES = (
    _refused_word,
    _unknown_hook,
    _ends_early,
    explain_guard,
    _missing_quotes,
    _joined,
    _misplaced,
    _bad_address,
    _without_then,
    _missing_word,
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


def shortened(text: str) -> str:
    """At most 40 characters of a word, for a message."""
    return text if len(text) <= 40 else text[:37] + "..."
