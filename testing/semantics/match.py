"""Is a match true of a packet? In: a match whose elisions are written out, and the scope at its start. Out: its truth.

And the scope at its end: in an `and` chain, encapsulations open what is inside for what follows. Under `not`, `or`,
parentheses and a name, a fresh chain begins with what is open there, and what it opens is closed at its end.
"""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    And,
    Atom,
    Cast,
    DirectionTest,
    Elided,
    Encap,
    FragmentTest,
    IfindexTest,
    LengthTest,
    MalformedTest,
    Match,
    Member,
    Named,
    Not,
    Or,
    Paren,
    PayloadTest,
    Primitive,
    ProtoTest,
    Relation,
    ReservedTest,
    StateTest,
    TcpFlags,
)
from ebpfc.testing.semantics.effects import remembered
from ebpfc.testing.semantics.encapsulations import has_value, is_there
from ebpfc.testing.semantics.kleene import Truth, kleene_not, kleene_or
from ebpfc.testing.semantics.membership import member
from ebpfc.testing.semantics.primitives import cast, fragment, is_malformed, primitive, protocol, tcp_flags
from ebpfc.testing.semantics.relations import relation
from ebpfc.testing.semantics.scope import Scope
from ebpfc.testing.semantics.values import holds


def evaluate(match: Match, scope: Scope) -> tuple[Truth, Scope]:
    """One chain: its truth, and what is open at its end."""
    items = match.items if isinstance(match, And) else (match,)
    truth: Truth = True
    for item in items:
        if isinstance(item, Encap):
            one, scope = _encapsulation(item, scope)
        else:
            one = _truth(item, scope)
        if one is False:
            return False, scope
        if one is None:
            truth = None
    return truth, scope


def opened(match: Match, scope: Scope) -> Scope:
    """What is open at a chain's end where all that it asks is there, whether it is true or not."""
    for item in match.items if isinstance(match, And) else (match,):
        if isinstance(item, Encap):
            scope = _encapsulation(item, scope)[1]
    return scope


def _truth(match: Match, scope: Scope) -> Truth:
    """A member of a chain that opens nothing."""
    match match:
        case Not(inside):
            return kleene_not(evaluate(inside, scope)[0])
        case Or(items):
            return kleene_or(evaluate(item, scope)[0] for item in items)
        case And() | Encap():
            return evaluate(match, scope)[0]
        case Paren(inside) | Named(_, inside):
            return evaluate(inside, scope)[0]
        case _:
            return _atom(match, scope)


def _atom(match: Atom, scope: Scope) -> Truth:
    match match:
        case Primitive():
            return primitive(match, scope)
        case ProtoTest():
            return protocol(match, scope)
        case Cast():
            return cast(match, scope)
        case TcpFlags():
            return tcp_flags(match, scope)
        case FragmentTest():
            return fragment(match, scope)
        case MalformedTest():
            return is_malformed(match, scope)
        case Relation():
            return relation(match, scope)
        case Member():
            return member(match, scope)
        case StateTest():
            return _state(match, scope)
        case LengthTest("less", limit):
            return scope.frame.whole_length() <= limit
        case LengthTest(_, limit):
            return scope.frame.whole_length() >= limit
        case DirectionTest(direction):
            return direction == scope.direction
        case IfindexTest(index):
            return index == scope.frame.ifindex
        case Named() | Encap() | Elided() | PayloadTest() | ReservedTest():
            raise ValueError(f"{type(match).__name__} is not part of a checked policy")
        case _:
            assert_never(match)


def _state(test: StateTest, scope: Scope) -> Truth:
    """Of the packet that is open; of one that is not there unknown (ADR 0004, rule 3)."""
    tracking = remembered(scope).tracking
    if tracking is None:
        raise ValueError("`state` without `track` is not part of a checked policy")
    if scope.packet is None:
        return None
    return tracking.state(scope.layer) == test.state


def _encapsulation(encap: Encap, scope: Scope) -> tuple[Truth, Scope]:
    """What is there is open, whichever value was asked for; `pppoed` opens nothing."""
    if encap.kind == "vlan":
        return _tag(encap, scope), scope.inside_tag()
    asked = scope.asked(encap.kind, encap.port)
    there = is_there(asked)
    truth = has_value(asked, encap.values) if there and encap.values is not None else there
    return truth, scope if encap.kind == "pppoed" else scope.inside(asked, there)


def _tag(encap: Encap, scope: Scope) -> Truth:
    """`vlan [ids]` is the next tag inward (rule 2)."""
    packet = scope.packet
    truth = None if packet is None else packet.tag(scope.tags)
    if not truth or encap.values is None or packet is None or packet.link is None:
        return truth
    tci = packet.read(packet.link.tag_start(scope.tags), 0, 2)
    return None if tci is None else holds(encap.values, tci & 0xFFF)
