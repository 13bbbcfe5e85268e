"""Qualified values, keys and the values themselves in the parse tree → AST nodes.

In: what the nodes below were made into. Out: `Primitive` and what joins several of them (`port (80 or 443)`: the
qualifiers go to the first value, the others take them from there), `KeyField`, `Value`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

from ebpfc.compiler.ast.build_arith import Protocol
from ebpfc.compiler.ast.build_logic import as_value, or_of
from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import masked, spaced_prefix
from ebpfc.compiler.ast.nodes import (
    And,
    Dir,
    Elided,
    IdType,
    KeyField,
    Match,
    Not,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    SetLiteral,
    Span,
    Value,
    Word,
)
from ebpfc.grammar import RESERVED_WORDS

_DIRECTIONS: dict[str, Dir] = {word: word for word in get_args(Dir)} | {
    "dst or src": "src or dst",
    "dst and src": "src and dst",
}


@dataclass(frozen=True, slots=True)
class Qualifier:
    """`outer tcp dst port` before it meets its value, or `in`."""

    proto: str | None
    dir: Dir | None
    type: IdType | None
    outer: bool
    span: Span


def _protocol(context: Context, kids: Kids, span: Span) -> Protocol:
    return Protocol(str(kids[-1]), len(kids) > 1, span)


def _protocol_test(context: Context, kids: Kids, span: Span) -> ProtoTest:
    return ProtoTest(kids[0].text, kids[0].outer, span)


def _direction(context: Context, kids: Kids, span: Span) -> Dir:
    return _DIRECTIONS[" ".join(map(str, kids))]


def _id_type(context: Context, kids: Kids, span: Span) -> str:
    return str(kids[0])


def _qualifier(context: Context, kids: Kids, span: Span) -> Qualifier:
    proto: str | None = None
    outer = False
    if isinstance(kids[0], Protocol):
        proto, outer = kids[0].text, kids[0].outer
    elif str(kids[0]) == "outer":
        outer = True
    words = [str(kid) for kid in kids if not isinstance(kid, Protocol)]
    direction = next((_DIRECTIONS[word] for word in words if word in _DIRECTIONS), None)
    id_type: IdType | None = next((t for t in get_args(IdType) if t in words), None)
    return Qualifier(proto, direction, id_type, outer, span)


def _qualified(context: Context, kids: Kids, span: Span) -> Match:
    qualifier, kid = kids
    values: Match = Elided(as_value(context, kid), span) if not isinstance(kid, Not | Paren) else kid
    return replace(_qualify(values, qualifier), span=span)


def _qualify(match: Match, q: Qualifier) -> Match:
    """The same match with the qualifiers put on its first value; the others take them from there."""
    match match:
        case Elided():
            span = Span(q.span.file, q.span.start, match.value.span.end)
            return Primitive(q.proto, q.dir, q.type, match.value, q.outer, span)
        case Not() | Paren():
            return replace(match, match=_qualify(match.match, q))
        case And() | Or():
            return replace(match, items=(_qualify(match.items[0], q), *match.items[1:]))
        case _:
            raise AssertionError(f"a value cannot hold {type(match).__name__}")


def _id_not(context: Context, kids: Kids, span: Span) -> Not:
    return Not(_id(context, kids[1]), span)


def _id_group(context: Context, kids: Kids, span: Span) -> Paren:
    return Paren(_id(context, kids[1]), span)


def _id_and(context: Context, kids: Kids, span: Span) -> And:
    return And(tuple(_id(context, kid) for kid in kids[::2]), span)


def _id_or(context: Context, kids: Kids, span: Span) -> Or:
    return or_of(context, tuple(_id(context, kid) for kid in kids[::2]), span)


def _id(context: Context, kid: Any) -> Match:
    if isinstance(kid, Not | Paren | And | Or):
        return kid
    value = as_value(context, kid)
    if isinstance(value, Word) and value.text in RESERVED_WORDS:
        # Away from its qualifier a bare `tcp` would read as the test for TCP.
        value = replace(value, escaped=True)
    return Elided(value, value.span)


def _key_qualifier(context: Context, kids: Kids, span: Span) -> KeyField:
    q: Qualifier = kids[0]
    one_way = q.dir in ("src", "dst")
    is_net = one_way and q.type == "net"  # of a table's key; whoever takes keys refuses it elsewhere
    fits = is_net or (one_way and q.type in (None, "host", "port")) or (q.dir is None and q.type == "proto")
    words = (q.proto, q.dir, None if q.type == "host" else q.type)
    if not fits:
        written = " ".join(word for word in words if word)
        hints = (f"write `{written} SET`, without `in`", "before `in` stands one field: `src`, `dst port`, `proto` ...")
        context.sink.error("PF0213", f"`{written}` is not one field", span, "no key", hints)
    return KeyField(" ".join(word for word in words if word), q.outer, span)


def _key_encap(context: Context, kids: Kids, span: Span) -> KeyField:
    return KeyField(str(kids[0]), False, span)


def _set(context: Context, kids: Kids, span: Span) -> SetLiteral:
    items = [as_value(context, kid) for kid in kids[1:-1] if not (hasattr(kid, "start_pos") and kid.type == "COMMA")]
    return SetLiteral(tuple(items), None, span)


def _protocol_word(context: Context, kids: Kids, span: Span) -> Word:
    return Word(str(kids[0]), span=span)


def _spaced_prefix(context: Context, kids: Kids, span: Span) -> Value:
    return spaced_prefix(kids[0], kids[2], context.file, context.sink)


def _masked(context: Context, kids: Kids, span: Span) -> Value:
    return masked(kids[0], kids[2], context.file, context.sink)


def _bare(context: Context, kids: Kids, span: Span) -> Elided:
    return Elided(as_value(context, kids[0]), span)


QUALIFIED_HANDLERS: dict[str, Handler] = {
    "protocol": _protocol,
    "protocol_test": _protocol_test,
    "direction": _direction,
    "id_type": _id_type,
    "qualifier": _qualifier,
    "qualified": _qualified,
    "id_not": _id_not,
    "id_group": _id_group,
    "id_and": _id_and,
    "id_or": _id_or,
    "key_qualifier": _key_qualifier,
    "key_encap": _key_encap,
    "set": _set,
    "protocol_word": _protocol_word,
    "spaced_prefix": _spaced_prefix,
    "masked": _masked,
    "bare": _bare,
}
