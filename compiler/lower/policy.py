"""A checked policy, for one hook → an IR program. Assumes what `sema.build_policy` guarantees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.lower.match import MatchLowering
from ebpfc.compiler.lower.scope import FRAME, Scope

DIRECTIONS: dict[ir.HookName, nodes.Direction] = {
    "xdp": "inbound",
    "tc ingress": "inbound",
    "tc egress": "outbound",
}


def lower(policy: nodes.Policy, hook: ir.HookName) -> ir.Program:
    """Every rule in order, with `inbound`, `outbound` and the default as this hook's direction has them."""
    direction = DIRECTIONS[hook]
    lowering = _StepLowering(direction, policy.netmask)
    return ir.Program(policy.name, hook, policy.default(direction), lowering.steps(policy.body, FRAME))


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
    def __init__(self, direction: nodes.Direction, netmask: int | None) -> None:
        self.direction, self.netmask = direction, netmask
        self.blocks = 0

    def steps(self, body: tuple[nodes.Rule | nodes.Block, ...], scope: Scope) -> tuple[ir.Step, ...]:
        return tuple(self._step(s, scope) for s in body)

    def _step(self, node: nodes.Rule | nodes.Block, scope: Scope) -> ir.Step:
        pred, inside = MatchLowering(self.direction, self.netmask).lower(node.match, scope)
        if isinstance(node, nodes.Rule):
            return _rule(node, pred)
        number, self.blocks = self.blocks, self.blocks + 1
        body = self.steps(node.body, inside)
        return ir.BlockStep(number, pred, body, self.steps(_orelse(node), scope))


def _rule(node: nodes.Rule, pred: ir.Pred) -> ir.RuleStep:
    verdict: ir.VerdictName | None = None
    counts: list[str] = []
    for action in node.actions:
        match action:
            case nodes.Verdict():
                assert action.kind in ("pass", "drop")
                verdict = verdict or ("pass" if action.kind == "pass" else "drop")
            case nodes.Count():
                counts.append(action.name)
            case nodes.OtherAction():
                raise AssertionError(f"the checker lets no {action.kind} come here")
            case _:
                assert_never(action)
    return ir.RuleStep(node.number, pred, verdict, tuple(counts))
