"""Relations and arithmetic. In: the expression and its scope. Out: its truth (ADR 0001, rule 21).

False when a protocol that it names is known to be absent; else unknown when a byte is missing or it divides by zero;
else compared. Numbers are unsigned 32 bit and wrap; addresses are compared whole.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    Access,
    Arith,
    Binary,
    Const,
    ConstName,
    FieldRef,
    FrameLength,
    Group,
    IPv4,
    IPv6,
    Mac,
    Negate,
    Relation,
    RelOp,
)
from ebpfc.testing.semantics.headers import is_absent, is_field_absent, read_header, read_named
from ebpfc.testing.semantics.kleene import Truth
from ebpfc.testing.semantics.scope import Scope
from ebpfc.testing.semantics.values import holds

WORD = 0xFFFF_FFFF
COMPARE: dict[RelOp, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def relation(test: Relation, scope: Scope) -> Truth:
    """`left op right`."""
    match test.right:
        case IPv4() | IPv6() | Mac():
            return _address_relation(test.op, test.left, test.right, scope)
        case right:
            if names_absent(test.left, scope) or names_absent(right, scope):
                return False
            left_number, right_number = number(test.left, scope), number(right, scope)
            if left_number is None or right_number is None:
                return None
            return COMPARE[test.op](left_number, right_number)


def _address_relation(op: RelOp, left: Arith, right: IPv4 | IPv6 | Mac, scope: Scope) -> Truth:
    """`ip.saddr == 10.0.0.1`, `ether.daddr != ...`; of a prefix, whether the address is in it."""
    if names_absent(left, scope):
        return False
    there = number(left, scope)
    if there is None:
        return None
    match op:
        case "==":
            return holds(right, there)
        case "!=":
            return not holds(right, there)
        case _:
            return COMPARE[op](there, right.address)


# ----------------------------------------------------------------------------------------------------------- arithmetic


def number(expression: Arith, scope: Scope) -> int | None:
    """The value; None when a byte is missing or it divides by zero. Addresses may be wider than 32 bits."""
    match expression:
        case Const(value):
            return value & WORD
        case FrameLength():
            return scope.frame.whole_length()
        case FieldRef():
            return _field(expression, scope)
        case Access(proto, offset, size, outer):
            at = number(offset, scope)
            return None if at is None else read_header(scope.reading(outer), proto, at, size)
        case Binary(op, left_side, right_side):
            left, right = number(left_side, scope), number(right_side, scope)
            return None if left is None or right is None else _calculate(op, left, right)
        case Negate(operand):
            value_or_none = number(operand, scope)
            return None if value_or_none is None else -value_or_none & WORD
        case Group(operand):
            return number(operand, scope)
        case ConstName(text):
            raise ValueError(f"{text} is not resolved")
        case _:
            assert_never(expression)


def _calculate(op: str, left: int, right: int) -> int | None:
    match op:
        case "+":
            return left + right & WORD
        case "-":
            return left - right & WORD
        case "*":
            return left * right & WORD
        case "/":
            return None if right == 0 else left // right
        case "%":
            return None if right == 0 else left % right
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "<<":
            return 0 if right >= 32 else left << right & WORD
        case ">>":
            return 0 if right >= 32 else left >> right
        case _:
            raise ValueError(f"unknown operator {op}")


def _field(ref: FieldRef, scope: Scope) -> int | None:
    scope = scope.reading(ref.outer)
    match ref.proto, ref.name:
        case "meta", "length":
            return scope.frame.whole_length()
        case "meta", "mark":
            return scope.frame.mark
        case _:
            return read_named(scope, ref)


def names_absent(expression: Arith, scope: Scope) -> bool:
    """Does it name, be it in an offset, a protocol that the packet is known not to have?"""
    for read in _reads(expression):
        there = scope.reading(read.outer)
        if is_field_absent(there, read) if isinstance(read, FieldRef) else is_absent(there, read.proto):
            return True
    return False


def _reads(expression: Arith) -> Iterator[FieldRef | Access]:
    """Every field and every access in it."""
    match expression:
        case FieldRef():
            yield expression
        case Access(_, offset):
            yield expression
            yield from _reads(offset)
        case Binary(_, left, right):
            yield from _reads(left)
            yield from _reads(right)
        case Negate(operand) | Group(operand):
            yield from _reads(operand)
        case Const() | ConstName() | FrameLength():
            pass
        case _:
            assert_never(expression)
