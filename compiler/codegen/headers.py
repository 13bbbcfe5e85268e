"""Tests of which headers a packet has → C conditions over the facts of its layer; and what a load needs of them.

Out: `is_true`, `is_false` of header tests; `required`, `absent` of loads. Facts that a condition reads are asked of the
plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from ebpfc.compiler.codegen.condition import NEVER, Condition, all_of, any_of
from ebpfc.compiler.codegen.encaps import encap_false, encap_true
from ebpfc.compiler.codegen.plan import Plan, group_of
from ebpfc.compiler.codegen.protocols import TYPE_FACTS, facts, protocol, protocol_is
from ebpfc.compiler.ir import program as ir


def is_true(test: ir.HeaderTest, plan: Plan) -> Condition:
    match test:
        case ir.TypeIs():
            return facts(plan, test.layer, TYPE_FACTS[test.ethertype])
        case ir.ProtoIs():
            return protocol_is(test, plan)
        case ir.Walked():
            return facts(plan, test.layer, f"WALKED_{test.number}")
        case ir.TagIs():
            return facts(plan, test.layer, f"TAG{test.index}")
        case ir.EtherIs():
            return facts(plan, test.layer, "EXISTS", *(("ETHER",) if plan.may_be_alone(test.layer) else ()))
        case ir.EncapIs():
            return encap_true(test, plan)
        case ir.FragmentIs(layer, "any"):
            return facts(plan, layer, "FRAGMENT")
        case ir.FragmentIs(layer, "first"):
            return facts(plan, layer, "FRAGMENT", clear=("LATER",))
        case ir.FragmentIs(layer, kind):
            return facts(plan, layer, "LAST" if kind == "last" else "LATER")
        case ir.MalformedIs():
            return facts(plan, test.layer, "MALFORMED")
        case _:
            assert_never(test)


def is_false(test: ir.HeaderTest, plan: Plan) -> Condition:
    match test:
        case ir.TypeIs():
            return facts(plan, test.layer, "TYPE", clear=(TYPE_FACTS[test.ethertype],))
        case ir.ProtoIs():
            return protocol_is(test, plan, negated=True)
        case ir.Walked():
            not_ip6 = facts(plan, test.layer, "TYPE", clear=("IP6",))
            return any_of(not_ip6, facts(plan, test.layer, "PROTO", clear=(f"WALKED_{test.number}",)))
        case ir.TagIs():
            return facts(plan, test.layer, f"TAG{test.index}_KNOWN", clear=(f"TAG{test.index}",))
        case ir.EtherIs():
            alone = plan.may_be_alone(test.layer)
            return facts(plan, test.layer, "EXISTS", clear=("ETHER",)) if alone else NEVER
        case ir.EncapIs():
            return encap_false(test, plan)
        case ir.FragmentIs(layer, "first"):
            whole = facts(plan, layer, "FRAGMENT_KNOWN", clear=("FRAGMENT",))
            return any_of(whole, facts(plan, layer, "LATER"))
        case ir.FragmentIs(layer, kind):
            fact = {"any": "FRAGMENT", "last": "LAST", "later": "LATER"}[kind]
            return facts(plan, layer, "FRAGMENT_KNOWN", clear=(fact,))
        case ir.MalformedIs(0):
            return facts(plan, 0, clear=("MALFORMED",))
        case ir.MalformedIs():
            return facts(plan, test.layer, "EXISTS", clear=("MALFORMED",))
        case _:
            assert_never(test)


def required(load: ir.Load | ir.LoadAt, plan: Plan) -> Condition:
    """The header that holds the load's bytes is there; they themselves are another matter."""
    return all_of(*(is_true(n, plan) for n in ir.requirements(load.layer, load.base)))


def required_of_slot(load: ir.Load, plan: Plan) -> Condition:
    """What the slot's fact does not say by itself: slots of ARP and transports are shared by several protocols."""
    if group_of(load.base) not in ("arp", "l4"):
        return all_of()
    needs = ir.requirements(load.layer, load.base)
    return all_of(*(protocol(n, plan) if isinstance(n, ir.ProtoIs) else is_true(n, plan) for n in needs))


def absent(loads: Iterable[ir.Load | ir.LoadAt], plan: Plan) -> Condition:
    """A header that one of the loads names is known not to be there, or it is of a later fragment's transport."""
    reasons = dict.fromkeys(reason for load in loads for reason in ir.absences(load.layer, load.base))
    return any_of(*(_reason(r, plan) for r in reasons))


def _reason(pred: ir.Pred, plan: Plan) -> Condition:
    match pred:
        case ir.And():
            return all_of(*(_reason(i, plan) for i in pred.items))
        case ir.Not(ir.TypeIs() | ir.ProtoIs() | ir.Walked() | ir.TagIs() | ir.EtherIs() | ir.EncapIs() as test):
            return is_false(test, plan)
        case ir.FragmentIs():
            return is_true(pred, plan)
        case _:
            raise AssertionError("absences are of headers")
