"""Writes elided qualifiers out. In: a match as its author wrote it. Out: the same without `Elided`.

A value alone takes the qualifiers of the primitive before it in the text, through parentheses: in
`tcp dst port 80 or (443 or 8080)` all three are TCP destination ports. A named match stands for itself: what is in it
lends nothing to what follows, nor borrows from what is before.
"""

from __future__ import annotations

from dataclasses import replace

from ebpfc.compiler.ast.nodes import And, Block, Elided, Match, Named, Not, Or, Paren, Policy, Primitive, Rule


def write_out(match: Match) -> Match:
    """Raises ValueError when a value has no primitive before it; a checked policy has none such."""
    return _write_out(match, None)[0]


def _write_out(match: Match, before: Primitive | None) -> tuple[Match, Primitive | None]:
    """`before` is the last primitive in the text so far; the second result is the one at the end of this match."""
    match match:
        case Primitive():
            return match, match
        case Elided(value):
            if before is None:
                raise ValueError("a value stands alone and no qualifiers stand before it")
            return replace(before, value=value), before
        case Named(name, inside):
            return Named(name, write_out(inside), match.span), None
        case Paren(inside):
            written, before = _write_out(inside, before)
            return Paren(written, match.span), before
        case Not(inside):
            written, before = _write_out(inside, before)
            return Not(written, match.span), before
        case And(items) | Or(items):
            done: list[Match] = []
            for item in items:
                written, before = _write_out(item, before)
                done.append(written)
            return replace(match, items=tuple(done)), before
        case _:
            return match, before


def write_out_policy(policy: Policy) -> Policy:
    """The policy with every match written out; rules keep their numbers."""
    body = _body(policy.body)
    return replace(policy, body=body)


def _body(body: tuple[Rule | Block, ...]) -> tuple[Rule | Block, ...]:
    return tuple(_rule(entry) if isinstance(entry, Rule) else _block(entry) for entry in body)


def _rule(rule: Rule) -> Rule:
    return rule if rule.match is None else replace(rule, match=write_out(rule.match))


def _block(block: Block) -> Block:
    orelse = block.orelse
    return replace(
        block,
        match=None if block.match is None else write_out(block.match),
        body=_body(block.body),
        orelse=_block(orelse) if isinstance(orelse, Block) else None if orelse is None else _body(orelse),
    )
