"""Chains of one level: nested `and` in `and`, `or` in `or`, repeated members and constants go.

    (and a (and b a) true)   →   (and a b)

Sound: both operators are associative and idempotent in Kleene's logic, and have their constants as units and zeros.
A membership in nothing can't be true; it becomes false (only "is true" counts by now; its negation stays).
"""

from __future__ import annotations

from ebpfc.compiler.ir.program import FALSE, TRUE, And, Bool, In, Not, Or, Pred, Program, ProtoIs
from ebpfc.compiler.passes.rewrite import map_predicates, with_items


def flatten(program: Program) -> Program:
    return map_predicates(program, _flat)


def _flat(pred: Pred) -> Pred:
    match pred:
        case And():
            return _chain(pred, TRUE, FALSE)
        case Or():
            return _chain(pred, FALSE, TRUE)
        case In(_, ()) | ProtoIs(_, ()):
            return FALSE
        case Not():
            return pred
        case _:
            return pred


def _chain(pred: And | Or, unit: Bool, zero: Bool) -> Pred:
    out: dict[Pred, None] = {}
    for item in pred.items:
        flat = _flat(item)
        for part in flat.items if type(flat) is type(pred) else (flat,):
            if not isinstance(part, Bool):
                out[part] = None
            elif part == zero:
                return zero
    found = list(out)
    return unit if not found else found[0] if len(found) == 1 else with_items(pred, found)
