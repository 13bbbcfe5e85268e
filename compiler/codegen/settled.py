"""A program that tracks connections in, the answers to usual packets of settled ones out; others get the whole parse.

As `usual` has it, with one thing more that is known: the packet is looked up where its key stands, and what is left of
the rules is left where its `state` is established:

    drop state invalid; pass state established; pass tcp dst port 22 and state new   →   pass

So the packets that are most of the traffic cost one look-up, and the parse of none but the headers that they have.
"""

from __future__ import annotations

from ebpfc.compiler.codegen.condition import ALWAYS
from ebpfc.compiler.codegen.plan import Plan
from ebpfc.compiler.codegen.tested import Tested
from ebpfc.compiler.codegen.usual import (
    SHORTEST,
    TCP,
    TESTS_AT_MOST,
    UDP,
    Branch,
    Family,
    Settled,
    Usual,
    is_plain,
    not_plain,
)
from ebpfc.compiler.codegen.usual_kind import IPV4, IPV6, NEXT_HEADER, TYPES, Kind, UnusualError, decide
from ebpfc.compiler.codegen.usual_reads import Reads
from ebpfc.compiler.ir import program as ir

_VERSION = {IPV4: 4, IPV6: 6}
_READ = {TCP: 16, UDP: 4}
"""Bytes of the transport's header that tracking reads: up to TCP's window, the ports."""


def build_settled(program: ir.Program, plan: Plan) -> Usual | None:
    """None: at tc, where the packet inside is tracked too, or where no packet gains."""
    if program.hook != "xdp" or len(plan.tracked) != 1:
        return None
    families = tuple(f for f in (_family(program, plan, t) for t in (IPV4, IPV6)) if f.by_protocol)
    if not families:
        return None
    limit = SHORTEST[IPV4 if families[0].ethertype == TYPES[IPV4] else IPV6]
    return Usual(12, max(b.need for b in families[0].branches if b and b.need <= limit), families, None, None)


def _family(program: ir.Program, plan: Plan, ethertype: int) -> Family:
    kinds = [Kind(0, ethertype, protocol, established=True) for protocol in (TCP, UDP)]
    found = [(kind, _branch(program, plan, kind)) for kind in kinds]
    by_protocol = tuple(((kind.protocol,), branch) for kind, branch in found if kind.protocol and branch)
    return Family(TYPES[ethertype], 14 + NEXT_HEADER[ethertype], "", "", 0, by_protocol, None, walks=False)


def _branch(program: ir.Program, plan: Plan, kind: Kind) -> Branch | None:
    """What is left of the rules for this kind, None where that is not known or too much."""
    left: list[Tested] = []
    reads, decided, asked = Reads(kind, plan), False, 0
    try:
        for step in program.body:
            pred = decide(step.pred, kind)
            if pred == ir.FALSE and not (isinstance(step, ir.BlockStep) and step.orelse):
                continue
            if not isinstance(step, ir.RuleStep) or not is_plain(step):
                return None
            condition = reads.condition(pred)
            asked += sum(1 for _ in ir.tests(pred))
            left.append(Tested(step, condition))
            decided = step.verdict is not None and condition == ALWAYS
            if decided:
                break
    except UnusualError:
        return None
    if asked > TESTS_AT_MOST:
        return None
    assert kind.ethertype is not None and kind.protocol is not None
    place = Settled(_VERSION[kind.ethertype], kind.protocol, kind.network, kind.transport)
    need = max(reads.end, kind.transport + _READ[kind.protocol])
    return Branch(need, _doubt(kind), tuple(reads.computed), tuple(left), decided, place)


def _doubt(kind: Kind) -> str:
    """The C of: headers are not plain, the frame is to a group (ADR 0004, rule 2), or TCP may change state.

    An IP group is no end of a settled connection: what is sent to it is not tracked, so it never answers.
    """
    doubts = [not_plain(kind), "*(u8 *)data & 1"]
    if kind.protocol == TCP:
        doubts.append(f"(*(u8 *)(data + {kind.transport + 13}) & 0x17) != 0x10")
    return " || ".join(doubts)
