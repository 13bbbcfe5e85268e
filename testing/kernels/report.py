"""A guest's answers held against the reference's. In: subjects and answers. Out: `Row`s, a table, every problem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ebpfc.testing.kernels.policies import Subject

LIMIT: Final = 1_000_000
"""Instructions that the verifier steps through before it gives up: BPF_COMPLEXITY_LIMIT_INSNS of linux/bpf.h."""
_SHOWN: Final = 3  # answers of one object


@dataclass(frozen=True, slots=True)
class Row:
    """A kernel: how many objects loaded, how many of their answers were compared with the reference's, the largest
    number of instructions that its verifier stepped through and for which object, the longest load with all frames in
    seconds; what went wrong."""

    kernel: str
    objects: int
    loaded: int
    compared: int
    differing: int
    worst: int
    worst_object: str
    seconds: float
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        return self.loaded == self.objects and not self.problems


def compare(subjects: Sequence[Subject], answers: Sequence[dict[str, Any]], seconds: float) -> Row:
    """`answers`: a guest's, the first of them its kernel; `seconds`: how long that took, the boot included."""
    problems: list[str] = []
    loaded = compared = differing = 0
    worst = (0, "")
    for subject, answer in zip(subjects, answers[1:], strict=True):
        if "error" in answer:
            problems.append(f"{subject.name}: {answer['error']}\n{answer['log']}".strip())
            continue
        loaded += 1
        worst = max(worst, (max(answer["verified"], default=0), subject.name))
        count, wrong = _differences(subject, answer["answers"])
        compared, differing = compared + count, differing + len(wrong)
        problems += wrong[:_SHOWN]
    return Row(
        _version(answers[0]["kernel"]), len(subjects), loaded, compared, differing, *worst, seconds, tuple(problems)
    )


def _version(kernel: str) -> str:
    """What uname says, in short: of Debian's, whose release leaves the stable series' number out, its package's."""
    package = re.search(r"Debian (\d\S*)", kernel)
    return package[1] if package else kernel.partition(" ")[0]


def _differences(subject: Subject, answers: dict[str, Any]) -> tuple[int, list[str]]:
    """How many answers there were, and those that are not the reference's. None is no answer: the kernel's test run
    does not take every frame."""
    wrong: list[str] = []
    compared = 0
    if answers.keys() != subject.expected.keys():
        wrong.append(f"{subject.name}: programs for {', '.join(answers)}, not {', '.join(subject.expected)}")
    for hook in answers.keys() & subject.expected.keys():
        for frame, got, expected in zip(subject.frames, answers[hook], subject.expected[hook], strict=True):
            if got is None:
                continue
            compared += 1
            if tuple(got) != expected:
                wrong.append(f"{subject.name}: {hook}: reference {expected}, kernel {tuple(got)}: {frame.hex()}")
    return compared, wrong


def table(rows: Sequence[Row]) -> str:
    """In Markdown, which reads on a terminal too."""
    lines = [
        "| kernel | objects loaded | answers as the reference's | most instructions verified | boot and all |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        agreed = row.compared - row.differing
        lines.append(
            f"| {row.kernel} | {row.loaded} of {row.objects} | {agreed:,} of {row.compared:,} "
            f"| {row.worst:,} ({row.worst_object}) | {row.seconds:.0f} s |"
        )
    return "\n".join(lines)
