"""Alternatives that contradict what stands beside them go: a packet of one type is of no other.

    (and (proto 0 6) (or (in (load 0 ip 12 4) A) (in (load 0 arp 14 4) A)))
    →   (and (proto 0 6) (in (load 0 ip 12 4) A))

`tcp and src host 10.0.0.1` names ARP's sender too, but TCP is over IPv4 and IPv6 only. What a test says when true of
the EtherType and the transport protocol is intersected along each conjunction, and down from a block's head into its
body. Sound: only "is true" counts behind `push_negations`, and an alternative that cannot be true together with its
neighbours adds nothing. Negated tests say nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.compiler.ir.program import (
    FALSE,
    And,
    BlockStep,
    Compare,
    EncapIs,
    In,
    Load,
    Or,
    Pred,
    Program,
    ProtoIs,
    RuleStep,
    Step,
    TypeIs,
    Walked,
    carriers,
    requirements,
    test_loads,
)
from ebpfc.compiler.passes.rewrite import with_items, with_predicate

IPV4, IPV6 = 0x0800, 0x86DD
Possible = dict[tuple[str, int], frozenset[int]]
"""What must hold, by ("type" or "proto", layer): the value is one of these; no entry: any."""


def drop_contradictions(program: Program) -> Program:
    return Program(program.name, program.hook, program.default, _steps(program.body, {}))


def _steps(body: tuple[Step, ...], around: Possible) -> tuple[Step, ...]:
    out: list[Step] = []
    for step in body:
        pred = _pruned(step.pred, around)
        match step:
            case RuleStep():
                out.append(with_predicate(step, pred))
            case BlockStep():
                inside = _both(around, _says(pred)) or {}
                body, orelse = _steps(step.body, inside), _steps(step.orelse, around)
                out.append(replace(step, pred=pred, body=body, orelse=orelse))
    return tuple(out)


def _pruned(pred: Pred, around: Possible) -> Pred:
    """The predicate without alternatives that cannot be true where `around` holds."""
    match pred:
        case And():
            return _pruned_chain(pred, around)
        case Or():
            left = [p for p in [_pruned(i, around) for i in pred.items] if p != FALSE]
            return FALSE if not left else left[0] if len(left) == 1 else with_items(pred, left)
        case _:
            return FALSE if _both(around, _says(pred)) is None else pred


def _pruned_chain(chain: And, around: Possible) -> Pred:
    """Each member where the pruned ones before it and those behind it hold."""
    all_said = [_says(item) for item in chain.items]
    behind: list[Possible | None] = [{}]
    for said in reversed(all_said[1:]):
        behind.append(_all_of(behind[-1], said))
    before: Possible | None = around
    out: list[Pred] = []
    for item, said, rest in zip(chain.items, all_said, reversed(behind), strict=True):
        known = _all_of(before, rest)
        pruned = FALSE if known is None else _pruned(item, known)
        if pruned == FALSE:
            return FALSE
        out.append(pruned)
        before = _all_of(before, said if pruned is item else _says(pruned))
    return with_items(chain, out)


def _all_of(a: Possible | None, b: Possible | None) -> Possible | None:
    return None if a is None or b is None else _both(a, b)


def _both(a: Possible, b: Possible) -> Possible | None:
    """Both hold; None when they cannot."""
    if not b:
        return a
    out = dict(a)
    for key, values in b.items():
        out[key] = out[key] & values if key in out else values
        if not out[key]:
            return None
    return out


def _says(pred: Pred) -> Possible:
    """What is so of a packet for which the predicate is true."""
    match pred:
        case TypeIs():
            return {("type", pred.layer): frozenset({pred.ethertype})}
        case ProtoIs():
            return {("proto", pred.layer): frozenset(pred.numbers), ("type", pred.layer): frozenset({IPV4, IPV6})}
        case Walked():
            return {("type", pred.layer): frozenset({IPV6})}
        case EncapIs():
            numbers = carriers(pred.name)
            if numbers:
                return _says(ProtoIs(pred.layer, numbers))
            return {("type", pred.layer): frozenset(PROTOCOLS[pred.name.partition("-")[0]].ethertypes)}
        case And():
            return _united([_says(item) for item in pred.items])
        case Or():
            return _either([_says(i) for i in pred.items])
        case In(Load() as load):
            return _read(load.layer, load.base)
        case In() | Compare():
            return _united([_says(need) for load in test_loads(pred) for need in requirements(load.layer, load.base)])
        case _:
            return {}


@cache
def _read(layer: int, base: str) -> Possible:
    """What is so of a packet that has bytes of a header."""
    return _united([_says(need) for need in requirements(layer, base)])


def _united(all_said: list[Possible]) -> Possible:
    """Each holds; what contradicts those before it is left out."""
    found: Possible = {}
    for said in all_said:
        found = _both(found, said) or found
    return found


def _either(all_said: list[Possible]) -> Possible:
    """What each alternative says, as a union; of what one leaves open nothing is known."""
    keys = set(all_said[0]).intersection(*all_said[1:]) if all_said else set()
    return {key: frozenset().union(*(said[key] for said in all_said)) for key in keys}
