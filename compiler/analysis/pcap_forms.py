"""A test of the language → the same in forms that tcpdump has: sets written out, fields as bytes, flags as a mask.

In: an atom of a checked policy, elisions written out. Out: a match of pcap-filter(7)'s forms, or None where it has
none. What the forms mean (tags, extension headers, scope) is not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ebpfc.compiler.ast.nodes import (
    Access,
    And,
    Arith,
    Atom,
    Binary,
    Cast,
    Const,
    DirectionTest,
    Encap,
    FieldRef,
    FrameLength,
    Group,
    IfindexTest,
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    KeyField,
    LengthTest,
    Mac,
    Match,
    Member,
    Negate,
    Number,
    NumberRange,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    Relation,
    RelOp,
    SetLiteral,
    TcpFlags,
    Value,
)
from ebpfc.compiler.fields import FIELDS, PROTOCOLS

PCAP_OPENS = ("vlan", "vxlan", "geneve", "mpls", "pppoes")
"""Encapsulations behind which tcpdump looks; VXLAN from libpcap 1.11 on."""
_ACCESS_SIZES = (1, 2, 4)
_FLAGS_AT = 13  # RFC 9293 section 3.1
_VID = 0xFFF


def in_pcap_forms(atom: Atom) -> Match | None:
    match atom:
        case ProtoTest(outer=False) | Cast(outer=False) | LengthTest() | DirectionTest() | IfindexTest():
            return atom
        case Primitive(outer=False):
            return _each(atom.value, lambda item: _primitive(atom, item))
        case Encap(kind, values=None | Number(), port=None):
            return atom if kind in PCAP_OPENS or kind == "pppoed" else None
        case Relation():
            return _relation(atom)
        case Member(keys=(key,), items=SetLiteral() as items):
            return _member(key, items)
        case TcpFlags(outer=False):
            flags = Binary("&", Access("tcp", Const(_FLAGS_AT)), Const(atom.mask))
            return Relation("==", flags, Const(atom.value))
        case _:
            return None


def vid_test(tag: int, values: Value) -> Match | None:
    """The VID of the tag at this depth, 0 the outermost, by its bytes."""
    return _each(
        values, lambda item: _compared(Binary("&", Access("ether", Const(14 + 4 * tag), 2), Const(_VID)), item)
    )


def ethertype_test(tags: int, values: Value) -> Match | None:
    """The EtherType behind so many tags, by its bytes."""
    return _each(values, lambda item: _compared(Access("ether", Const(12 + 4 * tags), 2), item))


def either(items: list[Match]) -> Match:
    """An `or` that tcpdump reads as it is meant: with every `and` in parentheses."""
    shown: list[Match] = [Paren(item) if isinstance(item, And) else item for item in items]
    return shown[0] if len(shown) == 1 else Or(tuple(shown))


def _each(value: Value, one: Callable[[Value], Match | None]) -> Match | None:
    if not isinstance(value, SetLiteral):
        return one(value)
    parts = [part for item in value.items if (part := one(item)) is not None]
    if not parts or len(parts) < len(value.items):
        return None
    return parts[0] if len(parts) == 1 else Paren(either(parts))


def _primitive(test: Primitive, item: Value) -> Match | None:
    match item:
        case NumberRange() if test.type in ("port", "portrange"):
            return replace(test, type="portrange", value=item)
        case NumberRange() | IPv4Range() | IPv6Range() | SetLiteral():
            return None
        case IPv4() | IPv6() if test.type != "net" and isinstance(test.value, SetLiteral):
            return replace(test, type="host" if item.length is None else "net", value=item)
        case Number() if test.type == "portrange":
            return replace(test, type="port", value=item)
        case _:
            return replace(test, value=item)


def _relation(test: Relation) -> Match | None:
    left = _arith(test.left)
    match test.right:
        case IPv4() | IPv6() | Mac():
            return None
        case right_side:
            right = _arith(right_side)
            return None if left is None or right is None else replace(test, left=left, right=right)


def _member(key: KeyField | Arith, items: SetLiteral) -> Match | None:
    if not isinstance(key, KeyField):
        number = _arith(key)
        return None if number is None else _each(items, lambda item: _compared(number, item))
    words = key.text.split()
    if key.outer or words[-1] in ("vlan", "vxlan", "ifindex"):
        return None
    proto = None if words[0] in ("src", "dst", "proto") else words[0]
    kind = words[-1]
    test = Primitive(
        proto,
        "src" if "src" in words else "dst" if "dst" in words else None,
        "port" if kind == "port" else "proto" if kind == "proto" else None,
        items,
    )
    return in_pcap_forms(test)


def _compared(number: Arith, item: Value) -> Match | None:
    def relation(op: RelOp, value: int) -> Match:
        return Relation(op, number, Const(value))

    match item:
        case Number(value):
            return relation("==", value)
        case NumberRange(low, high):
            return Paren(And((relation(">=", low), relation("<=", high))))
        case _:
            return None


def _arith(node: Arith) -> Arith | None:
    match node:
        case Const() | FrameLength():
            return node
        case FieldRef(outer=False):
            return _field(node)
        case Access(outer=False):
            offset = _arith(node.offset)
            return None if offset is None or node.proto in ("vlan", "vxlan") else replace(node, offset=offset)
        case Binary():
            left, right = _arith(node.left), _arith(node.right)
            return None if left is None or right is None else replace(node, left=left, right=right)
        case Negate() | Group():
            operand = _arith(node.operand)
            return None if operand is None else replace(node, operand=operand)
        case _:
            return None


def _field(ref: FieldRef) -> Arith | None:
    """The field's bytes, shifted and masked where it does not fill them."""
    if (ref.proto, ref.name) == ("meta", "length"):
        return FrameLength()
    row = FIELDS[ref.proto, ref.name]
    if PROTOCOLS[ref.proto].level in ("tunnel", "meta") or ref.proto == "vlan" or row.size not in _ACCESS_SIZES:
        return None
    number: Arith = Access(ref.proto, Const(row.offset), row.size)
    if row.shift:
        number = Group(Binary(">>", number, Const(row.shift)))
    return Group(Binary("&", number, Const((1 << row.bits) - 1))) if row.bits < row.size * 8 else number
