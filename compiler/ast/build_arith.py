"""Nodes of arithmetic and of relations in the parse tree → `Arith`, `Relation`, `Member`.

In: what the nodes below were made into. Out: AST nodes. An operand may still be a scalar (a token or a ScalarGroup):
here it becomes a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, get_args

from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import build_value, read_number, token_span
from ebpfc.compiler.ast.nodes import (
    Access,
    Arith,
    ArithOp,
    Binary,
    Const,
    ConstName,
    FieldRef,
    FrameLength,
    Group,
    IPv4,
    IPv6,
    KeyField,
    Mac,
    Member,
    Negate,
    Relation,
    RelOp,
    SetLiteral,
    Span,
    Value,
    Word,
)
from ebpfc.compiler.ast.printer import print_arith, print_value

_ARITH_OPS: dict[str, ArithOp] = {op: op for op in get_args(ArithOp)}
_REL_OPS: dict[str, RelOp] = {op: op for op in get_args(RelOp)}
_WITHOUT_PRECEDENCE = ("%", "^")


@dataclass(frozen=True, slots=True)
class ScalarGroup:
    """`(80)`, `((web))`: a value in parentheses of which only the next token says what it is."""

    inner: Any  # Token | ScalarGroup
    span: Span


@dataclass(frozen=True, slots=True)
class Protocol:
    """`tcp`, `outer tcp` before it is known what of it is asked; `text` is canonical."""

    text: str
    outer: bool
    span: Span


def as_arith(context: Context, kid: Any) -> Arith:
    """A child as an operand."""
    if isinstance(kid, ScalarGroup):
        return Group(as_arith(context, kid.inner), kid.span)
    if not hasattr(kid, "start_pos"):
        result: Arith = kid
        return result
    span = token_span(kid, context.file)
    if kid.type == "INT":
        return Const(read_number(str(kid), span, context.sink), span)
    return ConstName(str(kid), span)


def _arith(context: Context, kids: Kids, span: Span) -> Arith:
    operands = [as_arith(context, kid) for kid in kids[::2]]
    ops = [_ARITH_OPS[str(kid)] for kid in kids[1::2]]
    _check_mixture(context, operands, ops, span)
    result = operands[0]
    for op, operand in zip(ops, operands[1:], strict=True):
        result = Binary(op, result, operand, Span(span.file, result.span.start, operand.span.end))
    return result


def _check_mixture(context: Context, operands: list[Arith], ops: list[ArithOp], span: Span) -> None:
    """`%` and `^` have no precedence in libpcap and C's in C: beside another operator they need parentheses.

    Behind a minus too: libpcap reads `-a % b` as `-(a % b)`.
    """
    inner = [
        operand
        for operand, following in zip_longest(operands, ops)
        if isinstance(operand, Binary) or (isinstance(operand, Negate) and following in _WITHOUT_PRECEDENCE)
    ]
    nested = {operand.op for operand in inner if isinstance(operand, Binary)}
    loose = [op for op in (*ops, *nested) if op in _WITHOUT_PRECEDENCE]
    if not loose or (not inner and (len(ops) == 1 or set(ops) == {"^"})):
        return
    op = loose[0]
    said = [_as_written(context, operand) for operand in operands]
    if inner:
        parts = [f"({part})" if item in inner else part for item, part in zip(operands, said, strict=True)]
    else:
        parts = [f"({said[0]} {ops[0]} {said[1]})", *said[2:]]
        ops = ops[1:]
    written = parts[0] + "".join(f" {o} {part}" for o, part in zip(ops, parts[1:], strict=True))
    context.sink.error(
        "PF0208",
        f"`{op}` beside another operator reads differently in C and in tcpdump",
        span,
        "which comes first?",
        (f"write the parentheses: `{written}`, or the other way round",),
    )


def _as_written(context: Context, node: Arith) -> str:
    """The author's own spelling (`0x1fff`); over several lines, where comments may stand, the printer's."""
    text = context.text[node.span.start : node.span.end]
    return print_arith(node) if "\n" in text else text


def _minus(context: Context, kids: Kids, span: Span) -> Arith:
    return Negate(as_arith(context, kids[1]), span)


def _group(context: Context, kids: Kids, span: Span) -> Arith:
    return Group(as_arith(context, kids[1]), span)


def _frame_length(context: Context, kids: Kids, span: Span) -> Arith:
    return FrameLength(span)


def _field(context: Context, kids: Kids, span: Span) -> FieldRef:
    proto, name = str(kids[-1]).split(".", 1)
    return FieldRef("ether" if proto == "link" else proto, name, len(kids) > 1, span)


def _access(context: Context, kids: Kids, span: Span) -> Access:
    outer = str(kids[0]) == "outer"
    name, offset = kids[1 if outer else 0], as_arith(context, kids[3 if outer else 2])
    size = 1
    if str(kids[-3]) == ":":
        place = token_span(kids[-2], context.file)
        size = read_number(str(kids[-2]), place, context.sink)
        if size not in (1, 2, 4):
            hint = "write 1, 2 or 4"
            context.sink.error("PF0409", f"{size} bytes cannot be read at once", place, "not a size", (hint,))
            size = 1
    return Access(str(name), offset, size, outer, span)


def _pname(context: Context, kids: Kids, span: Span) -> str:
    return "ether" if str(kids[0]) == "link" else str(kids[0])


def _scalar_group(context: Context, kids: Kids, span: Span) -> ScalarGroup:
    return ScalarGroup(kids[1], span)


def _relation(context: Context, kids: Kids, span: Span) -> Relation:
    left, op, right = kids
    return Relation(
        _REL_OPS["==" if op == "=" else str(op)], as_arith(context, left), _right(context, right, span), span
    )


def _right(context: Context, kid: Any, span: Span) -> Arith | IPv4 | IPv6 | Mac:
    if type(kid) is str:  # the bare name of a protocol: `ip.protocol == tcp`
        return ConstName(kid, Span(span.file, span.end - len(kid), span.end))
    if hasattr(kid, "start_pos") and kid.type not in ("INT", "NAME", "DASHED"):
        errors = len(context.sink.items)
        value = build_value(kid, context.file, context.sink)
        if len(context.sink.items) > errors:
            return Const(0, value.span)
        return _single(context, value)
    if isinstance(kid, IPv4 | IPv6):
        return _single(context, kid)
    return as_arith(context, kid)


def _single(context: Context, value: Value) -> Arith | IPv4 | IPv6 | Mac:
    match value:
        case Mac() | IPv4(length=None, mask=None, parts=4) | IPv6(length=None):
            return value
        case Word() if value.escaped:
            hint = f"write `{value.text}` without the backslash, or its number"
        case _:
            hint = f"write `FIELD in {{{print_value(value)}}}`"
    message = "a relation compares with one number or one address"
    context.sink.error("PF0213", message, value.span, "more than one, or no number", (hint,))
    return Const(0, value.span)


def _member(context: Context, kids: Kids, span: Span) -> Member:
    items = kids[-1]
    target = Word(str(items), span=token_span(items, context.file)) if hasattr(items, "start_pos") else items
    assert isinstance(target, Word | SetLiteral)
    keys = kids[1:-3:2] if hasattr(kids[0], "start_pos") else kids[:1]
    for key in keys:
        if isinstance(key, KeyField) and key.text.endswith(" net"):
            short = key.text.removesuffix(" net")
            hints = (f"write `{key.text} SET`, without `in`", f"of a table of nets: `{short} in TABLE`")
            context.sink.error("PF0213", f"`{key.text}` is not one field", key.span, "no key", hints)
    return Member(tuple(_key(key) for key in keys), target, span)


def _key(key: KeyField | Arith) -> KeyField | FieldRef | Access | Binary | Group:
    match key:
        case KeyField() | FieldRef() | Access() | Binary() | Group():
            return key
        case _:  # `len in {64}`: kept as `(len) in {64}`
            return Group(key, key.span)


ARITH_HANDLERS: dict[str, Handler] = {
    "arith": _arith,
    "minus": _minus,
    "arith_group": _group,
    "frame_length": _frame_length,
    "field": _field,
    "access": _access,
    "pname": _pname,
    "scalar_group": _scalar_group,
    "relation": _relation,
    "member": _member,
}
