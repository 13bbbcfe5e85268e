"""AST arithmetic, field references and accessors → IR expressions, read from the open packet."""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.fields import FIELDS, PROTOCOLS
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.lower.scope import FRAME, Scope


def field(proto: str, name: str, scope: Scope) -> ir.Expr:
    """One row of the field table as an expression."""
    row = FIELDS[proto, name]
    if proto == "meta":
        return ir.Meta("len" if name == "length" else "mark")
    layer, base = scope.layer, proto
    if proto == "vlan":
        base = f"tag{scope.tag}"
    elif PROTOCOLS[proto].level == "tunnel":
        header = scope.header(proto)  # type: ignore[arg-type]
        if (proto, name) == ("gre", "key"):
            return ir.Load(header.layer, "gre-key", 0, row.size)
        layer, base = header.layer, header.base
    load = ir.Load(layer, base, row.offset, row.size)
    return ir.Slice(load, row.shift, row.width) if row.width else load


def expression(arith: nodes.Arith, scope: Scope) -> ir.Expr:
    match arith:
        case nodes.Const():
            return ir.Const(arith.value & 0xFFFFFFFF)
        case nodes.FrameLength():
            return ir.Meta("len")
        case nodes.FieldRef():
            return field(arith.proto, arith.name, FRAME if arith.outer else scope)
        case nodes.Access():
            layer = 0 if arith.outer else scope.layer
            offset = expression(arith.offset, scope)
            if isinstance(offset, ir.Const):
                return ir.Load(layer, arith.proto, offset.value, arith.size)
            return ir.LoadAt(layer, arith.proto, offset, arith.size)
        case nodes.Binary():
            return ir.Bin(arith.op, expression(arith.left, scope), expression(arith.right, scope))
        case nodes.Negate():
            return ir.Bin("-", ir.Const(0), expression(arith.operand, scope))
        case nodes.Group():
            return expression(arith.operand, scope)
        case nodes.ConstName():
            raise AssertionError("resolve leaves no constant's name")
        case _:
            assert_never(arith)
