"""Which protocols a packet has → C conditions over its facts: the first words of every other condition.

Facts that a condition reads are asked of the plan.
"""

from __future__ import annotations

from ebpfc.compiler.codegen.condition import Condition, Mask, Number, Text, Within, all_of, any_of
from ebpfc.compiler.codegen.plan import LAYER_NAMES, PROTO_FACTS, Plan
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import complement

TYPE_FACTS = {0x0800: "IP", 0x86DD: "IP6", 0x0806: "ARP", 0x8035: "RARP", ir.LLC: "LLC"}
PROTO_BITS = 9
"""Of the member `proto`: 256 where there is none."""


def facts(plan: Plan, layer: int, *names: str, clear: tuple[str, ...] = ()) -> Condition:
    plan.fact(layer, *names, *clear)
    return Mask(LAYER_NAMES[layer], names, clear)


def protocol_is(test: ir.ProtoIs, plan: Plan, negated: bool = False) -> Condition:
    """The transport protocol is known, and one of the test's numbers, or none of them."""
    return all_of(facts(plan, test.layer, "PROTO"), protocol(test, plan, negated))


def protocol(test: ir.ProtoIs, plan: Plan, negated: bool = False) -> Condition:
    """Tells the transport protocol, by a fact or a compare; `proto` is 256 where there is known to be none."""
    parts = [_one(test.layer, n, plan, negated) for n in test.numbers]
    return all_of(*parts) if negated else any_of(*parts)


def _one(layer: int, number: int, plan: Plan, negated: bool) -> Condition:
    if layer in plan.proto_facts and number in PROTO_FACTS:
        fact = PROTO_FACTS[number]
        return facts(plan, layer, clear=(fact,)) if negated else facts(plan, layer, fact)
    plan.keep(layer, "proto")
    proto, one = Number(f"{LAYER_NAMES[layer]}->proto", PROTO_BITS), ((number, number),)
    text = Text(f"{proto.text} {'!=' if negated else '=='} {number}")
    return Within(proto, complement(one, PROTO_BITS) if negated else one, lambda: text)
