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
            return replace(match, items=tuple(_written(item, before) for item in match.items))
        case Not() | Paren():
            return replace(match, match=_written(match.match, before))
        case Named():
            return replace(match, match=_written(match.match, []))
        case _:
            return match
