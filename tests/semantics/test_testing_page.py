"""docs/testing.md is true: its tests pass where its rules are, and one of them can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebpfc.testing.documents import FencedBlock, fenced_blocks

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCKS = fenced_blocks(PAGE.read_text())
TESTS = [block for block in BLOCKS if block.language == "python"]


def run(block: FencedBlock) -> int:
    """How many test functions it has; each is called."""
    names: dict[str, Any] = {}
    exec(compile(block.text, block.name or "snippet", "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    for test in tests:
        test()
    return len(tests)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's rules in it."""
    for block in BLOCKS:
        if block.language == "pf" and block.name:
            (tmp_path / block.name).write_text(block.text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", TESTS, ids=lambda block: block.name)
def test_a_test_of_the_page_passes(block: FencedBlock, desk: Path) -> None:
    assert run(block) == 1


def test_a_test_of_the_page_fails_where_the_rules_are_others(desk: Path) -> None:
    rules = desk / "ban.pf"
    rules.write_text(rules.read_text().replace("for 1h", "for 2h"))
    with pytest.raises(AssertionError):
        run(TESTS[0])
