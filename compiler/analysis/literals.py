"""The conjunction that a rule stands for, as a set of literals: a rule with more literals matches fewer packets.

In: a match without elisions and the scope that it is read in. Out: a frozenset of hashable literals, equal when the
same test reads the same packet. A literal carries what was opened before it; parentheses of a chain dissolve when they
open nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import fields, is_dataclass

from ebpfc.compiler.ast.nodes import And, Encap, Match, Named, Not, Or, Paren, SetLiteral, Span

LARGE_SET = 32
"""Sets over this size are compared by identity: one name, one place."""

Scope = tuple[Hashable, ...]


def literals(match: Match | None, scope: Scope) -> tuple[frozenset[Hashable], Scope]:
    """The literals of one chain, and the scope that it leaves open."""
    out: set[Hashable] = set()
    members: tuple[Match, ...] = () if match is None else match.items if isinstance(match, And) else (match,)
    for member in members:
        if isinstance(member, Paren | Named) and not _opens(member):
            out |= literals(member.match, scope)[0]
            continue
        out.add((scope, shape(member)))
        if isinstance(member, Encap):
            scope = (*scope, shape(member))
    return frozenset(out), scope


def shape(node: object) -> Hashable:
    """A node without its places and names, as nested tuples."""
    if isinstance(node, Paren | Named):
        return ("(", shape(node.match))
    if isinstance(node, SetLiteral):
        if len(node.items) > LARGE_SET:
            return ("set", id(node.items))
        return ("set", frozenset(shape(item) for item in node.items))
    if isinstance(node, tuple):
        return tuple(shape(item) for item in node)
    if is_dataclass(node):
        values = (getattr(node, field.name) for field in fields(node))
        return (type(node).__name__, *(shape(value) for value in values if not isinstance(value, Span)))
    assert isinstance(node, str | int | None)
    return node


def _opens(match: Match) -> bool:
    """Whether an encapsulation stands anywhere in it, so that its parentheses end a scope."""
    return any(True for _ in _encaps(match))


def _encaps(match: Match) -> Iterator[Encap]:
    match match:
        case Encap():
            yield match
        case And() | Or():
            for item in match.items:
                yield from _encaps(item)
        case Not() | Paren() | Named():
            yield from _encaps(match.match)
        case _:
            pass
