"""Many pcap expressions in one object. In: expressions, frames for each. Out: where kernel and reference differ.

Every expression is a rule that only counts, so one program judges all of them, and the counters tell which matched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ebpfc.compiler.ast.nodes import Match
from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.runtime.test_run import FrameError
from ebpfc.testing.agreement import default_compiler
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.match import evaluate
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.scope import whole_frame


@dataclass(frozen=True, slots=True)
class Question:
    """One expression as text and as read, and the frames to ask it of."""

    text: str
    match: Match
    frames: tuple[bytes, ...]


@dataclass(slots=True)
class Answers:
    """`compared` frames, of which `matched` in the kernel; `failures` where the reference says otherwise."""

    compared: int = 0
    matched: int = 0
    failures: list[str] = field(default_factory=list)


def ask_the_kernel(questions: Sequence[Question]) -> Answers:
    """Raises PolicyError, ToolchainError. Frames that TEST_RUN cannot take are left out."""
    rules = [f'count "e{number}" {question.text}' for number, question in enumerate(questions)]
    compiled = compile_text("\n".join(rules) + "\n", Options(netmask=NETMASK))
    slots = {entry["name"]: entry["index"] for entry in compiled.manifest["counters"] if entry["kind"] == "named"}
    answers = Answers()
    with KernelPolicy(build_object(compiled, default_compiler()), traced=False) as kernel:
        for number, question in enumerate(questions):
            slot = slots[f"e{number}"]
            before = kernel.counters()[slot].packets
            for data in question.frames:
                try:
                    kernel.judge("xdp", data)
                except FrameError:
                    continue
                after = kernel.counters()[slot].packets
                matched, ours = after > before, _is_true(question.match, data)
                before = after
                answers.compared += 1
                answers.matched += matched
                if matched is not ours:
                    answers.failures.append(f"{question.text}: reference {ours}, kernel {matched}: {data.hex()}")
    return answers


def _is_true(match: Match, data: bytes) -> bool:
    frame = Frame(data)
    return evaluate(match, whole_frame(frame, "inbound", NETMASK, decode(frame)))[0] is True
