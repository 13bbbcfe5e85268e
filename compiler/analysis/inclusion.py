"""What a test says in numbers, so that one may be seen to imply another: `src net 10.1.0.0/16`, `src net 10.0.0.0/8`.

In: a match without elisions, in whose chain nothing is opened. Out: claims, each a way to read the packet and numbers.
`claims` are true whenever the match is; of `alternatives` one is enough to make the match true (not unknown: the bytes
that a claim reads are the same). Sound and not complete: what is missing implies nothing, and is implied by nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache

from ebpfc.compiler.analysis.number_line import is_large, numbers_of
from ebpfc.compiler.analysis.properties import width
from ebpfc.compiler.ast.nodes import (
    Access,
    And,
    Arith,
    Cast,
    Const,
    FieldRef,
    Group,
    IPv4,
    IPv6,
    LengthTest,
    Mac,
    Match,
    Member,
    Named,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    Relation,
    SetLiteral,
    TcpFlags,
    Value,
)
from ebpfc.compiler.fields import IPV6_EXTENSIONS, PROTOCOLS
from ebpfc.compiler.ir.ranges import Ranges, relation, union


@dataclass(frozen=True, slots=True)
class Claim:
    """What is read in the way `reading` lies in `numbers`."""

    reading: Hashable
    numbers: Ranges


_TRUE: Ranges = ((1, 1),)


def claims(match: Match) -> tuple[Claim, ...]:
    """What is true whenever the match is."""
    match match:
        case Paren() | Named():
            return claims(match.match)
        case And():
            return tuple(claim for item in match.items for claim in claims(item))
        case Or():
            first, *others = (claims(item) for item in match.items)
            joined = (_joined(claim, others) for claim in first)
            return tuple(claim for claim in joined if claim is not None)
        case Primitive():
            return (*_weaker(match), *_headers(match.proto, match.outer))
        case ProtoTest():
            return _headers(match.proto, match.outer)
        case TcpFlags():
            return _headers("tcp", match.outer)
        case Cast(proto=("ip" | "ip6") as proto):
            return _headers(proto, match.outer)
        case Relation():
            sides = (match.left, match.right) if isinstance(match.right, Group | FieldRef | Access) else (match.left,)
            return (*_own(match), *(claim for side in sides for claim in _read(side)))
        case Member():
            return (*_own(match), *(claim for key in match.keys if not _is_key(key) for claim in _read(key)))
        case _:
            return _own(match)


def alternatives(match: Match) -> tuple[Claim, ...]:
    """Claims of which each makes the match true; none where numbers cannot say it."""
    match match:
        case Paren() | Named():
            return alternatives(match.match)
        case Or():
            found: dict[Hashable, Ranges] = {}
            for claim in (claim for item in match.items for claim in alternatives(item)):
                found[claim.reading] = union(found.get(claim.reading, ()), claim.numbers)
            return tuple(Claim(reading, numbers) for reading, numbers in found.items())
        case Primitive(value=value):
            if not _is_exact(value):
                return ()
            reading = _reading(match.type, match.proto, match.dir, match.outer)
            return (Claim(reading, numbers_of(value)),)
        case ProtoTest():
            return (Claim(("header", match.proto, match.outer), _TRUE),)
        case Member(items=SetLiteral() as value) | Relation(right=IPv4() as value) if not _is_exact(value):
            return ()
        case _:
            return _own(match)


def _joined(claim: Claim, others: list[tuple[Claim, ...]]) -> Claim | None:
    """The claim made wide enough for every other branch; None where one says nothing of it."""
    numbers = claim.numbers
    for branch in others:
        same = next((other for other in branch if other.reading == claim.reading), None)
        if same is None:
            return None
        numbers = union(numbers, same.numbers)
    return Claim(claim.reading, numbers)


def _is_exact(value: Value) -> bool:
    """Whether `numbers_of` gives the value's numbers and no more."""
    items = value.items if isinstance(value, SetLiteral) else (value,)
    return not is_large(value) and not any(isinstance(item, IPv4) and item.mask is not None for item in items)


def _reading(kind: str | None, proto: str | None, way: str | None, outer: bool) -> Hashable:
    kind = {"portrange": "port", "host": "address", "net": "address", None: "address"}.get(kind, kind)
    return kind, proto, None if way == "src or dst" else way, outer


def _weaker(node: Primitive) -> list[Claim]:
    """`tcp src port 5` says `src port 5`, `tcp port 5` and `port 5` as well."""
    numbers = numbers_of(node.value)
    return [Claim(reading, numbers) for reading in _weaker_readings(node.type, node.proto, node.dir, node.outer)]


@cache
def _weaker_readings(kind: str | None, proto: str | None, way: str | None, outer: bool) -> tuple[Hashable, ...]:
    protocols = (proto,) if proto in ("ether", None) else (proto, None)
    ways = {"src and dst": ("src", "dst", None), "src or dst": (None,), None: (None,)}.get(way, (way, None))
    return tuple(_reading(kind, one, two, outer) for one in protocols for two in ways)


@cache
def _headers(proto: str | None, outer: bool) -> tuple[Claim, ...]:
    """The header is there, and the one below where only one carries it. Of an extension header nothing is said."""
    row = PROTOCOLS.get(proto) if proto is not None else None
    if row is None or row.level not in ("net", "transport") or {row.ipv4, row.ipv6} & set(IPV6_EXTENSIONS):
        return ()
    names = {row.name} | {
        below.name for below in PROTOCOLS.values() if below.level == "net" and below.ethertypes == row.ethertypes
    }
    return tuple(Claim(("header", name, outer), _TRUE) for name in sorted(names))


def _own(match: Match) -> tuple[Claim, ...]:
    """A field, or the frame's length, against constants."""
    match match:
        case LengthTest():
            return (Claim("length", relation("<=" if match.kind == "less" else ">=", match.value, 32)),)
        case Relation(right=Const() as right) if width(match.left) and _field(match.left) is not None:
            return (Claim(_field(match.left), relation(match.op, right.value, width(match.left))),)
        case Relation(op="==", right=(IPv4() | IPv6() | Mac()) as right) if _field(match.left) is not None:
            return (Claim(_field(match.left), numbers_of(right)),)
        case Member(keys=((FieldRef() | Access() | Group()) as key,), items=SetLiteral() as items):
            return (Claim(_field(key), numbers_of(items)),) if _field(key) is not None else ()
        case _:
            return ()


def _field(node: Arith) -> Hashable:
    match node:
        case Group():
            return _field(node.operand)
        case FieldRef():
            return "field", node.proto, node.name, node.outer
        case Access(offset=Const() as offset):
            return "bytes", node.proto, offset.value, node.size, node.outer
        case _:
            return None


def _read(node: object) -> tuple[Claim, ...]:
    match node:
        case Group():
            return _read(node.operand)
        case FieldRef() | Access():
            return _headers(node.proto, node.outer)
        case _:
            return ()


def _is_key(key: object) -> bool:
    return not isinstance(key, FieldRef | Access | Group)
