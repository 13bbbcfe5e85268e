"""A match → a predicate: walks chains from the left, keeping what is open (scope) and what may be elided.

Scope and elision are threaded the way a reader reads. An encapsulation that is a direct member of an `and` chain opens
the packet inside for the members after it; parentheses, `or`, `not` and named matches start a chain of their own from
what is open around them, and what they open ends with them. A value alone takes the qualifiers of the primitive that
stands before it in the text, wherever that is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.lower import atoms, state, values
from ebpfc.compiler.lower.scope import FRAME, Scope, encap_at


class MatchLowering:
    """Lowers one match; `before` is the qualified primitive that an elided value takes after."""

    def __init__(self, direction: nodes.Direction, netmask: int | None) -> None:
        self.direction = direction
        self.netmask = netmask
        self.before: nodes.Primitive | None = None

    def lower(self, match: nodes.Match | None, scope: Scope) -> tuple[ir.Pred, Scope]:
        """The predicate, and what is open behind the match."""
        if match is None:
            return ir.TRUE, scope
        members = match.items if isinstance(match, nodes.And) else (match,)
        out: list[ir.Pred] = []
        for member in members:
            if isinstance(member, nodes.Encap):
                pred, scope = self.encap(member, scope)
            else:
                pred = self.closed(member, scope)
            out.append(pred)
        return atoms.all_of(out), scope

    def closed(self, match: nodes.Match, scope: Scope) -> ir.Pred:
        """A member that opens nothing for its neighbours."""
        match match:
            case nodes.And():
                return self.lower(match, scope)[0]
            case nodes.Or():
                return ir.Or(tuple(self.lower(item, scope)[0] for item in match.items))
            case nodes.Not():
                return ir.Not(self.lower(match.match, scope)[0])
            case nodes.Paren():
                return self.lower(match.match, scope)[0]
            case nodes.Named():
                outside, self.before = self.before, None
                pred = self.lower(match.match, scope)[0]
                self.before = outside
                return pred
            case _:
                return self.atom(match, scope)

    def encap(self, node: nodes.Encap, scope: Scope) -> tuple[ir.Pred, Scope]:
        if node.kind == "vlan":
            index = scope.tags + 1
            tag = ir.TagIs(scope.layer, index)
            opened = replace(scope, tags=index)
            if node.values is None:
                return tag, opened
            vid = ir.Slice(ir.Load(scope.layer, f"tag{index}", 0, 2), 0, 12)
            return ir.In(vid, values.numbers(node.values)), opened
        if node.kind == "pppoed":
            return encap_at(scope.layer, "pppoed"), scope
        inside = scope.opened(node.kind, node.port)
        if node.values is None:
            return inside.through[-1], inside
        return ir.In(atoms.encap_value(node.kind, inside), values.numbers(node.values)), inside

    def atom(self, node: nodes.Atom, scope: Scope) -> ir.Pred:
        here = FRAME if getattr(node, "outer", False) else scope
        match node:
            case nodes.Primitive():
                self.before = node
                return atoms.primitive(node, here)
            case nodes.Elided():
                assert self.before is not None
                again = replace(self.before, value=node.value)
                return atoms.primitive(again, FRAME if again.outer else scope)
            case nodes.ProtoTest():
                return atoms.protocol(node.proto, here)
            case nodes.Cast():
                return atoms.cast(node, here, self.netmask)
            case nodes.LengthTest():
                return ir.Compare("<=" if node.kind == "less" else ">=", ir.Meta("len"), ir.Const(node.value))
            case nodes.DirectionTest():
                return ir.Bool(node.direction == self.direction)
            case nodes.IfindexTest():
                return ir.In(ir.Meta("ifindex"), ((node.value, node.value),))
            case nodes.Relation():
                return atoms.relation_test(node, here)
            case nodes.Member(items=nodes.TableName(name)):
                return ir.InTable(name, state.looked_up(node, scope))
            case nodes.Member():
                return atoms.member(node, FRAME if getattr(node.keys[0], "outer", False) else here)
            case nodes.TcpFlags():
                return atoms.tcp_flags(node, here)
            case nodes.FragmentTest():
                return ir.FragmentIs(here.layer, node.kind)
            case nodes.MalformedTest():
                return ir.MalformedIs(here.layer)
            case nodes.StateTest():
                return ir.StateIs(here.layer, node.state, here.opener)
            case nodes.Encap() | nodes.Named() | nodes.PayloadTest() | nodes.ReservedTest():
                raise AssertionError(f"the checker lets no {type(node).__name__} come here")
            case _:
                assert_never(node)
