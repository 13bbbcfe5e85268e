"""A guard that is none → a diagnostic that says how it is written: `connections >= 5`, `tcp and over 5/s`.

In: where the parser stopped, and the token there. Out: one diagnostic; None for what is no mistake with a guard.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ebpfc.compiler.ast.stop import Stop
from ebpfc.compiler.diagnostics.model import Diagnostic

if TYPE_CHECKING:
    from lark import Token

_GUARDS = frozenset({"over", "within", "connections"})
_AND, _OR, _NOT = ("and", "&&"), ("or", "||"), ("not", "!")
_NUMBER_BEHIND = re.compile(r"[ \t]*([0-9]{1,9})(?![A-Za-z0-9_])")


def explain_guard(stop: Stop, token: Token) -> Diagnostic | None:
    """What is wrong with the guard at which, or behind which, parsing stopped."""
    before = [str(earlier) for earlier in stop.before]
    last = before[-1] if before else ""
    match str(token):
        case sign if last == "connections":
            message, label = "`connections` is compared with one number, by `>`", "`>` is missing"
            hint = _comparison(sign, _NUMBER_BEHIND.match(stop.text, stop.at + len(token)))
        case "over" | "within" | "connections" if last in (*_AND, *_OR, *_NOT):
            message, label = f"`{token}` is a guard, and no part of the match", "a guard"
            hint = _joined(last, str(token))
        case "and" | "&&" | "or" | "||" if _in_guards(stop, before):
            message, label = "the match ends where the guards begin", "behind a guard"
            hint = "put this before the first guard" if token in _AND else "make another rule of it"
        case "by" if "PER" in stop.accepted:
            message, label, hint = "a guard has its key behind `per`", "`per` is missing", "write `per` for `by`"
        case _:
            return None
    return Diagnostic("PF0201", "error", message, stop.token_span(token), label, (hint,))


def _in_guards(stop: Stop, before: list[str]) -> bool:
    """Whether parsing stopped behind a whole guard."""
    ends = not stop.accepted.isdisjoint({"THEN", "BLOCK_OPEN", "_NL"})
    return ends and "then" not in before and not _GUARDS.isdisjoint(before)


def _joined(word: str, guard: str) -> str:
    """What to write where a guard stands behind `and`, `or` or `not`."""
    if word in _AND:
        return f"leave out the `{word}`: guards stand behind the whole match"
    if word in _OR:
        return "make two rules: guards stand behind the whole match"
    if guard == "connections":
        return "write `if connections > N {`: where the guard does not hold, the `else` is taken"
    return f"write `{'within' if guard == 'over' else 'over'}` instead"


def _comparison(sign: str, behind: re.Match[str] | None) -> str:
    """What to write instead of the sign, or the number, behind `connections`."""
    number = int(behind[1]) if behind is not None else 0
    if sign.isdecimal():
        return f"write `connections > {sign[:10]}`"
    if sign == ">=" and number > 0:
        return f"write `connections > {number - 1}`"
    if sign in ("<", "<="):
        return "turn the rule round: `drop` those with more, by `connections > 10 per src`"
    return "write `connections > 10`, or `connections > 10 per src` for those of each address"
