"""Tests of encapsulations → C conditions: `encap_true`, `encap_false`. Law: ADR 0002.

True is a fact that the parse sets. Known false is more than that fact missing: another protocol, a later fragment,
another port, or bytes of the header that are there and say otherwise.
"""

from __future__ import annotations

from ebpfc.compiler.codegen.condition import Condition, Mask, Text, all_of, any_of
from ebpfc.compiler.codegen.plan import LAYER_NAMES, Plan
from ebpfc.compiler.codegen.protocols import facts, protocol, protocol_is
from ebpfc.compiler.ir import program as ir

Otherwise = tuple[int, int, str]
"""Offset and size of bytes in the header (the transport's, over UDP), and the C of `{}`, read there, ruling it out."""
_OTHERWISE: dict[ir.EncapName, tuple[Otherwise, ...]] = {
    "vxlan": ((8, 1, "!({} & 8)"),),  # RFC 7348: the I bit
    "geneve": ((8, 1, "{} & 0xc0"),),  # RFC 8926: version
    "gtp": ((8, 1, "({} & 0xf0) != 0x30"), (9, 1, "{} != 255")),  # 3GPP TS 29.281: version 1, PT, a G-PDU
    "gre": ((1, 1, "{} & 7"),),  # RFC 2784: version
}


def encap_true(test: ir.EncapIs, plan: Plan) -> Condition:
    if test.name == "ipip":  # its protocol alone decides, wherever the header lies
        plan.encap(test)
        whole = facts(plan, test.layer, clear=("LATER",))
        return all_of(protocol_is(_carrier(test), plan), whole)
    if test.name == "mpls-2":
        plan.encap(ir.EncapIs(test.layer, "mpls-1"))
    return Mask(LAYER_NAMES[test.layer], (plan.encap(test),))


def encap_false(test: ir.EncapIs, plan: Plan) -> Condition:
    fact, layer = plan.encap(test), test.layer  # beside "or not this inside", what is inside must be parsed
    if test.name == "mpls-2":
        return any_of(encap_false(ir.EncapIs(layer, "mpls-1"), plan), facts(plan, layer, "MPLS_BOTTOM"))
    if test.name == "gre-key":  # RFC 2890
        gre = ir.EncapIs(layer, "gre")
        keyless = facts(plan, layer, plan.encap(gre), clear=(fact,))
        return any_of(encap_false(gre, plan), keyless)
    if not ir.carriers(test.name):
        return facts(plan, layer, "TYPE", clear=(fact,))
    carrier = _carrier(test)
    parts = [protocol_is(carrier, plan, negated=True), facts(plan, layer, "LATER")]
    port: tuple[Otherwise, ...] = ((2, 2, f"B16({{}}) != {test.port}"),) if test.port else ()
    base = "gre" if test.name == "gre" else "udp"
    for offset, size, differs in (*port, *_OTHERWISE.get(test.name, ())):
        slot = plan.slot(ir.Load(layer, base, offset, size))
        assert slot is not None
        there = all_of(facts(plan, layer, slot.fact), protocol(carrier, plan))
        parts.append(all_of(there, Text(differs.format(f"{LAYER_NAMES[layer]}->{slot.member}"))))
    return any_of(*parts)


def _carrier(test: ir.EncapIs) -> ir.ProtoIs:
    return ir.ProtoIs(test.layer, tuple(sorted(ir.carriers(test.name))))
