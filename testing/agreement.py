"""The readings of one policy held against each other: a policy's text and frames in, every disagreement out.

The object is a traced build (its return value tells the deciding rule), so verdict and rule are both compared.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, get_args

from ebpfc.compiler.ast.nodes import Policy
from ebpfc.compiler.ir.program import HookName
from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.compiler.pipeline import Compiled, Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.runtime.test_run import FrameError
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge

HOOKS: Final[tuple[HookName, ...]] = get_args(HookName)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`reference` and `kernel` are (verdict, deciding rule's number or None for the default)."""

    hook: str
    frame: bytes
    reference: tuple[str, int | None]
    kernel: tuple[str, int | None]

    def __str__(self) -> str:
        return f"{self.hook}: reference {self.reference}, kernel {self.kernel}: {self.frame.hex()}"


@functools.cache
def default_compiler() -> Compiler:
    """The compiler that a user would get without asking for one."""
    return find_compiler(None)


def build_traced(text: str, netmask: int | None = None) -> tuple[Compiled, bytes]:
    """Raises PolicyError, ToolchainError."""
    compiled = compile_text(text, Options(trace=True, netmask=netmask))
    return compiled, build_object(compiled, default_compiler())


def disagreements(
    policy: Policy, object_bytes: bytes, frames: list[bytes], *, merged: bool = False
) -> list[Disagreement]:
    """Frames that TEST_RUN cannot take at a hook are left out there."""
    found: list[Disagreement] = []
    with KernelPolicy(object_bytes) as kernel:
        for hook in HOOKS:
            if hook not in kernel.hooks:
                continue
            judge = Judge(policy)
            for frame, answer in zip(frames, _answers(kernel, hook, frames, merged), strict=True):
                if answer is None:
                    continue
                decision = judge.decide(Frame(frame, merged=merged), DIRECTIONS[hook])
                if (decision.verdict, decision.rule) != answer:
                    found.append(Disagreement(hook, frame, (decision.verdict, decision.rule), answer))
    return found


def _answers(
    kernel: KernelPolicy, hook: HookName, frames: list[bytes], merged: bool
) -> list[tuple[str, int | None] | None]:
    if not merged:
        return list(kernel.judge_all(hook, frames))
    answers: list[tuple[str, int | None] | None] = []
    for frame in frames:
        try:
            answers.append(kernel.judge(hook, frame, merged=True))
        except FrameError:
            answers.append(None)
    return answers
