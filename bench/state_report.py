"""Figures of programs that remember in, their section of the page out; plain data for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.report import CaseFigures, against_goal, case_data, line, print_cases
from bench.state_flood import Flood
from bench.state_run import StateFigures


def print_state(figures: StateFigures) -> str:
    tables = print_cases([case for case, _ in figures.cases])
    return "\n".join((_goals(figures.cases), "### Floods", "", _floods(figures.floods), tables))


def _goals(cases: Sequence[tuple[CaseFigures, float]]) -> str:
    """Ours beside the first form by hand, which the goal is about, and beside the second."""
    lines = [
        line("policy", "in turn at random", "goal, at most", "x hand", "with counters", "x the second form"),
        "|---|---|" + "--:|" * 4,
    ]
    for case, goal in cases:
        for plan, slices in case.traffic:
            ratios = (slices.ratio("ours", "hand 0"), slices.ratio("ours, counters", "hand 0, counters"))
            judged = (against_goal(ratio, goal) for ratio in ratios)
            lines.append(line(case.words, plan, f"{goal}", *judged, f"{slices.ratio('ours', 'hand 1'):.3f}"))
    return "\n".join(lines) + "\n"


def _floods(floods: Sequence[Flood]) -> str:
    head = (
        "flood",
        "packets",
        "ns",
        "passed",
        "dropped",
        "there before",
        "stand after it",
        "entries",
        "room",
        "memory",
    )
    lines = [line(*head), "|---|" + "--:|" * (len(head) - 1)]
    for f in floods:
        before, after = (f"{size / 2**20:.1f}" for size in f.memory)
        memory = f"{after} MiB" if before == after else f"{before} to {after} MiB"
        numbers = (f.passed, f.dropped, f.settled, f.kept, f.entries, f.room)
        lines.append(line(f.name, f"{f.packets:,}", f"{f.ns:.0f}", *(f"{number:,}" for number in numbers), memory))
    return "\n".join(lines) + "\n"


def state_data(figures: StateFigures) -> dict[str, Any]:
    """For JSON: nanoseconds a packet, bytes."""
    return {
        "cases": [{**case_data(case), "goal": goal} for case, goal in figures.cases],
        "floods": [asdict(flood) for flood in figures.floods],
    }
