"""The facts that every rule of a hook asks for: asked once, before the rules, and no more in them.

In: the conditions of the top steps. Out: the *gate*, facts by layer without which nothing can match, and conditions
without them. A packet that lacks one of them gets the default at once, and what could only lead there is not parsed:

    drop vlan 100 and tcp dst port 22   →   gate TCI1 | DPORT; the rule compares two numbers

A block with an else asks what its head and its else both ask; without one, what its head asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ebpfc.compiler.codegen.condition import All, Any, Condition, Mask, Text, Within, all_of, any_of, count_tests, spell
from ebpfc.compiler.codegen.tested import Tested

Gate = Mapping[str, frozenset[str]]
"""Facts by the C name of the layer's record."""
NO_GATE: Gate = {}


def gate_of(steps: tuple[Tested, ...]) -> Gate:
    """What each of the steps asks for; nothing where there is no step."""
    asked = [_asked(s) for s in steps]
    return _common(asked) if asked else NO_GATE


def _asked(tested: Tested) -> Gate:
    own = _facts(tested.condition)
    return _common([own, *(_asked(s) for s in tested.orelse)]) if tested.orelse else own


def _facts(condition: Condition) -> Gate:
    """Facts that are set whenever the condition holds."""
    match condition:
        case Mask():
            return {condition.layer: frozenset(condition.set)}
        case All():
            found = [_facts(i) for i in condition.items]
            return {k: frozenset().union(*(f.get(k, frozenset()) for f in found)) for k in _keys(found)}
        case Any():
            return _common([_facts(i) for i in condition.items]) if condition.items else NO_GATE
        case Text() | Within():
            return NO_GATE


def _keys(gates: list[Gate]) -> dict[str, None]:
    return {key: None for gate in gates for key in gate}


def _common(gates: list[Gate]) -> Gate:
    out = {k: frozenset.intersection(*(g.get(k, frozenset()) for g in gates)) for k in _keys(gates)}
    return {k: facts for k, facts in out.items() if facts}


def behind(tested: Tested, gate: Gate) -> Tested:
    """The same step where the gate is known to hold."""
    return replace(
        tested,
        condition=_without(tested.condition, gate),
        body=tuple(behind(s, gate) for s in tested.body),
        orelse=tuple(behind(s, gate) for s in tested.orelse),
    )


def _without(condition: Condition, gate: Gate) -> Condition:
    match condition:
        case Mask():
            known = gate.get(condition.layer, frozenset())
            left = tuple(f for f in condition.set if f not in known)
            return Mask(condition.layer, left, condition.clear) if left or condition.clear else All(())
        case All():
            return all_of(*(_without(i, gate) for i in condition.items))
        case Any():
            return any_of(*(_without(i, gate) for i in condition.items))
        case Text() | Within():
            return condition


def spelled(tested: Tested) -> Tested:
    """The same step, its conditions as C text."""
    return replace(
        tested,
        condition=spell(tested.condition),
        body=tuple(spelled(s) for s in tested.body),
        orelse=tuple(spelled(s) for s in tested.orelse),
    )


def grouped(steps: tuple[Tested, ...]) -> tuple[Tested, ...]:
    """Runs of steps that ask the same facts are put behind one test of these, so that other packets skip them together.

    Sound: a step whose facts are missing does not hold. A run begins with what two neighbours both ask, and goes on as
    long as all of that is asked.
    """
    steps = tuple(replace(s, body=grouped(s.body), orelse=grouped(s.orelse)) for s in steps)
    out: list[Tested] = []
    at = 0
    while at < len(steps):
        end, shared = at + 1, NO_GATE
        if at + 1 < len(steps):
            shared = _common([_plain(steps[at]), _plain(steps[at + 1])])
        while shared and end < len(steps) and _holds(_plain(steps[end]), shared):
            end += 1
        run = steps[at:end]
        if len(run) > 1:
            masks = tuple(Mask(layer, tuple(sorted(facts))) for layer, facts in shared.items())
            run = (Tested(None, all_of(*masks), tuple(behind(s, shared) for s in run)),)
        out.extend(run)
        at = end
    return tuple(out)


def _plain(tested: Tested) -> Gate:
    """What a step asks; a block with an else is tried whatever its head asks."""
    return NO_GATE if tested.orelse else _facts(tested.condition)


def _holds(asked: Gate, shared: Gate) -> bool:
    return all(facts <= asked.get(layer, frozenset()) for layer, facts in shared.items())


def asks_facts(tested: Tested) -> bool:
    """Whether the step still looks at facts, beyond the bytes."""
    own = (tested.condition, *tested.effects)
    return any(map(_has_mask, own)) or any(asks_facts(s) for s in (*tested.body, *tested.orelse))


def tests_of(tested: Tested) -> int:
    """How many tests of facts and bytes the step makes, in its conditions and where its effects read keys."""
    looked_up = tested.run.rules if tested.run is not None else ()
    more = (part for rule in looked_up for part in (rule.rest, *rule.effects))
    own = sum(map(count_tests, (tested.condition, *tested.effects, *more)))
    return own + sum(tests_of(s) for s in (*tested.body, *tested.orelse))


def _has_mask(condition: Condition) -> bool:
    match condition:
        case Mask():
            return True
        case All() | Any():
            return any(_has_mask(i) for i in condition.items)
        case Text():
            return condition.tests > 1  # reads a key
        case Within():
            return False
