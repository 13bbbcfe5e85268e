"""Rules and blocks that no packet reaches, or that do nothing, go; a block whose head is constant opens up.

    rule 3 drop true; rule 4 pass ...   →   rule 3 drop true
    block false { A } else { B }        →   B

Sound: what stands behind a step that decides every packet is never tried. Rule numbers stay those of the policy.
"""

from __future__ import annotations

from dataclasses import replace

from ebpfc.compiler.ir.program import FALSE, TRUE, Program, RuleStep, Step


def drop_unreachable(program: Program) -> Program:
    return replace(program, body=_reached(program.body)[0])


def _reached(body: tuple[Step, ...]) -> tuple[tuple[Step, ...], bool]:
    """The steps that are reached, and whether they decide every packet."""
    out: list[Step] = []
    for step in body:
        if isinstance(step, RuleStep):
            if step.pred == FALSE:
                continue
            out.append(step)
            if step.pred == TRUE and not step.guards and step.verdict is not None:
                return tuple(out), True
            continue
        inside, inside_decides = _reached(step.body)
        outside, outside_decides = _reached(step.orelse)
        if step.pred == FALSE or (step.pred == TRUE and not step.guards):
            out.extend(inside if step.pred == TRUE else outside)
            if inside_decides if step.pred == TRUE else outside_decides:
                return tuple(out), True
        elif inside or outside or step.guards:
            out.append(replace(step, body=inside, orelse=outside))
            if inside_decides and outside_decides:
                return tuple(out), True
    return tuple(out), False
