"""Matches of the tree: what is true or not of a packet, and `and`, `or`, `not` of it; the unions `Atom` and `Match`.

In: nothing (data only). Parentheses are kept (they end an encapsulation's scope), and elided qualifiers too
(`port 80 or 443` holds an `Elided(443)`). After `resolve` every name is spliced in: a named match is a `Named`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ebpfc.compiler.ast.arithmetic import Access, Arith, Binary, FieldRef, Group, RelOp
from ebpfc.compiler.ast.places import Span, span_field
from ebpfc.compiler.ast.values import IPv4, IPv6, Mac, SetLiteral, TableName, Value, Word

Dir = Literal["src", "dst", "src or dst", "src and dst"]
IdType = Literal["host", "net", "port", "portrange", "proto", "protochain"]
EncapKind = Literal["vlan", "vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes", "pppoed"]


@dataclass(frozen=True, slots=True)
class Primitive:
    """`[proto] [dir] [type] value`: tcpdump's qualified id. What is not written is None (dir None means src or dst)."""

    proto: str | None
    dir: Dir | None
    type: IdType | None
    value: Value
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Elided:
    """A value alone: takes the qualifiers of the primitive before it in the text (`port 80 or 443`)."""

    value: Value
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class ProtoTest:
    """A protocol's name alone: `ip`, `ip6`, `arp`, `rarp`, `tcp`, `udp`, `sctp`, `icmp`, `icmp6`, `igmp`, `stp` ..."""

    proto: str
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Cast:
    """`[ether|ip|ip6] broadcast|multicast`."""

    proto: str | None
    kind: Literal["broadcast", "multicast"]
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class LengthTest:
    """`less N` (len <= N), `greater N` (len >= N)."""

    kind: Literal["less", "greater"]
    value: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class DirectionTest:
    direction: Literal["inbound", "outbound"]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class IfindexTest:
    value: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Encap:
    """`vlan [ids]`, `vxlan [vni] [port N]` ...: true of a packet with that header, and opens what is inside."""

    kind: EncapKind
    values: Value | None = None
    port: int | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Relation:
    """`arith relop arith`; the right side may be an address where the left is an address field."""

    op: RelOp
    left: Arith
    right: Arith | IPv4 | IPv6 | Mac
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field in qualifier words, as table keys have it: `src`, `dst port`, `ether src`, `proto`, `vlan`, `ifindex`.

    `text` is the canonical spelling: one of src, dst, "src port", "dst port", proto, "ether src", "ether dst",
    vlan, vxlan, ifindex, each also with a leading protocol ("tcp dst port", "ip src").
    """

    text: str
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Member:
    """`FIELD in SET`, `(F1, F2) in TABLE`: a set, or after `resolve` the name of a table."""

    keys: tuple[KeyField | FieldRef | Access | Binary | Group, ...]
    items: SetLiteral | TableName | Word
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class TcpFlags:
    """`tcp flags S/SA`: of the flags in `mask` exactly those in `value` are set (bits of TCP byte 13)."""

    value: int
    mask: int
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class FragmentTest:
    kind: Literal["any", "first", "last"]
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class MalformedTest:
    outer: bool = False
    span: Span = span_field()


ConnectionState = Literal["new", "established", "related", "invalid"]
CONNECTION_STATES: tuple[ConnectionState, ...] = ("new", "established", "related", "invalid")
"""A packet that is tracked is in one of these, any other in none (ADR 0004)."""


@dataclass(frozen=True, slots=True)
class StateTest:
    """`state new`: what the tracked connections say of the packet that is open."""

    state: ConnectionState
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class PayloadTest:
    """`payload starts "GET "`; not built yet."""

    text: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class ReservedTest:
    """`sni "x"`, `dns "x"`, `http host "x"`: reserved for later."""

    form: str
    text: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Named:
    """A `let` match at the place of its use: counts as parenthesised."""

    name: str
    match: Match
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Paren:
    match: Match
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Not:
    match: Match
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class And:
    """A chain of two or more at one level, from left to right; never nested without a Paren."""

    items: tuple[Match, ...]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Match, ...]
    span: Span = span_field()


Atom: TypeAlias = (
    Primitive
    | Elided
    | ProtoTest
    | Cast
    | LengthTest
    | DirectionTest
    | IfindexTest
    | Encap
    | Relation
    | Member
    | TcpFlags
    | FragmentTest
    | MalformedTest
    | StateTest
    | PayloadTest
    | ReservedTest
    | Named
)
Match: TypeAlias = Atom | Paren | Not | And | Or
