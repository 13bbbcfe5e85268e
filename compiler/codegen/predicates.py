"""A predicate in negation normal form → the C condition of "this is true", through `headers`, `compare` and `late`.

Known false is more than "not true": a header known to be absent, a later fragment, or every byte there and the compare
failing. That is what the negation of a test becomes.
"""

from __future__ import annotations

from functools import partial
from typing import get_args

from ebpfc.compiler.codegen import headers
from ebpfc.compiler.codegen.compare import compared, value
from ebpfc.compiler.codegen.condition import ALWAYS, NEVER, Condition, Mask, Number, Text, Within, all_of, any_of
from ebpfc.compiler.codegen.keyed import in_table
from ebpfc.compiler.codegen.late import is_late, late_test
from ebpfc.compiler.codegen.plan import LAYER_NAMES, Plan
from ebpfc.compiler.codegen.tracking import state_is
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import complement


def condition(pred: ir.Pred, plan: Plan) -> Condition:
    match pred:
        case ir.Bool():
            return ALWAYS if pred.value else NEVER
        case ir.And():
            return all_of(*(condition(i, plan) for i in pred.items))
        case ir.Or():
            return any_of(*(condition(i, plan) for i in pred.items))
        case ir.Not(ir.In() | ir.Compare() as test):
            return _known_false(test, plan)
        case ir.Not(ir.StateIs() as test):
            return state_is(test, plan, negated=True)
        case ir.Not(ir.InTable() as test):
            return in_table(test, plan, negated=True)
        case ir.Not():
            assert isinstance(pred.item, get_args(ir.HeaderTest)), "not a test"
            return headers.is_false(pred.item, plan)
        case ir.In() | ir.Compare():
            return _true(pred, plan)
        case ir.InTable():
            return in_table(pred, plan)
        case ir.StateIs():
            return state_is(pred, plan)
        case _:
            if pred not in plan.true:
                plan.true[pred] = headers.is_true(pred, plan)
            return plan.true[pred]


def _true(test: ir.In | ir.Compare, plan: Plan) -> Condition:
    if is_late(test, plan):
        return Text(f"{late_test(test, plan)}(ctx, w) == YES")
    return all_of(_there(test, plan), _compared(test, plan))


def _known_false(test: ir.In | ir.Compare, plan: Plan) -> Condition:
    if is_late(test, plan):
        return Text(f"{late_test(test, plan)}(ctx, w) == NO")
    differs = all_of(_there(test, plan), _compared(test, plan, negated=True))
    return any_of(headers.absent(ir.test_loads(test), plan), differs)


def _compared(test: ir.In | ir.Compare, plan: Plan, negated: bool = False) -> Condition:
    """Of bytes known to be there; a number's ranges stay what they are until the C is printed."""
    if isinstance(test, ir.Compare) or not test.ranges:
        return compared(test, plan, negated)
    load, bits = test.value, ir.width(test.value)
    header = f"{LAYER_NAMES[load.layer]} {load.base}" if isinstance(load, ir.Load) else ""
    ranges = complement(test.ranges, bits) if negated else test.ranges
    return Within(Number(value(load, plan), bits, header), ranges, partial(compared, test, plan, negated))


def _there(test: ir.In | ir.Compare, plan: Plan) -> Condition:
    """Every byte that the test reads is there, in the header that it names."""
    return all_of(*(_is_there(load, plan) for load in ir.test_loads(test)))


def _is_there(load: ir.Load | ir.LoadAt, plan: Plan) -> Condition:
    assert isinstance(load, ir.Load)
    if load not in plan.there:
        slot = plan.slot(load)
        assert slot is not None
        fact = Mask(LAYER_NAMES[load.layer], plan.fact(load.layer, slot.fact))
        plan.there[load] = all_of(fact, headers.required_of_slot(load, plan))
    return plan.there[load]
