"""What passes share: apply a function to every predicate of a program, and to every part of a predicate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ebpfc.compiler.ir.program import And, BlockStep, Not, Or, Pred, Program, RuleStep, Step


def map_predicates(program: Program, change: Callable[[Pred], Pred]) -> Program:
    """`change` on the predicate of every rule and every block."""
    return replace(program, body=_map_steps(program.body, change))


def _map_steps(body: tuple[Step, ...], change: Callable[[Pred], Pred]) -> tuple[Step, ...]:
    out: list[Step] = []
    for step in body:
        match step:
            case RuleStep():
                out.append(replace(step, pred=change(step.pred)))
            case BlockStep():
                body, orelse = _map_steps(step.body, change), _map_steps(step.orelse, change)
                out.append(replace(step, pred=change(step.pred), body=body, orelse=orelse))
    return tuple(out)


def bottom_up(pred: Pred, change: Callable[[Pred], Pred]) -> Pred:
    """`change` on every part of a predicate, the innermost first."""
    match pred:
        case And():
            return change(And(tuple(bottom_up(i, change) for i in pred.items)))
        case Or():
            return change(Or(tuple(bottom_up(i, change) for i in pred.items)))
        case Not():
            return change(Not(bottom_up(pred.item, change)))
        case _:
            return change(pred)
