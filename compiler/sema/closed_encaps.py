"""Encapsulations of a match that open nothing for what stands behind it, though their words are there.

In: the match of a rule or a head. Out: each such `Encap`, with where it stands; and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ebpfc.compiler.ast.nodes import And, Encap, Match, Named, Or, Paren


def head_hint(encap: Encap) -> str:
    """How to open it."""
    if encap.kind == "ipip":
        return "write `ipip` directly in the `and` chain, or one block for each encapsulation"
    return f"write `{encap.kind}` directly in the `and` chain, values as a set: `{encap.kind} {{1, 2}}`"


def closed_encaps(match: Match) -> Iterator[tuple[Encap, str]]:
    """Encapsulations in `or`, parentheses or a named match, but not under `not`; those of the chain itself open."""
    for member in match.items if isinstance(match, And) else (match,):
        match member:
            case Or():
                yield from ((encap, "in an `or`") for encap in _all_encaps(member))
            case Paren():
                yield from ((encap, "in parentheses") for encap in _all_encaps(member))
            case Named():
                yield from ((replace(encap, span=member.span), "in a named match") for encap in _all_encaps(member))
            case _:
                pass


def _all_encaps(match: Match) -> Iterator[Encap]:
    match match:
        case Encap():
            yield match
        case And() | Or():
            for item in match.items:
                yield from _all_encaps(item)
        case Paren() | Named():
            yield from _all_encaps(match.match)
        case _:
            pass
