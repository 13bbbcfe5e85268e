"""What is made of a guest's answers; the guest is played."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ebpfc.testing.kernels.__main__ import write_measured
from ebpfc.testing.kernels.boot import BootError, answers_in
from ebpfc.testing.kernels.report import Row, compare, table
from ebpfc.testing.kernels.subjects import Subject

FRAMES = (b"\0" * 60, b"\1" * 10)
SUBJECT = Subject("edge traced", b"", True, FRAMES, {"xdp": (("drop", 3), ("pass", None))})

KERNEL = "5.10.0-46-cloud-amd64 #1 SMP Debian 5.10.262-1 (2026-10-01)"


def row(answer: dict[str, Any]) -> Row:
    return compare([SUBJECT], [{"kernel": KERNEL}, answer], 12.4)


def test_answers_as_the_reference_gives_them() -> None:
    found = row({"verified": [70, 900, 80], "answers": {"xdp": [["drop", 3], ["pass", None]]}})
    assert found.good
    assert (found.loaded, found.compared, found.differing, found.worst) == (1, 2, 0, 900)
    assert "| 5.10.262-1 | 1 of 1 | 2 of 2 | 0 of 0 | 900 (edge traced) | 12 s |" in table([found])


def test_an_object_for_newer_kernels_does_not_count() -> None:
    found = row({"skipped": True})
    assert found.good
    assert (found.objects, found.loaded, found.compared) == (0, 0, 0)


def test_answers_of_what_remembers_are_counted_apart() -> None:
    subject = replace(SUBJECT, remembers=True)
    answer = {"verified": [1], "answers": {"xdp": [["drop", 3], ["drop", None]]}}
    found = compare([SUBJECT, subject], [{"kernel": KERNEL}, answer, answer], 0)
    assert (found.compared, found.differing, found.remembered, found.forgotten) == (4, 2, 2, 1)
    assert "packet 1, reference ('pass', None), kernel ('drop', None)" in found.problems[0]
    assert "| 2 of 4 | 1 of 2 |" in table([found])


def test_a_kernel_that_is_not_debians_is_called_by_its_release() -> None:
    assert compare([], [{"kernel": "6.18.44-fc #2 SMP Tue"}], 0).kernel == "6.18.44-fc"


def test_a_frame_that_the_kernel_does_not_take_is_not_compared() -> None:
    found = row({"verified": [1], "answers": {"xdp": [["drop", 3], None]}})
    assert found.good
    assert found.compared == 1


@pytest.mark.parametrize("wrong", [["pass", 3], ["drop", 4], ["drop", None]])
def test_another_verdict_or_rule_is_a_problem(wrong: list[object]) -> None:
    found = row({"verified": [1], "answers": {"xdp": [wrong, ["pass", None]]}})
    assert not found.good
    assert (found.compared, found.differing) == (2, 1)
    assert "edge traced: xdp: packet 0, reference ('drop', 3)" in found.problems[0]
    assert FRAMES[0].hex() in found.problems[0]


def test_a_program_that_is_missing_is_a_problem() -> None:
    assert not row({"verified": [], "answers": {}}).good


def test_an_object_that_does_not_load_is_a_problem_with_the_verifiers_words() -> None:
    found = row({"error": "the verifier refused program pf_xdp", "log": "R1 invalid mem access"})
    assert not found.good
    assert found.loaded == 0
    assert "R1 invalid mem access" in found.problems[0]


CONSOLE = 'Booting\r\n[    1.0] x @@ {"kernel": "6.1.0"}\r\nnoise\n@@ {"object": "0.o"}\n'


def test_the_answers_among_the_kernels_lines() -> None:
    assert answers_in(CONSOLE + '@@ {"end": true}\r\n[    9.0] reboot\n') == [{"kernel": "6.1.0"}, {"object": "0.o"}]


def test_a_guest_that_did_not_come_to_its_end() -> None:
    with pytest.raises(BootError, match="Kernel panic"):
        answers_in(CONSOLE + "Kernel panic - not syncing")


def test_the_table_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    page = tmp_path / "kernels.md"
    page.write_text("before\n<!-- measured -->\nold\n<!-- end -->\nafter\n")
    write_measured(page, [row({"verified": [5], "answers": {"xdp": [None, None]}})], 1)
    text = page.read_text()
    assert text.startswith("before\n<!-- measured -->\n\nMeasured on 2")
    assert "| 5.10.262-1 | 1 of 1 |" in text
    assert "old" not in text
    assert text.endswith("<!-- end -->\nafter\n")
