"""`and`, `or`, `not` and parentheses in the parse tree → `Match`; and what a child is, as a match or as a value.

In: what the nodes below were made into. Out: AST nodes; a value alone becomes an `Elided`. Refuses what two readers
could take for two things: an `and` to the right of an `or` at one level.
"""

from __future__ import annotations

from typing import Any

from ebpfc.compiler.ast.build_arith import ScalarGroup
from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import build_value
from ebpfc.compiler.ast.nodes import And, Elided, Match, Not, Or, Paren, Span, Value
from ebpfc.compiler.ast.printer import print_match

_SPELLINGS = {"&&": "and", "||": "or"}


def as_match(context: Context, kid: Any) -> Match:
    """A child as a match: a scalar is a value that takes the qualifiers before it."""
    if isinstance(kid, ScalarGroup):
        return Paren(as_match(context, kid.inner), kid.span)
    if hasattr(kid, "start_pos"):
        value = build_value(kid, context.file, context.sink)
        return Elided(value, value.span)
    result: Match = kid
    return result


def as_value(context: Context, kid: Any) -> Value:
    """A child as a value."""
    if hasattr(kid, "start_pos"):
        return build_value(kid, context.file, context.sink)
    result: Value = kid
    return result


def _and_chain(context: Context, kids: Kids, span: Span) -> And:
    return And(tuple(as_match(context, kid) for kid in kids[::2]), span)


def _or_chain(context: Context, kids: Kids, span: Span) -> Or:
    return or_of(context, tuple(as_match(context, kid) for kid in kids[::2]), span)


def or_of(context: Context, items: tuple[Match, ...], span: Span) -> Or:
    """The chain of these; refuses an `and` after the first."""
    chain = Or(items, span)
    for at, item in enumerate(chain.items[1:], start=1):
        if isinstance(item, And):
            _refuse_mixture(context, chain, at, item)
            break
    return chain


def _refuse_mixture(context: Context, chain: Or, at: int, late: And) -> None:
    before = print_match(chain.items[0]) if at == 1 else print_match(Or(chain.items[:at]))
    first, rest = print_match(late.items[0]), " and ".join(print_match(item) for item in late.items[1:])
    ours = f"{before} or ({first} and {rest})"
    theirs = f"({before} or {first}) and {rest}"
    context.sink.error(
        "PF0207",
        "`and` to the right of `or`: tcpdump reads from left to right, most languages do not",
        late.span,
        "does the `and` belong to this alone, or to all before it?",
        (f"write `{ours}`", f"or write `{theirs}`, as tcpdump reads it"),
    )


def _negation(context: Context, kids: Kids, span: Span) -> Not:
    return Not(as_match(context, kids[1]), span)


def _paren(context: Context, kids: Kids, span: Span) -> Paren:
    return Paren(as_match(context, kids[1]), span)


def _operator(context: Context, kids: Kids, span: Span) -> str:
    return _SPELLINGS.get(str(kids[0]), str(kids[0]))


LOGIC_HANDLERS: dict[str, Handler] = {
    "and_chain": _and_chain,
    "or_chain": _or_chain,
    "negation": _negation,
    "paren": _paren,
    "and": _operator,
    "or": _operator,
    "not": _operator,
}
