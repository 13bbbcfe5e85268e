"""A match → its tests, from left to right, whatever stands round them; a named match is looked into."""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.ast.nodes import And, Atom, Match, Named, Not, Or, Paren


def atoms(match: Match) -> Iterator[Atom]:
    match match:
        case And(items) | Or(items):
            for item in items:
                yield from atoms(item)
        case Not(inside) | Paren(inside) | Named(_, inside):
            yield from atoms(inside)
        case _:
            yield match
