"""What passes share: apply a function to every predicate of a program, and to every part of a predicate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import is_

from ebpfc.compiler.ir.program import And, BlockStep, Not, Or, Pred, Program, RuleStep, Step


def map_predicates(program: Program, change: Callable[[Pred], Pred]) -> Program:
    """`change` on the predicate of every rule and every block."""
    return replace(program, body=_map_steps(program.body, change))


def _map_steps(body: tuple[Step, ...], change: Callable[[Pred], Pred]) -> tuple[Step, ...]:
    out: list[Step] = []
    for step in body:
        match step:
            case RuleStep():
                out.append(with_predicate(step, change(step.pred)))
            case BlockStep():
                body, orelse = _map_steps(step.body, change), _map_steps(step.orelse, change)
                out.append(replace(step, pred=change(step.pred), body=body, orelse=orelse))
    return tuple(out)


def with_predicate(step: RuleStep, pred: Pred) -> RuleStep:
    """The rule with another predicate; itself where it is the same one, as of most rules it is."""
    if pred is step.pred:
        return step
    return RuleStep(step.number, pred, step.verdict, step.counts, step.guards, step.effects)


def with_items(chain: And | Or, items: list[Pred]) -> And | Or:
    """The chain with other members; itself where they are the same ones."""
    if len(items) == len(chain.items) and all(map(is_, items, chain.items)):
        return chain
    return type(chain)(tuple(items))


def bottom_up(pred: Pred, change: Callable[[Pred], Pred]) -> Pred:
    """`change` on every part of a predicate, the innermost first."""
    match pred:
        case And() | Or():
            return change(with_items(pred, [bottom_up(i, change) for i in pred.items]))
        case Not():
            inner = bottom_up(pred.item, change)
            return change(pred if inner is pred.item else Not(inner))
        case _:
            return change(pred)
