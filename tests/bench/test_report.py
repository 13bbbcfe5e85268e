"""The tables say what was measured, and which goal was missed."""

from __future__ import annotations

from bench.compile_time import CompileFigures, ExpressionFigures
from bench.measure import Slices
from bench.objects import Size
from bench.report import (
    CaseFigures,
    Measured,
    Row,
    as_data,
    print_cases,
    print_compile,
    print_expression,
    print_filters,
    print_summary,
)
from bench.run import renewed
from bench.state_flood import Flood
from bench.state_report import print_state
from bench.state_run import StateFigures

SLICES = Slices((5.0, 5.0, 9.0), {"ours": (10.8, 10.6, 16.0), "full": (10.0, 10.0, 15.0)})
CASE = CaseFigures(
    "source",
    "one source dropped",
    (
        Row("ours", "ours", Size(29, 153, 65), "full"),
        Row("full", "by hand, same meaning", Size(1234, 4321, 9999), "full"),
    ),
    (("match", SLICES),),
)


def test_ratios_and_differences_are_medians_of_rounds_not_ratios_of_medians() -> None:
    """The third round was slow for all alike, and must not tip the comparison."""
    assert SLICES.ratio("ours", "full") == 16.0 / 15.0
    assert round(SLICES.difference("ours", "full"), 6) == 0.8
    assert round(SLICES.timing("ours").net, 6) == 5.8


def test_a_missed_goal_is_said() -> None:
    assert "1.067 (missed)" in print_summary([CASE])
    assert "missed" not in print_summary(
        [CaseFigures(CASE.name, CASE.words, (Row("ours", "ours", Size(1, 1, 1), "ours"),), CASE.traffic)]
    )


def test_every_program_has_its_line() -> None:
    table = print_cases([CASE])
    assert "| by hand, same meaning | 1,234 | 4,321 | 9,999 | 10.00 | 5.00 | +0.00 | 1.000 |" in table


def test_compiling_is_held_against_its_goals() -> None:
    text = print_compile(CompileFigures(100, 0.9, 0.5, 0.1, 68.0))
    assert "| what ebpfc adds | 0.40 s | 0.3 s | missed |" in text
    assert "| memory of ebpfc | 68 MiB | 150 MiB | met |" in text


def test_the_data_hold_the_same_figures() -> None:
    ours = as_data(Measured([CASE]))["cases"][0]["programs"][0]
    assert ours["size"] == {"instructions": 29, "code": 153, "verified": 65}
    assert ours["traffic"]["match"]["ratio"] == 16.0 / 15.0


FILTER = CaseFigures(
    "tcp[13] & (2|16) == 2",
    "tcp[13] & (2|16) == 2",
    tuple(
        Row(f"{who}{more}", who, Size(size, 0, 0), f"classic{more}")
        for more in ("", ", counters")
        for who, size in (("ours", 71), ("classic", 47))
    ),
    (
        (
            "match",
            Slices(
                (5.0, 5.0, 5.0),
                {
                    "ours": (9.0, 9.0, 9.0),
                    "classic": (10.0, 10.0, 10.0),
                    "ours, counters": (12.0, 12.0, 12.0),
                    "classic, counters": (10.0, 10.0, 10.0),
                },
            ),
        ),
    ),
)


def test_a_filter_is_one_line_with_and_without_counters() -> None:
    text = print_filters([FILTER])
    assert r"| `tcp[13] & (2\|16) == 2` | 71 | 47 | 9.00 | 10.00 | 0.900 | 1.200 (missed) |" in text
    assert "without counters: match 0.900." in text


def test_an_expression_is_held_against_clang() -> None:
    text = print_expression(ExpressionFigures("tcp", 0.5, 0.2, 0.29))
    assert "| what ebpfc adds | 0.29 s | 0.25 s | missed |" in text
    assert "missed" not in print_expression(ExpressionFigures("tcp", 0.4, 0.2, 0.25))


def test_a_page_keeps_the_sections_that_were_not_measured() -> None:
    before = "# Measured on Monday\n\nLinux.\n\n## Goals\nold\n\n## Compiling\nalso old\n"
    page = renewed(before, "# Measured on Tuesday\n\n## Goals\nnew\n\n## Floods\nnew too\n")
    assert page == "# Measured on Monday\n\nLinux.\n\n## Goals\nnew\n\n## Compiling\nalso old\n\n## Floods\nnew too\n"
    assert renewed("", "# Measured on Tuesday\n") == "# Measured on Tuesday\n"


def test_a_goal_of_what_remembers_stands_beside_its_ratio() -> None:
    ns = {"ours": 24.0, "hand 0": 20.0, "hand 1": 24.0, "ours, counters": 24.0, "hand 0, counters": 24.0}
    slices = Slices((5.0, 5.0), {name: (value, value) for name, value in ns.items()})
    case = CaseFigures(
        "state_table", "a table", (Row("ours", "ours", Size(1, 1, 1), "hand 0"),), (("10 entries", slices),)
    )
    flood = Flood("SYNs", 10_000_000, 300.4, 10_000, 9_999, 65_000, 65_536, (1 << 20, 2 << 20), 10_000_000, 0)
    text = print_state(StateFigures([(case, 1.15)], [flood]))
    assert "| a table | 10 entries | 1.15 | 1.200 (missed) | 1.000 | 1.000 |" in text
    assert "| SYNs | 10,000,000 | 300 | 10,000,000 | 0 | 10,000 | 9,999 | 65,000 | 65,536 | 1.0 to 2.0 MiB |" in text
