"""Negation normal form: `not` stands only before a test.

    (not (and (type 0 2048) (not (tag 0 1))))   →   (or (not (type 0 2048)) (tag 0 1))

Sound: De Morgan's laws and double negation hold in Kleene's logic. Behind this pass "unknown" needs no value of its
own: a test and its negation both ask that their bytes be there, and nothing else negates.
"""

from __future__ import annotations

from ebpfc.compiler.ir.program import And, Bool, Not, Or, Pred, Program
from ebpfc.compiler.passes.rewrite import map_predicates, with_items


def push_negations(program: Program) -> Program:
    return map_predicates(program, lambda pred: _push(pred, False))


def _push(pred: Pred, negated: bool) -> Pred:
    match pred:
        case Not():
            return _push(pred.item, not negated)
        case And() | Or():
            items = [_push(i, negated) for i in pred.items]
            if not negated:
                return with_items(pred, items)
            return Or(tuple(items)) if isinstance(pred, And) else And(tuple(items))
        case Bool():
            return Bool(pred.value != negated)
        case _:
            return Not(pred) if negated else pred
