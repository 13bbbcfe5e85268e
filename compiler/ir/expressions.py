"""Expressions of the IR: numbers read from a packet or known of it, and arithmetic; what they load, how wide they are.

In: nothing (data). `ir.program` says how they are written, and what must be true for the bytes of a load to exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

ArithOp = Literal["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]


@dataclass(frozen=True, slots=True)
class Const:
    value: int


@dataclass(frozen=True, slots=True)
class Load:
    """`size` bytes at `offset` of header `base`, as a big-endian number: 1, 2, 4; 3 a VNI, 6 a MAC, 16 IPv6.

    A base is a protocol of the field table, `tag1`, `tag2`, `ports` (of TCP, UDP or SCTP), `llc`, or an encapsulation's
    header: an EncapName, for those over UDP with `:PORT`.
    """

    layer: int
    base: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class LoadAt:
    """A load whose offset is computed from the packet."""

    layer: int
    base: str
    offset: Expr
    size: int


@dataclass(frozen=True, slots=True)
class Slice:
    """`(value >> shift) & (2**width - 1)`."""

    value: Expr
    shift: int
    width: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Unsigned 32-bit arithmetic that wraps; shifts by 32 or more give 0."""

    op: ArithOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Meta:
    """What the hook knows beside the bytes: bytes of the frame, packet mark, interface index."""

    what: Literal["len", "mark", "ifindex"]


@dataclass(frozen=True, slots=True)
class Proto:
    """The number of the transport protocol; only in keys."""

    layer: int


Expr: TypeAlias = Const | Load | LoadAt | Slice | Bin | Meta | Proto


def loads(expr: Expr) -> Iterator[Load | LoadAt]:
    """Every load of an expression, those in offsets first."""
    match expr:
        case Load():
            yield expr
        case LoadAt():
            yield from loads(expr.offset)
            yield expr
        case Slice():
            yield from loads(expr.value)
        case Bin():
            yield from loads(expr.left)
            yield from loads(expr.right)
        case Const() | Meta() | Proto():
            return


def width(expr: Expr) -> int:
    """Bits that the value of an expression has at most."""
    match expr:
        case Load():
            return expr.size * 8
        case LoadAt():
            return expr.size * 8
        case Slice():
            return expr.width
        case Const() | Bin() | Meta() | Proto():
            return 32
