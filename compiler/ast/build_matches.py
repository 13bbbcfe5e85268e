"""Tests that stand alone (`vlan 5`, `fragment`, `tcp flags S/SA`) in the parse tree → AST nodes; all match handlers.

In: what the nodes below were made into. Out: AST nodes, and MATCH_HANDLERS for all rules of a match.
"""

from __future__ import annotations

from typing import Any

from ebpfc.compiler.ast.build_arith import ARITH_HANDLERS, Protocol
from ebpfc.compiler.ast.build_logic import LOGIC_HANDLERS, as_value
from ebpfc.compiler.ast.build_qualified import QUALIFIED_HANDLERS
from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.foreign import find_foreign
from ebpfc.compiler.ast.literals import read_number, read_string, token_span
from ebpfc.compiler.ast.nodes import (
    Cast,
    DirectionTest,
    Encap,
    FragmentTest,
    IfindexTest,
    LengthTest,
    MalformedTest,
    PayloadTest,
    ReservedTest,
    Span,
    TcpFlags,
    Value,
)
from ebpfc.compiler.ast.printer import quote
from ebpfc.compiler.fields import TCP_FLAGS

_RESERVED_FORMS = ("sni", "dns", "http host")


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


def _payload_test(context: Context, kids: Kids, span: Span) -> PayloadTest:
    return PayloadTest(read_string(kids[2], context.file, context.sink), span)


def _reserved_test(context: Context, kids: Kids, span: Span) -> ReservedTest:
    text = read_string(kids[-1], context.file, context.sink)
    form = " ".join(map(str, kids[:-1]))
    if form not in _RESERVED_FORMS:
        place = Span(span.file, span.start, span.start + len(form))
        foreign = find_foreign(f"{form} {quote(text)}", 0)
        message = foreign.message if foreign else f"`{form}` takes no text"
        hint = foreign.hint if foreign else "a text follows `payload starts`, `count`, `log` and `redirect to`"
        context.sink.error("PF0209" if foreign else "PF0213", message, place, "not of this language", (hint,))
    return ReservedTest(form, text, span)


MATCH_HANDLERS: dict[str, Handler] = (
    ARITH_HANDLERS
    | LOGIC_HANDLERS
    | QUALIFIED_HANDLERS
    | {
        "cast": _cast,
        "length_test": _length_test,
        "direction_test": _direction_test,
        "ifindex_test": _ifindex_test,
        "encap": _encap,
        "tag_group": _tag_group,
        "tcp_flags": _tcp_flags,
        "fragment_test": _fragment_test,
        "malformed_test": _malformed_test,
        "payload_test": _payload_test,
        "reserved_test": _reserved_test,
    }
)
