"""A guest's answers held against the reference's. In: subjects and answers. Out: `Row`s, a table, every problem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ebpfc.testing.kernels.subjects import Subject

LIMIT: Final = 1_000_000
"""Instructions that the verifier steps through before it gives up: BPF_COMPLEXITY_LIMIT_INSNS of linux/bpf.h."""
_SHOWN: Final = 3  # answers of one object


@dataclass(frozen=True, slots=True)
class Row:
    """A kernel: how many objects it was given (not those for newer ones) and loaded, how many of their answers were
    compared with the reference's, and of those of policies that remember; the largest number of instructions that its
    verifier stepped through and for which object; the time with the boot in seconds; what went wrong."""

    kernel: str
    objects: int
    loaded: int
    compared: int
    differing: int
    remembered: int
    forgotten: int
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
    objects = loaded = compared = differing = remembered = forgotten = 0
    worst = (0, "")
    for subject, answer in zip(subjects, answers[1:], strict=True):
        if "skipped" in answer:
            continue
        objects += 1
        if "error" in answer:
            problems.append(f"{subject.name}: {answer['error']}\n{answer['log']}".strip())
            continue
        loaded += 1
        worst = max(worst, (max(answer["verified"], default=0), subject.name))
        count, wrong = _differences(subject, answer["answers"])
        compared, differing = compared + count, differing + len(wrong)
        if subject.remembers:
            remembered, forgotten = remembered + count, forgotten + len(wrong)
        problems += wrong[:_SHOWN]
    return Row(
        _version(answers[0]["kernel"]), objects, loaded, compared, differing, remembered, forgotten, *worst, seconds,
        tuple(problems),
    )  # fmt: skip


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
        told = zip(subject.frames, answers[hook], subject.expected[hook], strict=True)
        for place, (frame, got, expected) in enumerate(told):
            if got is None:
                continue
            compared += 1
            if tuple(got) != expected:
                what = f"packet {place}, reference {expected}, kernel {tuple(got)}"
                wrong.append(f"{subject.name}: {hook}: {what}: {frame.hex()}")
    return compared, wrong


def table(rows: Sequence[Row]) -> str:
    """In Markdown, which reads on a terminal too."""
    heads = ("kernel", "objects loaded", "answers as the reference's", "of those that remember",
             "most instructions verified", "boot and all")  # fmt: skip
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *map(_cells, rows)))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.kernel,
        f"{row.loaded} of {row.objects}",
        f"{row.compared - row.differing:,} of {row.compared:,}",
        f"{row.remembered - row.forgotten:,} of {row.remembered:,}",
        f"{row.worst:,} ({row.worst_object})",
        f"{row.seconds:.0f} s",
    )
