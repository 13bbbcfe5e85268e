"""Writes elided qualifiers out: in a match as its author wrote it, out the same with a Primitive for every Elided.

Assumes a checked policy, where each Elided has a primitive before it in the text.
"""

from __future__ import annotations

from dataclasses import replace

from ebpfc.compiler.ast.nodes import And, Elided, Match, Named, Not, Or, Paren, Primitive


def without_elisions(match: Match) -> Match:
    return _written(match, [])


def _written(match: Match, before: list[Primitive]) -> Match:
    """`before` holds the last primitive of the text, once there is one."""
    match match:
        case Primitive():
            before[:] = [match]
            return match
        case Elided():
            return replace(before[0], value=match.value, span=match.span)
        case And() | Or():
            items = tuple([_written(item, before) for item in match.items])
            same = all(new is old for new, old in zip(items, match.items, strict=True))
            return match if same else replace(match, items=items)
        case Not() | Paren() | Named():
            inner = _written(match.match, [] if isinstance(match, Named) else before)
            return match if inner is match.match else replace(match, match=inner)
        case _:
            return match
