"""Tests of one value become one test: what they ask is a set.

    (or (in E 1-1) (in E 5-9))               →   (in E 1-1 5-9)
    (and (in E 1-9) (in E 5-12))             →   (in E 5-9)
    (and (not (in E 1-1)) (not (in E 2-2)))  →   (not (in E 1-2))

Sound: both tests read the same bytes of the same header, so they are false (no such header) or unknown (bytes missing)
together, and otherwise compare one number. The merged test stands where the first stood; order does not matter.
"""

from __future__ import annotations

from ebpfc.compiler.ir.program import And, Expr, In, Not, Or, Pred, Program, ProtoIs
from ebpfc.compiler.ir.ranges import Ranges, intersection, union
from ebpfc.compiler.passes.rewrite import bottom_up, map_predicates, with_items

_Key = tuple[bool, Expr | tuple[str, int]]


def merge_sets(program: Program) -> Program:
    return map_predicates(program, lambda pred: bottom_up(pred, _merge))


def _merge(pred: Pred) -> Pred:
    match pred:
        case And() | Or():
            return _rebuild(pred)
        case _:
            return pred


def _rebuild(pred: And | Or) -> Pred:
    merged: dict[_Key | Pred, Pred] = {}
    for item in pred.items:
        key = _key(item)
        if key is None:
            merged[item] = item
        elif key in merged:
            # a union where either suffices: `or` of members, `and` of non-members
            merged[key] = _join(merged[key], item, isinstance(pred, Or) is not key[0])
        else:
            merged[key] = item
    out = list(merged.values())
    return out[0] if len(out) == 1 else with_items(pred, out)


def _key(item: Pred) -> _Key | None:
    """Whether it is negated, and what it looks at; None for what is no set test."""
    match item:
        case Not(In(value, _)):
            return True, value
        case In():
            return False, item.value
        case Not(ProtoIs(layer, _)):
            return True, ("proto", layer)
        case ProtoIs():
            return False, ("proto", item.layer)
        case _:
            return None


def _join(a: Pred, b: Pred, unite: bool) -> Pred:
    match a, b:
        case Not(), Not():
            return Not(_join(a.item, b.item, unite))
        case In(), In():
            return In(a.value, _combined(a.ranges, b.ranges, unite))
        case ProtoIs(), ProtoIs():
            numbers = set(a.numbers) | set(b.numbers) if unite else set(a.numbers) & set(b.numbers)
            return ProtoIs(a.layer, tuple(sorted(numbers)))
        case _:
            raise AssertionError("only tests of one value are joined")


def _combined(a: Ranges, b: Ranges, unite: bool) -> Ranges:
    return union(a, b) if unite else intersection(a, b)
