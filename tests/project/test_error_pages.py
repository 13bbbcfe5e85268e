"""Each code has a page docs/errors/PFnnnn.md, and the page is true.

A page is headed `# PFnnnn: title` with the title of the table. Under `## Wrong` stands a policy (or a console session)
that answers with the code; under `## Right` the same, mended: the code is gone, and no error is left. Fences as in
test_documents.py; an unnamed policy is the one that is checked, named ones are files beside it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ebpfc.cli.main import main
from ebpfc.compiler.diagnostics.codes import CODES
from ebpfc.testing.documents import FencedBlock, exchanges, fenced_blocks, output_matches, own_commands, run_command

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "errors"
SELDOM = frozenset({"PF0901", "PF0999"})
"""No input is known to bring these about (PF0901 only where no compiler is installed): their page says what to do."""


def section(code: str, title: str) -> tuple[FencedBlock, ...]:
    blocks = fenced_blocks((PAGES / f"{code}.md").read_text())
    return tuple(block for block in blocks if block.section == title)


def shown_codes(blocks: tuple[FencedBlock, ...], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
    """What the section's policy (or its commands) print, and the exit code (of commands: 0, as they are compared)."""
    for block in blocks:
        if block.language == "pf":
            path = folder / (block.name or "policy.pf")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    sessions = [block for block in blocks if block.language == "console"]
    if not sessions:
        status = main(["check", str(folder / "policy.pf")])
        return capsys.readouterr().err, status
    environment = own_commands(folder / ".bin")
    printed = ""
    for block in sessions:
        for exchange in exchanges(block):
            answer = run_command(exchange.command, folder, environment)
            assert output_matches(exchange.expected, answer), f"$ {exchange.command}\n{answer}"
            printed += answer
    return printed, 0


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_has_a_page_with_its_title(code: str) -> None:
    page = PAGES / f"{code}.md"
    assert page.is_file(), f"{page} is missing"
    assert page.read_text().splitlines()[0] == f"# {code}: {CODES[code]}"


def test_no_page_is_left_over() -> None:
    assert {path.stem for path in PAGES.glob("PF*.md")} <= set(CODES)


@pytest.mark.parametrize("code", sorted(set(CODES) - SELDOM))
def test_the_wrong_example_shows_the_code(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = section(code, "Wrong")
    assert blocks, f"{code}.md shows nothing under ## Wrong"
    printed, status = shown_codes(blocks, tmp_path, capsys)
    assert f"[{code}]" in printed, printed
    if "error[" in printed and all(block.language == "pf" for block in blocks):
        assert status == 1


@pytest.mark.parametrize("code", sorted(set(CODES) - SELDOM))
def test_the_right_example_shows_no_error(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = section(code, "Right")
    assert blocks, f"{code}.md shows nothing under ## Right"
    printed, status = shown_codes(blocks, tmp_path, capsys)
    assert status == 0, printed
    assert not re.search(rf"error\[|\[{code}\]", printed), printed
