"""Figures in, tables out: Markdown for people, plain data for JSON. Goals stand beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.compile_time import CompileFigures
from bench.measure import Slices
from bench.objects import Size

TIME_GOAL: Final = 1.05
"""Ours over the C by hand of the same meaning, nanoseconds a packet."""
ADDED_GOAL: Final = 0.3  # seconds over clang alone
HELP_GOAL: Final = 0.15  # seconds
MEMORY_GOAL: Final = 150.0  # MiB


@dataclass(frozen=True, slots=True)
class Row:
    """One program; `against` names the C by hand of the same meaning that it is held against."""

    name: str
    label: str
    size: Size
    against: str


@dataclass(frozen=True, slots=True)
class CaseFigures:
    name: str
    words: str
    rows: tuple[Row, ...]
    traffic: tuple[tuple[str, Slices], ...]


def print_cases(cases: Sequence[CaseFigures]) -> str:
    return "\n".join(_case(case) for case in cases)


def _case(case: CaseFigures) -> str:
    names = [name for name, _ in case.traffic]
    lines = [f"### {case.name}: {case.words}", ""]
    lines.append(_line("program", "instructions", "code B", "verified", *(f"{n} {c}" for n in names for c in _COLUMNS)))
    lines.append("|---|" + "--:|" * (3 + len(names) * len(_COLUMNS)))
    for row in case.rows:
        cells = [row.label, f"{row.size.instructions:,}", f"{row.size.code:,}", f"{row.size.verified:,}"]
        for _, slices in case.traffic:
            timing = slices.timing(row.name)
            cells += [
                f"{timing.gross:.2f}",
                f"{timing.net:.2f}",
                f"{slices.difference(row.name, row.against):+.2f}",
                f"{slices.ratio(row.name, row.against):.3f}",
            ]
        lines.append(_line(*cells))
    return "\n".join(lines) + "\n"


_COLUMNS = ("ns", "net", "+ hand", "x hand")


def print_summary(cases: Sequence[CaseFigures]) -> str:
    """Each of our programs against its goal."""
    lines = [f"Goal: ours at most {TIME_GOAL} x the C by hand of the same meaning.", ""]
    lines.append(_line("policy", *(f"{name}{more}" for name in ("match", "mix") for more in ("", ", counters"))))
    lines.append("|---|" + "--:|" * 4)
    for case in cases:
        cells = [case.words]
        for _, slices in case.traffic:
            for row in case.rows:
                if row.name.startswith("ours"):
                    ratio = slices.ratio(row.name, row.against)
                    cells.append(f"{ratio:.3f}{'' if ratio <= TIME_GOAL else ' (missed)'}")
        lines.append(_line(*cells))
    return "\n".join(lines) + "\n"


def print_compile(figures: CompileFigures) -> str:
    def judged(value: float, goal: float) -> str:
        return "met" if value <= goal else "missed"

    rows = (
        (f"ebpfc on {figures.rules} rules", f"{figures.ebpfc:.2f} s", "", ""),
        ("clang alone on the same C", f"{figures.clang:.2f} s", "", ""),
        ("what ebpfc adds", f"{figures.added:.2f} s", f"{ADDED_GOAL} s", judged(figures.added, ADDED_GOAL)),
        ("ebpfc --help", f"{figures.help:.3f} s", f"{HELP_GOAL} s", judged(figures.help, HELP_GOAL)),
        ("memory of ebpfc", f"{figures.memory:.0f} MiB", f"{MEMORY_GOAL:.0f} MiB", judged(figures.memory, MEMORY_GOAL)),
    )
    lines = [_line("", "measured", "goal, at most", ""), "|---|--:|--:|---|", *(_line(*row) for row in rows)]
    return "\n".join(lines) + "\n"


def as_data(cases: Sequence[CaseFigures], compiling: CompileFigures | None) -> dict[str, Any]:
    """For JSON: nanoseconds a packet, bytes, seconds, MiB."""
    return {
        "cases": [
            {
                "name": case.name,
                "programs": [
                    {
                        "name": row.name,
                        "size": asdict(row.size),
                        "against": row.against,
                        "traffic": {
                            name: {
                                **asdict(slices.timing(row.name)),
                                "ratio": slices.ratio(row.name, row.against),
                                "difference": slices.difference(row.name, row.against),
                            }
                            for name, slices in case.traffic
                        },
                    }
                    for row in case.rows
                ],
            }
            for case in cases
        ],
        "compile": None if compiling is None else asdict(compiling),
    }


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
