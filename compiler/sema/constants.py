"""Arithmetic without a packet → its value.

In: an `Arith` whose names are resolved. Out: an unsigned number of 32 bits, or None where it reads the packet or
divides by zero.
"""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler.ast.nodes import Access, Arith, Binary, Const, ConstName, FieldRef, FrameLength, Group, Negate

_WORD = 0xFFFFFFFF


def fold(node: Arith) -> int | None:
    """The value of arithmetic without a packet (unsigned 32 bit, shifts by 32 or more give 0), or None."""
    match node:
        case Const():
            return node.value & _WORD
        case Group():
            return fold(node.operand)
        case Negate():
            value = fold(node.operand)
            return None if value is None else -value & _WORD
        case Binary():
            left, right = fold(node.left), fold(node.right)
            return None if left is None or right is None else _compute(node.op, left, right)
        case ConstName() | FrameLength() | FieldRef() | Access():
            return None
        case _:
            assert_never(node)


def _compute(op: str, left: int, right: int) -> int | None:
    match op:
        case "/" | "%":
            if right == 0:
                return None
            return left // right if op == "/" else left % right
        case "<<":
            return left << right & _WORD if right < 32 else 0
        case ">>":
            return left >> right if right < 32 else 0
        case "+":
            return left + right & _WORD
        case "-":
            return left - right & _WORD
        case "*":
            return left * right & _WORD
        case "&":
            return left & right
        case "|":
            return left | right
        case _:
            return left ^ right
