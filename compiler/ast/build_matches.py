"""Nodes of matches in the parse tree → `Match`.

In: what the nodes below were made into. Out: AST nodes; a value alone becomes an `Elided`, a qualifier goes to the
first value after it. Refuses what two readers could take for two things: an `and` to the right of an `or` at one level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

from ebpfc.compiler.ast.build_arith import ARITH_HANDLERS, Protocol, ScalarGroup
from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import build_value, masked, read_number, read_string, spaced_prefix, token_span
from ebpfc.compiler.ast.nodes import (
    And,
    Cast,
    Dir,
    DirectionTest,
    Elided,
    Encap,
    FragmentTest,
    IdType,
    IfindexTest,
    KeyField,
    LengthTest,
    MalformedTest,
    Match,
    Not,
    Or,
    Paren,
    PayloadTest,
    Primitive,
    ProtoTest,
    ReservedTest,
    SetLiteral,
    Span,
    StateTest,
    TcpFlags,
    Value,
    Word,
)
from ebpfc.compiler.ast.printer import print_match
from ebpfc.compiler.fields import TCP_FLAGS

_DIRECTIONS: dict[str, Dir] = {word: word for word in get_args(Dir)} | {
    "dst or src": "src or dst",
    "dst and src": "src and dst",
}
_SPELLINGS = {"&&": "and", "||": "or"}


@dataclass(frozen=True, slots=True)
class Qualifier:
    """`outer tcp dst port` before it meets its value, or `in`."""

    proto: str | None
    dir: Dir | None
    type: IdType | None
    outer: bool
    span: Span


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


# ---------------------------------------------------------------------------------------------------------------- logic


def _and_chain(context: Context, kids: Kids, span: Span) -> And:
    return And(tuple(as_match(context, kid) for kid in kids[::2]), span)


def _or_chain(context: Context, kids: Kids, span: Span) -> Or:
    return _or(context, tuple(as_match(context, kid) for kid in kids[::2]), span)


def _or(context: Context, items: tuple[Match, ...], span: Span) -> Or:
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


# ----------------------------------------------------------------------------------------------------------- qualifiers


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
    return _or(context, tuple(_id(context, kid) for kid in kids[::2]), span)


def _id(context: Context, kid: Any) -> Match:
    if isinstance(kid, Not | Paren | And | Or):
        return kid
    value = as_value(context, kid)
    return Elided(value, value.span)


def _key_qualifier(context: Context, kids: Kids, span: Span) -> KeyField:
    q: Qualifier = kids[0]
    one_way = q.dir in ("src", "dst")
    fits = (one_way and q.type in (None, "host", "port")) or (q.dir is None and q.type == "proto")
    if not fits:
        hint = "a key is one field: `src`, `dst`, `src port`, `dst port`, `proto`, `ether src`, `ether dst`, `vlan`"
        message = "this is no key: it stands for more than one field"
        context.sink.error("PF0213", message, span, "not one field", (hint,))
    words = (q.proto, q.dir, None if q.type == "host" else q.type)
    return KeyField(" ".join(word for word in words if word), q.outer, span)


def _key_encap(context: Context, kids: Kids, span: Span) -> KeyField:
    return KeyField(str(kids[0]), False, span)


# --------------------------------------------------------------------------------------------------------------- values


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


# ---------------------------------------------------------------------------------------------------------------- atoms


def _number(context: Context, token: Any) -> int:
    return read_number(str(token), token_span(token, context.file), context.sink)


def _cast(context: Context, kids: Kids, span: Span) -> Cast:
    kind, first = str(kids[-1]), kids[0]
    proto, outer = (first.text, first.outer) if isinstance(first, Protocol) else (None, len(kids) > 1)
    if proto not in (None, "ether", "ip", "ip6"):
        hint = f"write `{kind}`, `ether {kind}`, `ip {kind}` or `ip6 multicast`"
        context.sink.error("PF0213", f"`{proto} {kind}` says nothing", span, f"`{proto}` has no {kind}", (hint,))
    return Cast(proto, "broadcast" if kind == "broadcast" else "multicast", outer, span)


def _length_test(context: Context, kids: Kids, span: Span) -> LengthTest:
    return LengthTest("less" if str(kids[0]) == "less" else "greater", _number(context, kids[1]), span)


def _direction_test(context: Context, kids: Kids, span: Span) -> DirectionTest:
    return DirectionTest("inbound" if str(kids[0]) == "inbound" else "outbound", span)


def _ifindex_test(context: Context, kids: Kids, span: Span) -> IfindexTest:
    return IfindexTest(_number(context, kids[1]), span)


def _encap(context: Context, kids: Kids, span: Span) -> Encap:
    kind, rest = str(kids[0]), kids[1:]
    port: int | None = None
    if len(rest) >= 2 and str(rest[-2]) == "port":
        port = _number(context, rest[-1])
        rest = rest[:-2]
    return Encap(kind, as_value(context, rest[0]) if rest else None, port, span)  # type: ignore[arg-type]


def _tag_group(context: Context, kids: Kids, span: Span) -> Value:
    return as_value(context, kids[1])


def _tcp_flags(context: Context, kids: Kids, span: Span) -> TcpFlags:
    protocol, token = kids[0], kids[2]
    place = token_span(token, context.file)
    value, mask = (sum(TCP_FLAGS[letter] for letter in set(letters)) for letters in str(token).split("/"))
    if protocol.text != "tcp":
        hint = f"write `tcp flags {token}`"
        context.sink.error("PF0213", f"`{protocol.text}` has no flags", protocol.span, "only TCP has flags", (hint,))
    if value & ~mask:
        hint = "name after the `/` every flag that is looked at: `S/SA`"
        context.sink.error("PF0410", f"`{token}` can never hold", place, "set, but not looked at", (hint,))
    return TcpFlags(value, mask, protocol.outer, span)


def _fragment_test(context: Context, kids: Kids, span: Span) -> FragmentTest:
    words = [str(kid) for kid in kids]
    kind = "first" if "first" in words else "last" if "last" in words else "any"
    return FragmentTest(kind, words[0] == "outer", span)  # type: ignore[arg-type]


def _malformed_test(context: Context, kids: Kids, span: Span) -> MalformedTest:
    return MalformedTest(len(kids) > 1, span)


def _state_test(context: Context, kids: Kids, span: Span) -> StateTest:
    return StateTest(str(kids[1]), span)


def _payload_test(context: Context, kids: Kids, span: Span) -> PayloadTest:
    return PayloadTest(read_string(kids[2], context.file, context.sink), span)


def _reserved_test(context: Context, kids: Kids, span: Span) -> ReservedTest:
    text = read_string(kids[-1], context.file, context.sink)
    return ReservedTest(" ".join(map(str, kids[:-1])), text, span)


MATCH_HANDLERS: dict[str, Handler] = ARITH_HANDLERS | {
    "and_chain": _and_chain,
    "or_chain": _or_chain,
    "negation": _negation,
    "paren": _paren,
    "and": _operator,
    "or": _operator,
    "not": _operator,
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
    "cast": _cast,
    "length_test": _length_test,
    "direction_test": _direction_test,
    "ifindex_test": _ifindex_test,
    "encap": _encap,
    "tag_group": _tag_group,
    "tcp_flags": _tcp_flags,
    "fragment_test": _fragment_test,
    "malformed_test": _malformed_test,
    "state_test": _state_test,
    "payload_test": _payload_test,
    "reserved_test": _reserved_test,
}
