"""Tests of which headers a packet has → C conditions over the facts of its layer; and what a load needs of them.

Out: `is_true`, `is_false` of header tests; `required`, `absent` of loads. Facts that a condition reads are asked of the
plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from ebpfc.compiler.codegen.condition import Condition, Mask, Text, all_of, any_of
from ebpfc.compiler.codegen.plan import LAYER_NAMES, PROTO_FACTS, Plan, group_of
from ebpfc.compiler.ir import program as ir

TYPE_FACTS = {0x0800: "IP", 0x86DD: "IP6", 0x0806: "ARP", 0x8035: "RARP"}
UDP = 17


def facts(plan: Plan, layer: int, *names: str, clear: tuple[str, ...] = ()) -> Condition:
    plan.fact(layer, *names, *clear)
    return Mask(LAYER_NAMES[layer], names, clear)


def is_true(test: ir.HeaderTest, plan: Plan) -> Condition:
    match test:
        case ir.TypeIs():
            return facts(plan, test.layer, TYPE_FACTS[test.ethertype])
        case ir.ProtoIs():
            return all_of(facts(plan, test.layer, "PROTO"), _proto(test, plan))
        case ir.Walked():
            return facts(plan, test.layer, f"WALKED_{test.number}")
        case ir.TagIs():
            return facts(plan, test.layer, f"TAG{test.index}")
        case ir.VxlanIs():
            return Mask(LAYER_NAMES[test.layer], (plan.vxlan(test.layer, test.port),))
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
            return all_of(facts(plan, test.layer, "PROTO"), _proto(test, plan, negated=True))
        case ir.Walked():
            not_ip6 = facts(plan, test.layer, "TYPE", clear=("IP6",))
            return any_of(not_ip6, facts(plan, test.layer, "PROTO", clear=(f"WALKED_{test.number}",)))
        case ir.TagIs():
            return facts(plan, test.layer, f"TAG{test.index}_KNOWN", clear=(f"TAG{test.index}",))
        case ir.VxlanIs():
            return _no_vxlan(test, plan)
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


def _no_vxlan(test: ir.VxlanIs, plan: Plan) -> Condition:
    """Not UDP, a later fragment, another port, or the I bit clear (RFC 7348)."""
    layer, name = test.layer, LAYER_NAMES[test.layer]
    plan.vxlan(layer, test.port)  # beside "or not this inside", what is inside must be parsed
    udp = ir.ProtoIs(layer, (UDP,))
    parts = [is_false(udp, plan), facts(plan, layer, "LATER")]
    for offset, size, differs in ((2, 2, f"B16({name}->dport) != {test.port}"), (8, 1, f"!({name}->vxlan_flags & 8)")):
        slot = plan.slot(ir.Load(layer, "udp", offset, size))
        assert slot is not None
        parts.append(all_of(facts(plan, layer, slot.fact), _proto(udp, plan), Text(differs)))
    return any_of(*parts)


def _proto(test: ir.ProtoIs, plan: Plan, negated: bool = False) -> Condition:
    """Tells the transport protocol, by a fact or a compare; `proto` is 256 where there is known to be none."""
    parts = [_proto_one(test.layer, n, plan, negated) for n in test.numbers]
    return all_of(*parts) if negated else any_of(*parts)


def _proto_one(layer: int, number: int, plan: Plan, negated: bool) -> Condition:
    if layer in plan.proto_facts and number in PROTO_FACTS:
        fact = PROTO_FACTS[number]
        return facts(plan, layer, clear=(fact,)) if negated else facts(plan, layer, fact)
    plan.keep(layer, "proto")
    return Text(f"{LAYER_NAMES[layer]}->proto {'!=' if negated else '=='} {number}")


def required(load: ir.Load | ir.LoadAt, plan: Plan) -> Condition:
    """The header that holds the load's bytes is there; they themselves are another matter."""
    return all_of(*(is_true(n, plan) for n in ir.requirements(load.layer, load.base)))


def required_of_slot(load: ir.Load, plan: Plan) -> Condition:
    """What the slot's fact does not say by itself: slots of ARP and transports are shared by several protocols."""
    if group_of(load.base) not in ("arp", "l4"):
        return all_of()
    needs = ir.requirements(load.layer, load.base)
    return all_of(*(_proto(n, plan) if isinstance(n, ir.ProtoIs) else is_true(n, plan) for n in needs))


def absent(loads: Iterable[ir.Load | ir.LoadAt], plan: Plan) -> Condition:
    """A header that one of the loads names is known not to be there, or it is of a later fragment's transport."""
    reasons = dict.fromkeys(reason for load in loads for reason in ir.absences(load.layer, load.base))
    return any_of(*(_reason(r, plan) for r in reasons))


def _reason(pred: ir.Pred, plan: Plan) -> Condition:
    match pred:
        case ir.And():
            return all_of(*(_reason(i, plan) for i in pred.items))
        case ir.Not(ir.TypeIs() | ir.ProtoIs() | ir.Walked() | ir.TagIs() | ir.VxlanIs() as test):
            return is_false(test, plan)
        case ir.FragmentIs():
            return is_true(pred, plan)
        case _:
            raise AssertionError("absences are of headers")
