"""Expressions and compares → C text, of bytes known to be there.

`texts` gives the C of a load that was read late; every other load is a slot, a member of its layer's record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from ebpfc.compiler.codegen.condition import NEVER, Condition, Text, render
from ebpfc.compiler.codegen.plan import LAYER_NAMES, Plan
from ebpfc.compiler.codegen.ranges_c import hexadecimal, member, member128
from ebpfc.compiler.ir import program as ir

Texts = Mapping[ir.Expr, str]
NONE: Texts = {}


def compared(test: ir.In | ir.Compare, plan: Plan, negated: bool = False, texts: Texts = NONE) -> Condition:
    """The compare of a test, or its complement."""
    if isinstance(test, ir.Compare):
        text = f"{value(test.left, plan, texts)} {test.op} {value(test.right, plan, texts)}"
        return Text(f"!({text})" if negated else text)
    text = value(test.value, plan, texts)
    if isinstance(test.value, ir.Load) and test.value.size == 16:
        inside = member128(text, test.ranges, plan)
    else:
        inside = member(text, test.ranges, ir.width(test.value), plan)
    if not negated:
        return inside
    return Text("1") if inside == NEVER else Text(f"!({render(inside)})")


def value(expr: ir.Expr, plan: Plan, texts: Texts = NONE) -> str:
    """The C of an expression: a number in host order (an IPv6 address: two u64 in network order)."""
    if expr in texts:
        return texts[expr]
    match expr:
        case ir.Const():
            return hexadecimal(expr.value)
        case ir.Load():
            return _slot_text(expr, plan)
        case ir.Slice():
            inner = value(expr.value, plan, texts)
            shifted = f"({inner} >> {expr.shift})" if expr.shift else inner
            if expr.shift + expr.width == ir.width(expr.value):
                return shifted
            return f"({shifted} & {hexadecimal((1 << expr.width) - 1)})"
        case ir.Bin():
            return _arithmetic(expr, plan, texts)
        case ir.Meta():
            return {
                "len": f"frame_length_{plan.suffix}(ctx)",
                "mark": "ctx->mark",
                "ifindex": f"ifindex_{plan.suffix}(ctx)",
            }[expr.what]
        case ir.Proto():
            plan.keep(expr.layer, "proto")
            return f"{LAYER_NAMES[expr.layer]}->proto"
        case ir.LoadAt():
            raise AssertionError("a computed offset is read late")
        case _:
            assert_never(expr)


def _slot_text(load: ir.Load, plan: Plan) -> str:
    slot = plan.slot(load)
    assert slot is not None
    place = f"{LAYER_NAMES[load.layer]}->{slot.member}"
    return {2: f"B16({place})", 4: f"B32({place})"}.get(load.size, place)


def _arithmetic(expr: ir.Bin, plan: Plan, texts: Texts) -> str:
    left, right = value(expr.left, plan, texts), value(expr.right, plan, texts)
    if expr.op in ("<<", ">>"):
        if isinstance(expr.right, ir.Const):
            return f"((u32){left} {expr.op} {right})" if expr.right.value < 32 else "0u"
        return f"{'SHL' if expr.op == '<<' else 'SHR'}({left}, {right})"
    if expr.op == "&":
        return f"({left} & {right})"
    return f"((u32){left} {expr.op} {right})"
