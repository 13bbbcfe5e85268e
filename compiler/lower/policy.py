"""A checked policy, for one hook → an IR program. Assumes what `sema.build_policy` guarantees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.state import State, TrackDecl
from ebpfc.compiler.lower.match import MatchLowering
from ebpfc.compiler.lower.scope import FRAME, Scope
from ebpfc.compiler.lower.state import StateLowering

DIRECTIONS: dict[ir.HookName, nodes.Direction] = {
    "xdp": "inbound",
    "tc ingress": "inbound",
    "tc egress": "outbound",
}


def lower(policy: nodes.Policy, hook: ir.HookName) -> ir.Program:
    """Every rule in order, with `inbound`, `outbound` and the default as this hook's direction has them."""
    return lower_with_state(policy, hook)[0]


def lower_state(policy: nodes.Policy) -> State:
    """The tables, limiters and logs that every hook's program shares, numbered as `lower` numbers them."""
    return lower_with_state(policy, "xdp")[1]


def lower_with_state(policy: nodes.Policy, hook: ir.HookName) -> tuple[ir.Program, State]:
    """What `lower` and `lower_state` say, in one walk."""
    direction, found = DIRECTIONS[hook], StateLowering(policy)
    body = _StepLowering(direction, policy.netmask, found).steps(policy.body, FRAME)
    program = ir.Program(policy.name, hook, policy.default(direction), body)
    return program, found.state(() if policy.track is None else _tracked_within(program, found))


def _tracked_within(program: ir.Program, found: StateLowering) -> tuple[str, ...]:
    """The bases of the encapsulations whose connections are asked for."""
    tests = (test for step in ir.steps(program.body) for test in ir.tests(step.pred))
    asked = [t.within.base for t in tests if isinstance(t, ir.StateIs) and t.within]
    counted = [c.crowd.within for c in found.counts if c.crowd.within is not None]
    return tuple(dict.fromkeys((*asked, *counted)))


def companion_of(name: str, hooks: tuple[ir.HookName, ...], track: TrackDecl | None) -> ir.Program | None:
    """Where connections are tracked and the hooks see one direction only: the program that tracks the other, and passes
    everything. Its rules decide nothing: they open what the policy tracks."""
    seen = {DIRECTIONS[hook] for hook in hooks}
    if track is None or len(seen) == 2:
        return None
    hook: ir.HookName = "tc ingress" if "outbound" in seen else "tc egress"
    opened = (ir.encap_of(0, base) for base in track.within)
    opening = (ir.And((encap, ir.StateIs(1, "new", encap))) for encap in opened if encap is not None)
    return ir.Program(name, hook, "pass", tuple(ir.RuleStep(i, pred, None) for i, pred in enumerate(opening)))


def blocks(body: tuple[nodes.Rule | nodes.Block, ...]) -> Iterator[nodes.Block]:
    """Every block in the order in which `lower` numbers them: a head before its body, the body before the else."""
    for step in body:
        if isinstance(step, nodes.Block):
            yield step
            yield from blocks(step.body)
            yield from blocks(_orelse(step))


def _orelse(block: nodes.Block) -> tuple[nodes.Rule | nodes.Block, ...]:
    match block.orelse:
        case None:
            return ()
        case nodes.Block():
            return (block.orelse,)
        case _:
            return block.orelse


class _StepLowering:
    def __init__(self, direction: nodes.Direction, netmask: int | None, state: StateLowering) -> None:
        self.direction, self.netmask, self.state = direction, netmask, state
        self.blocks = 0

    def steps(self, body: tuple[nodes.Rule | nodes.Block, ...], scope: Scope) -> tuple[ir.Step, ...]:
        return tuple(self._step(s, scope) for s in body)

    def _step(self, node: nodes.Rule | nodes.Block, scope: Scope) -> ir.Step:
        pred, inside = MatchLowering(self.direction, self.netmask).lower(node.match, scope)
        if isinstance(node, nodes.Rule):
            return self._rule(node, pred, inside)
        number, self.blocks = self.blocks, self.blocks + 1
        guards = self.state.guards(node.guards, None, inside)
        body = self.steps(node.body, inside)
        return ir.BlockStep(number, pred, body, self.steps(_orelse(node), scope), guards)

    def _rule(self, node: nodes.Rule, pred: ir.Pred, scope: Scope) -> ir.RuleStep:
        guards = self.state.guards(node.guards, node.number, scope)
        verdict: ir.VerdictName | None = None
        counts: list[str] = []
        effects: list[ir.Effect] = []
        for action in node.actions:
            match action:
                case nodes.Verdict():
                    assert action.kind in ("pass", "drop")
                    verdict = verdict or ("pass" if action.kind == "pass" else "drop")
                case nodes.Count():
                    counts.append(action.name)
                case nodes.Add() | nodes.Delete() | nodes.Log():
                    effects.append(self.state.effect(action, node.number, scope))
                case nodes.OtherAction():
                    raise AssertionError(f"the checker lets no {action.kind} come here")
                case _:
                    assert_never(action)
        return ir.RuleStep(node.number, pred, verdict, tuple(counts), guards, tuple(effects))
