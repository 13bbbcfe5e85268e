"""What a program as a whole says about how its packets are parsed: which inner packets are opened, what ends the parse.

In: an IR program after the passes. Out: the conditions under which packets inside are parsed, the layers whose
transport protocol is told by facts, and whether `malformed` decides before all else.
"""

from __future__ import annotations

from collections.abc import Iterable

from ebpfc.compiler.codegen.compare import compared
from ebpfc.compiler.codegen.condition import Condition, Mask, Text, all_of, any_of
from ebpfc.compiler.codegen.encaps import encap_true
from ebpfc.compiler.codegen.plan import LAYER_NAMES, NEVER_OPENS, Plan
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import Ranges, intersection, normal, union
from ebpfc.compiler.ir.state import looks_inside

VNI_OFFSET, VNI_SIZE, VNI_BITS = 4, 3, 24
ALL_VNIS: Ranges = ((0, (1 << VNI_BITS) - 1),)


def told_by_facts(program: ir.Program) -> frozenset[int]:
    """Layers that are asked for `malformed`: their parse goes by the protocol anyway."""
    found = (t for step in ir.steps(program.body) for t in ir.tests(step.pred))
    return frozenset(t.layer for t in found if isinstance(t, ir.MalformedIs))


def decides_malformed(program: ir.Program) -> bool:
    """Whether the first rule decides every malformed frame, so that nothing else of it matters."""
    first = program.body[0] if program.body else None
    decides = isinstance(first, ir.RuleStep) and first.verdict is not None and not first.guards and not first.effects
    return decides and first is not None and first.pred == ir.MalformedIs(0)


def opens(program: ir.Program, plan: Plan, layer: int) -> Condition:
    """When the packet inside that of a layer is parsed: an encapsulation is there, of VXLAN with a VNI asked for; any
    where connections are kept, as the rule that asks may be another hook's."""
    outer, asked = LAYER_NAMES[layer], [e for e in plan.layers[layer].encaps if e.name not in NEVER_OPENS]
    either = any_of(*(encap_true(e, plan) for e in asked))
    few = all(e.name == "vxlan" for e in asked) and not layer and LAYER_NAMES[1] not in plan.tracked
    wanted = _vnis(program.body, ALL_VNIS) if few else ALL_VNIS
    if wanted == ALL_VNIS:
        return either
    vni = ir.Load(0, asked[0].base, VNI_OFFSET, VNI_SIZE)
    slot = plan.slot(vni)
    if slot is None or not wanted:
        return either if wanted else Text("0")
    return all_of(either, Mask(outer, plan.fact(0, slot.fact)), compared(ir.In(vni, wanted), plan))


def _vnis(body: tuple[ir.Step, ...], around: Ranges) -> Ranges:
    """The VNIs with which some test of the inner packet can count; `around` are those that come here at all."""
    found: Ranges = ()
    for step in body:
        inside = _narrowed(step.pred, around)
        found = union(found, _asked(step.pred, around))
        if any(map(looks_inside, ir.step_keys(step))):
            found = union(found, inside)
        if isinstance(step, ir.BlockStep):
            found = union(found, _vnis(step.body, inside))
            found = union(found, _vnis(step.orelse, around))
    return found


def _asked(pred: ir.Pred, around: Ranges) -> Ranges:
    match pred:
        case ir.And():
            inside = _narrowed(pred, around)
            return _all(_asked(i, inside) for i in pred.items)
        case ir.Or():
            return _all(_asked(i, around) for i in pred.items)
        case ir.Not():
            return _asked(pred.item, around)
        case ir.Bool():
            return ()
        case _:
            return around if _is_inner(pred) else ()


def _all(parts: Iterable[Ranges]) -> Ranges:
    return normal(pair for part in parts for pair in part)


def _is_inner(test: ir.Test) -> bool:
    if isinstance(test, ir.InTable):
        return looks_inside(test.key)
    if isinstance(test, ir.In | ir.Compare):
        return any(load.layer for load in ir.test_loads(test))
    return test.layer > 0


def _narrowed(pred: ir.Pred, around: Ranges) -> Ranges:
    """`around` less what a conjunction's own test of the VNI rules out."""
    for item in pred.items if isinstance(pred, ir.And) else (pred,):
        match item:
            case ir.In(ir.Load(0, base, 4, 3), ranges) if base.startswith("vxlan:"):
                around = intersection(around, ranges)
    return around
