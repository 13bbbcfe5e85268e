"""Figures in, tables out: Markdown for people, plain data for JSON. Goals stand beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.compile_time import CompileFigures, ExpressionFigures
from bench.measure import Slices
from bench.objects import Size

TIME_GOAL: Final = 1.05
"""Ours over the C by hand of the same meaning, nanoseconds a packet."""
FILTER_GOAL: Final = 1.0
"""Ours over classic BPF turned into C, of the same filter."""
EVEN: Final = 0.03
"""Programs whose times lie so near each other are equally quick (README.md)."""
ADDED_GOAL: Final = 0.3  # seconds over clang alone
EXPRESSION_GOAL: Final = 0.25  # the same of `ebpfc -e`
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
    lines.append(line("program", "instructions", "code B", "verified", *(f"{n} {c}" for n in names for c in _COLUMNS)))
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
        lines.append(line(*cells))
    return "\n".join(lines) + "\n"


_COLUMNS = ("ns", "net", "+ hand", "x hand")


def print_filters(filters: Sequence[CaseFigures]) -> str:
    """One line a filter: what both take without counters, and the ratios without and with."""
    names = [name for name, _ in filters[0].traffic]
    lines = [f"Goal: ours at most {FILTER_GOAL} x classic BPF turned into C; {EVEN} more is still equal.", ""]
    times = [cell for name in names for cell in (f"{name} ns", "classic ns", "x classic", "with counters")]
    lines.append(line("filter", "instructions", "classic", *times))
    lines.append("|---|" + "--:|" * (2 + len(times)))
    for chosen in filters:
        size = {row.name: f"{row.size.instructions:,}" for row in chosen.rows}
        cells = [f"`{chosen.words}`".replace("|", "\\|"), size["ours"], size["classic"]]
        for _, slices in chosen.traffic:
            cells += [f"{slices.timing(name).gross:.2f}" for name in ("ours", "classic")]
            cells += [
                against_goal(slices.ratio(f"ours{more}", f"classic{more}"), FILTER_GOAL + EVEN)
                for more in ("", ", counters")
            ]
        lines.append(line(*cells))
    middle = [
        statistics.geometric_mean(s.ratio("ours", "classic") for f in filters for n, s in f.traffic if n == name)
        for name in names
    ]
    means = ", ".join(f"{name} {mean:.3f}" for name, mean in zip(names, middle, strict=True))
    return "\n".join([*lines, "", f"Geometric mean of the ratios without counters: {means}."]) + "\n"


def against_goal(ratio: float, goal: float) -> str:
    return f"{ratio:.3f}{'' if ratio <= goal else ' (missed)'}"


def print_summary(cases: Sequence[CaseFigures]) -> str:
    """Each of our programs against its goal."""
    lines = [f"Goal: ours at most {TIME_GOAL} x the C by hand of the same meaning.", ""]
    lines.append(line("policy", *(f"{name}{more}" for name in ("match", "mix") for more in ("", ", counters"))))
    lines.append("|---|" + "--:|" * 4)
    for case in cases:
        cells = [case.words]
        for _, slices in case.traffic:
            ratios = [slices.ratio(row.name, row.against) for row in case.rows if row.name.startswith("ours")]
            cells += [against_goal(ratio, TIME_GOAL) for ratio in ratios]
        lines.append(line(*cells))
    return "\n".join(lines) + "\n"


def print_compile(figures: CompileFigures) -> str:
    rows = (
        (f"ebpfc on {figures.rules} rules", f"{figures.ebpfc:.2f} s", "", ""),
        ("clang alone on the same C", f"{figures.clang:.2f} s", "", ""),
        ("what ebpfc adds", f"{figures.added:.2f} s", f"{ADDED_GOAL} s", _judged(figures.added, ADDED_GOAL)),
        ("ebpfc --help", f"{figures.help:.3f} s", f"{HELP_GOAL} s", _judged(figures.help, HELP_GOAL)),
        (
            "memory of ebpfc",
            f"{figures.memory:.0f} MiB",
            f"{MEMORY_GOAL:.0f} MiB",
            _judged(figures.memory, MEMORY_GOAL),
        ),
    )
    return _goals(rows)


def print_expression(figures: ExpressionFigures) -> str:
    rows = (
        (f"`ebpfc -e '{figures.expression}'`", f"{figures.ebpfc:.2f} s", "", ""),
        ("clang alone on the same C", f"{figures.clang:.2f} s", "", ""),
        ("what ebpfc adds", f"{figures.added:.2f} s", f"{EXPRESSION_GOAL} s", _judged(figures.added, EXPRESSION_GOAL)),
    )
    return _goals(rows)


def _goals(rows: Sequence[tuple[str, str, str, str]]) -> str:
    lines = [line("", "measured", "goal, at most", ""), "|---|--:|--:|---|", *(line(*row) for row in rows)]
    return "\n".join(lines) + "\n"


def _judged(value: float, goal: float) -> str:
    return "met" if value <= goal else "missed"


@dataclass(frozen=True, slots=True)
class Measured:
    """All of a run; None or nothing for what was not asked for."""

    cases: Sequence[CaseFigures] = ()
    filters: Sequence[CaseFigures] = ()
    compiling: CompileFigures | None = None
    expression: ExpressionFigures | None = None


def as_data(measured: Measured) -> dict[str, Any]:
    """For JSON: nanoseconds a packet, bytes, seconds, MiB."""
    return {
        "cases": [case_data(case) for case in measured.cases],
        "filters": [case_data(case) for case in measured.filters],
        "compile": None if measured.compiling is None else asdict(measured.compiling),
        "expression": None if measured.expression is None else asdict(measured.expression),
    }


def case_data(case: CaseFigures) -> dict[str, Any]:
    return {
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


def line(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"
