"""Figures of rule sets in, their section of the page out; plain data for JSON, and the points of the plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from bench.plot import Line, plot
from bench.report import against_goal, line
from bench.rule_cases import AIMED, RANDOM, REPEATED
from bench.rule_run import RuleFigures

WORST_GOAL: Final = 300.0
"""Nanoseconds of the longest packet, of sets of 10,000 rules."""
GROWTH_GOALS: Final = ((AIMED, 4.0), (RANDOM, 4.0), (REPEATED, 1.5))
"""Of nanoseconds a packet, from the few rules to the many."""
FEW, MANY = 10, 10_000


def print_rules(figures: Sequence[RuleFigures]) -> str:
    return "\n".join((_growth(figures), _times(figures), _sizes(figures)))


def _growth(figures: Sequence[RuleFigures]) -> str:
    """How much longer a packet takes with 10,000 rules than with 10, with the source and without it."""
    head = [f"{name}, goal {goal}" for name, goal in GROWTH_GOALS]
    lines = [f"What {MANY:,} rules take over what {FEW} take; in brackets without the source.", ""]
    lines += [line("rules", *head), "|---|" + "--:|" * len(head)]
    for name, group in _sets(figures):
        sizes = {f.case.count: f for f in group}
        if FEW in sizes and MANY in sizes:
            cells = []
            for kind, goal in GROWTH_GOALS:
                few, many = (sizes[n].traffic[kind].timing("ours") for n in (FEW, MANY))
                cells.append(f"{against_goal(many.gross / few.gross, goal)} [{many.net / few.net:.2f}]")
            lines.append(line(name, *cells))
    return "\n".join(lines) + "\n"


def _times(figures: Sequence[RuleFigures]) -> str:
    """Net of the source, beside the look-up by hand."""
    kinds = [kind for kind, _ in GROWTH_GOALS]
    head = [cell for kind in kinds for cell in (f"{kind}, net ns", "hand", "x hand")]
    head += ["longest packet, ns", "one in 1,000, ns"]
    lines = [line("rules", "number", *head), "|---|" + "--:|" * (1 + len(head))]
    for name, group in _sets(figures):
        for f in group:
            cells = [f"{f.case.count:,}"]
            for kind in kinds:
                slices = f.traffic[kind]
                cells += [f"{slices.timing(who).net:.1f}" for who in ("ours", "hand")]
                cells.append(f"{slices.ratio('ours', 'hand'):.2f}")
            missed = f.case.count <= MANY and f.worst.in_a_row > WORST_GOAL
            cells += [f"{f.worst.in_a_row:.0f}{' (missed)' if missed else ''}", f"{f.worst.once:.0f}"]
            lines.append(line(name, *cells))
    return "\n".join(lines) + "\n"


def _sizes(figures: Sequence[RuleFigures]) -> str:
    head = ("number", "tables KiB", "instructions", "code B", "verified", "load ms", "compile s")
    lines = [line("rules", *head), "|---|" + "--:|" * len(head)]
    for name, group in _sets(figures):
        for f in group:
            numbers = (f.size.instructions, f.size.code, f.size.verified)
            cells = (f"{f.case.count:,}", f"{f.tables / 1024:,.0f}", *(f"{number:,}" for number in numbers))
            lines.append(line(name, *cells, f"{f.loading * 1000:.0f}", f"{f.compiling:.1f}"))
    return "\n".join(lines) + "\n"


def _sets(figures: Sequence[RuleFigures]) -> Iterator[tuple[str, list[RuleFigures]]]:
    for (kind, version), group in groupby(figures, key=lambda f: (f.case.kind, f.case.version)):
        yield f"{kind}, IPv{version}", list(group)


def plot_rules(figures: Sequence[RuleFigures]) -> str:
    """SVG: nanoseconds a packet over the number of IPv4 rules."""
    lines = []
    for name, group in _sets([f for f in figures if f.case.version == 4]):
        kind = name.partition(",")[0]
        for traffic in (AIMED, REPEATED):
            points = [(f.case.count, f.traffic[traffic].timing("ours").net) for f in group]
            lines.append(Line(f"{kind}, {'65,536' if traffic == AIMED else '16'} flows", points))
    by_hand = [f for f in figures if f.case.version == 4 and f.case.kind == figures[0].case.kind]
    points = [(f.case.count, f.traffic[AIMED].timing("hand").net) for f in by_hand]
    lines.append(Line("one look-up in a hash map", points))
    return plot("Nanoseconds a packet, by number of rules", lines)


def rules_data(figures: Sequence[RuleFigures]) -> list[dict[str, Any]]:
    """For JSON: nanoseconds a packet, bytes, seconds."""
    return [
        {
            "kind": f.case.kind,
            "rules": f.case.count,
            "version": f.case.version,
            "size": asdict(f.size),
            "tables": f.tables,
            "compiling": f.compiling,
            "loading": f.loading,
            "worst": asdict(f.worst),
            "traffic": {
                name: {who: asdict(slices.timing(who)) for who in slices.of} | {"ratio": slices.ratio("ours", "hand")}
                for name, slices in f.traffic.items()
            },
        }
        for f in figures
    ]
