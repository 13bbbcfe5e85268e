"""The conjunction that a rule stands for, as a set of literals: a rule with more literals matches fewer packets.

In: a match without elisions and the scope that it is read in. Out: an ordered set of literals, equal when the same test
reads the same packet, each with what it says in numbers (`inclusion.py`). A literal carries what was opened before it;
parentheses of a chain dissolve when they open nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeAlias

from ebpfc.compiler.analysis.atoms import atoms
from ebpfc.compiler.analysis.inclusion import Claim, alternatives, claims
from ebpfc.compiler.ast.nodes import And, Encap, Match, Named, Not, Or, Paren, SetLiteral

LARGE_SET = 32
"""Sets over this size are compared by identity: one name, one place."""

Scope = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """`claims` are true whenever the literal is, and one of `alternatives` makes it true; both for its own scope."""

    scope: Scope
    shape: Hashable
    claims: tuple[Claim, ...] = field(default=(), compare=False)
    alternatives: tuple[Claim, ...] = field(default=(), compare=False)


Literals: TypeAlias = dict[Literal, None]
"""An ordered set: what is found through it does not hang on how strings are hashed."""


def literals(match: Match | None, scope: Scope) -> tuple[Literals, Scope]:
    """The literals of one chain, and the scope that it leaves open."""
    out: Literals = {}
    members: tuple[Match, ...] = () if match is None else match.items if isinstance(match, And) else (match,)
    for member in members:
        opens = _opens(member)
        if isinstance(member, Paren | Named) and not opens:
            out |= literals(member.match, scope)[0]
            continue
        said, wanted = ((), ()) if opens else (claims(member), alternatives(member))
        out[Literal(scope, shape(member), said, wanted)] = None
        if opens and isinstance(member, Encap):
            scope = (*scope, shape(member))
    return out, scope


def shape(node: object) -> Hashable:
    """A node without its places and names, as nested tuples."""
    if node is None or isinstance(node, str | int):
        return node
    if isinstance(node, Paren | Named):
        return ("(", shape(node.match))
    if isinstance(node, SetLiteral):
        if len(node.items) > LARGE_SET:
            return ("set", id(node.items))
        return ("set", frozenset([shape(item) for item in node.items]))
    if isinstance(node, tuple):
        return tuple([shape(item) for item in node])
    parts = _compared(type(node))  # type: ignore[arg-type] # every type can be hashed
    return (type(node).__name__, *[shape(getattr(node, name)) for name in parts])


@cache
def _compared(kind: Any) -> tuple[str, ...]:
    """The fields of a record of the tree but for its places."""
    return tuple(part.name for part in fields(kind) if part.compare)


def _opens(match: Match) -> bool:
    """Whether an encapsulation stands anywhere in it, so that its parentheses end a scope."""
    if not isinstance(match, And | Or | Not | Paren | Named):
        return isinstance(match, Encap) and match.kind != "pppoed"
    return any(_opens(atom) for atom in atoms(match))
