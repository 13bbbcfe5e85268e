"""What the documents show is true: policies in them are accepted, commands print what stands below them, links lead.

Fences: `pf` is a whole policy that `ebpfc check` accepts without an error; `pf NAME` is also written to that file for
the commands after it; `console` is run and compared; `console root` only where root and BPF are there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebpfc.cli.main import main
from ebpfc.testing.documents import (
    Exchange,
    FencedBlock,
    exchanges,
    fenced_blocks,
    output_matches,
    own_commands,
    prose,
    run_command,
)

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path.relative_to(ROOT)
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("*.md")])
]
ERROR_PAGES = Path("docs/errors")


def blocks_of(document: Path) -> tuple[FencedBlock, ...]:
    return fenced_blocks((ROOT / document).read_text())


def with_console(privileged: bool) -> list[Path]:
    """Documents that have console blocks, or those that have ones for root."""
    return [
        path
        for path in DOCUMENTS
        if ERROR_PAGES not in path.parents
        and any(block.language == "console" and (not privileged or block.name == "root") for block in blocks_of(path))
    ]


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder with the examples in it, and an environment where the commands are this tree's."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path, own_commands(tmp_path / ".bin")


def sessions(document: Path, privileged: bool) -> Iterator[tuple[int, Exchange]]:
    """The commands that can be run, each with its block's line."""
    for block in blocks_of(document):
        if block.language == "console" and (privileged or block.name != "root"):
            yield from ((block.line, exchange) for exchange in exchanges(block))


def follow(document: Path, desk: tuple[Path, dict[str, str]], privileged: bool) -> None:
    """Does what the document says, from top to bottom; namespaces that it makes go, however far it comes."""
    folder, environment = desk
    for block in blocks_of(document):
        if block.language == "pf" and block.name:
            (folder / block.name).write_text(block.text)
    try:
        for line, exchange in sessions(document, privileged):
            printed = run_command(exchange.command, folder, environment)
            assert output_matches(exchange.expected, printed), (
                f"{document}:{line}: $ {exchange.command}\n--- shown\n{exchange.expected}\n--- printed\n{printed}"
            )
    finally:
        for _, exchange in sessions(document, privileged):
            if exchange.command.startswith("ip netns delete "):
                run_command(exchange.command, folder, environment)


@pytest.mark.parametrize("document", with_console(privileged=False), ids=str)
def test_commands_print_what_the_document_shows(document: Path, desk: tuple[Path, dict[str, str]]) -> None:
    follow(document, desk, privileged=False)


@pytest.mark.kernel
@pytest.mark.parametrize("document", with_console(privileged=True), ids=str)
def test_commands_for_root_print_what_the_document_shows(document: Path, desk: tuple[Path, dict[str, str]]) -> None:
    follow(document, desk, privileged=True)


@pytest.mark.parametrize(
    ("document", "block"),
    [
        pytest.param(path, block, id=f"{path}:{block.line}")
        for path in DOCUMENTS
        if ERROR_PAGES not in path.parents
        for block in blocks_of(path)
        if block.language == "pf"
    ],
)
def test_a_policy_in_a_document_is_accepted(
    document: Path, block: FencedBlock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.pf"
    policy.write_text(block.text)
    assert main(["check", str(policy)]) == 0, f"{document}:{block.line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    text = prose((ROOT / document).read_text())
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (ROOT / document.parent / target).exists(), f"{document}: {target}"


def test_a_block_may_be_indented_and_may_hold_another() -> None:
    text = (
        "# T\n\n1. one\n\n   ```pf a.pf\n   pass\n     drop\n   ```\n\n## U\n\n````markdown\n```pf\npass\n```\n````\n"
    )
    first, second = fenced_blocks(text)
    assert first == FencedBlock("pf", "a.pf", "pass\n  drop\n", 5, "T")
    assert (second.language, second.text, second.section) == ("markdown", "```pf\npass\n```\n", "U")


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a\n...\nd", "a\nd\n", True),
        ("took ... ms", "took 12 ms\n", True),
        ("", "", True),
        ("a", "a\nb\n", False),
        ("a", "", False),
        ("", "a\n", False),
        ("took ... ms", "took 12 s\n", False),
        ("a\n[exit 1]", "a\n", False),
    ],
)
def test_the_comparison_can_fail(expected: str, printed: str, same: bool) -> None:
    assert output_matches(expected, printed) is same
