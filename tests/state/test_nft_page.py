"""docs/nftables.md shows each scenario with its rules, in the table where it belongs, and why what differs does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebpfc.testing.nft import Scenario
from ebpfc.testing.nft_scenarios import LOOSE, SCENARIOS

PAGE = (Path(__file__).parents[2] / "docs/nftables.md").read_text()
ALL = (*SCENARIOS, *LOOSE)


def rows(section: str) -> list[list[str]]:
    """The cells of the table below a heading, without its own two lines."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def shown(rules: str) -> str:
    """As the page has them: for no scenario's number."""
    plain = rules.replace(".$n.", ".0.").replace("$n", "")
    return "<br>".join(f"`{line}`" for line in map(str.strip, plain.strip().splitlines()))


def expected_row(scenario: Scenario) -> list[str]:
    row = [scenario.name, shown(scenario.nft), shown(scenario.ours)]
    return row if scenario.agree else [*row, f"`{scenario.expected}`", f"`{scenario.ours_expected}`"]


def test_what_is_the_same() -> None:
    assert rows("The same") == [expected_row(s) for s in ALL if s.agree]


def test_what_differs() -> None:
    assert [row[:5] for row in rows("Different")] == [expected_row(s) for s in ALL if not s.agree]


@pytest.mark.parametrize("row", rows("Different"), ids=lambda row: row[0])
def test_a_difference_has_its_reason(row: list[str]) -> None:
    assert len(row) == 6 and row[5].endswith(".") and len(row[5]) > 20


def test_names_and_packets() -> None:
    assert len({s.name for s in ALL}) == len(ALL)
    for s in ALL:
        assert len(s.arrives.nft) == len(s.arrives.ours) == len(s.packets), s.name
