"""Arithmetic of the tree: constants, fields, bytes and what is computed of them; the union `Arith`.

In: nothing (data only). All of it is unsigned 32 bit and wraps; fields wider than that stand alone, beside `==`, `!=`
or `in`. After `resolve` no `ConstName` is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ebpfc.compiler.ast.places import Span, span_field

ArithOp = Literal["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]
RelOp = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Const:
    """A number in arithmetic (unsigned 32 bit)."""

    value: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class ConstName:
    """A named constant not looked up yet (`tcp-syn`, `icmptype`); `resolve` makes it a `Const`."""

    text: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class FrameLength:
    """`len`, `length`: bytes of the whole frame, tags included."""

    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class FieldRef:
    """`ip.ttl`: a row of the field table. `outer` reads the frame's own packet whatever is open."""

    proto: str
    name: str
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Access:
    """`proto[offset:size]`, size 1, 2 or 4, big-endian."""

    proto: str
    offset: Arith
    size: int = 1
    outer: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Binary:
    op: ArithOp
    left: Arith
    right: Arith
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus, modulo 2**32."""

    operand: Arith
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses round arithmetic, kept so that the printer gives back what was written."""

    operand: Arith
    span: Span = span_field()


Arith: TypeAlias = Const | ConstName | FrameLength | FieldRef | Access | Binary | Negate | Group
