"""Computes what is constant, and turns comparisons with a constant into membership in ranges.

    (compare < (load 0 ip 8 1) (+ 2 3))   →   (in (load 0 ip 8 1) 0-4)
    (and (type 0 2048) false)             →   false

Sound in Kleene's logic: `x and false` is false and `x or true` is true whatever x is, unknown included; a comparison
with a constant reads the same bytes as the membership. A division by a constant zero is left: it is unknown.
"""

from __future__ import annotations

from ebpfc.compiler.ir.program import (
    FALSE,
    TRUE,
    And,
    Bin,
    Bool,
    Compare,
    Const,
    Expr,
    In,
    Load,
    LoadAt,
    Meta,
    Not,
    Or,
    Pred,
    Program,
    Proto,
    RelOp,
    Slice,
    width,
)
from ebpfc.compiler.ir.ranges import Ranges, contains, intersection, relation
from ebpfc.compiler.passes.rewrite import bottom_up, map_predicates, with_items

MASK = 0xFFFFFFFF
_SWAPPED: dict[RelOp, RelOp] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def fold_constants(program: Program) -> Program:
    return map_predicates(program, lambda pred: bottom_up(pred, _fold))


def arithmetic(op: str, a: int, b: int) -> int | None:
    """Unsigned 32-bit arithmetic that wraps; None for a division by zero. Shifts by 32 or more give 0."""
    match op:
        case "+":
            return (a + b) & MASK
        case "-":
            return (a - b) & MASK
        case "*":
            return (a * b) & MASK
        case "/":
            return a // b if b else None
        case "%":
            return a % b if b else None
        case "&":
            return a & b
        case "|":
            return a | b
        case "^":
            return a ^ b
        case "<<":
            return (a << b) & MASK if b < 32 else 0
        case _:
            return a >> b if b < 32 else 0


def _fold(pred: Pred) -> Pred:
    match pred:
        case And():
            return _chain(pred, TRUE, FALSE)
        case Or():
            return _chain(pred, FALSE, TRUE)
        case Not(Bool(true)):
            return Bool(not true)
        case In():
            value = expression(pred.value)
            if isinstance(value, Const):
                return Bool(contains(pred.ranges, value.value))
            ranges = _possible(value, pred.ranges)
            return pred if value is pred.value and ranges is pred.ranges else In(value, ranges)
        case Compare():
            return _compare(pred.op, expression(pred.left), expression(pred.right))
        case _:
            return pred


def _possible(value: Expr, ranges: Ranges) -> Ranges:
    """Without the numbers that a mask rules out: `x & 15` is never 255. What is left is compared all the same."""
    match value:
        case Bin("&", _, Const(mask)) | Bin("&", Const(mask), _):
            clipped = intersection(ranges, ((0, mask),))
            return tuple((low, high) for low, high in clipped if low != high or not low & ~mask)
        case _:
            return ranges


def _chain(pred: And | Or, unit: Bool, zero: Bool) -> Pred:
    """`unit` says nothing in it, `zero` says all."""
    constants = [item for item in pred.items if isinstance(item, Bool)]
    if zero in constants:
        return zero
    items: list[Pred] = [item for item in pred.items if item != unit] if constants else list(pred.items)
    return unit if not items else items[0] if len(items) == 1 else with_items(pred, items)


def _compare(op: RelOp, left: Expr, right: Expr) -> Pred:
    match left, right:
        case Const(), Const():
            return Bool(contains(relation(op, right.value, 32), left.value))
        case _, Const():
            return In(left, _possible(left, relation(op, right.value, width(left))))
        case Const(), _:
            return In(right, _possible(right, relation(_SWAPPED[op], left.value, width(right))))
        case _:
            return Compare(op, left, right)


def expression(expr: Expr) -> Expr:
    """The expression with its constant parts computed; an offset that became constant makes a plain load."""
    match expr:
        case Load() | Const() | Meta() | Proto():
            return expr
        case Bin():
            left, right = expression(expr.left), expression(expr.right)
            if isinstance(left, Const) and isinstance(right, Const):
                value = arithmetic(expr.op, left.value, right.value)
                if value is not None:
                    return Const(value)
            return Bin(expr.op, left, right)
        case Slice():
            inner = expression(expr.value)
            return expr if inner is expr.value else Slice(inner, expr.shift, expr.width)
        case LoadAt():
            offset = expression(expr.offset)
            if isinstance(offset, Const):
                return Load(expr.layer, expr.base, offset.value, expr.size)
            return LoadAt(expr.layer, expr.base, offset, expr.size)
