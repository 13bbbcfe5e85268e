"""What other kernels are given. In: how many random policies and frames. Out: `Subject`s, objects with the reference's
answers: the examples, the bench's policies, random ones at all three hooks, and large ones.

Each policy gives two subjects: the object that a user gets, whose answer is a verdict, and a traced one, which tells
the deciding rule too. Nothing here needs root or a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.compiler.pipeline import Compiled, Options, SourceInput, compile_policy, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.kernels.large import any_shape, five_tuple, large_policy
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import random_policy
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge

ROOT: Final = Path(__file__).resolve().parents[2]
LARGE: Final = (60, 300, 1000)
"""Rules of the large policies."""
_LARGE: Final = 100  # rules; beyond, the reference takes minutes for all frames
_WIRED: Final = frozenset(("examples-edge", "examples-tc", "examples-trunk", *(f"random-{n}" for n in range(3, 20))))
_ON_A_WIRE: Final = range(18, 1501)  # bytes: with room for a tag, and within the device's MTU
_SHARE: Final = 10  # of the frames, then, one in so many

Answer = tuple[str, int | None]
"""Verdict and deciding rule, None the default's; of an object that is not traced always None."""


class BuildError(Exception):
    """No object of a policy; the text names it. It crosses from one process to another, as ToolchainError does not."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`path`: rules in a file. `text`: rules in none. `large`: given few frames, for the reference's sake."""

    name: str
    path: Path | None = None
    text: str = ""
    large: bool = False

    @property
    def wire(self) -> bool:
        """Few, for attaching takes time, and none that asks for the number of a device that is yet to be made."""
        return self.name in _WIRED and "ifindex" not in self.text

    def compile(self, traced: bool) -> Compiled:
        """Raises PolicyError."""
        options = Options(trace=traced, netmask=NETMASK)
        if self.path is None:
            return compile_text(self.text, options)
        return compile_policy(SourceInput(path=str(self.path)), options)


@dataclass(frozen=True, slots=True)
class Subject:
    """An object, frames, and by hook what the reference answers to each frame; at tc also for "tc ingress merged", or
    where the frames go over a `wire`, "tc ingress filter"."""

    name: str
    data: bytes
    traced: bool
    frames: tuple[bytes, ...]
    expected: dict[str, tuple[Answer, ...]]
    wire: bool = False


def policies(random: int) -> Iterator[Policy]:
    """The same ones every time."""
    for folder in ("examples", "bench/policies"):
        for path in sorted((ROOT / folder).glob("*.pf")):
            yield Policy(f"{folder.partition('/')[0]}-{path.stem}", path)
    for seed in range(random):
        rng = Random(seed)
        yield Policy(f"random-{seed}", text=random_policy(rng, HOOKS, rules=1 + seed % 20, netmask=True)[0])
    for rules in LARGE:
        yield Policy(f"alike-{rules}", text=large_policy(rules, five_tuple), large=rules > _LARGE)
        yield Policy(f"mixed-{rules}", text=large_policy(rules, any_shape), large=rules > _LARGE)


def subjects(chosen: list[Policy], frames: int, jobs: int) -> list[Subject]:
    """Builds them all, two for each policy, and for those for the wire a third. Raises BuildError."""
    with ProcessPoolExecutor(jobs) as pool:
        built = [subject for pair in pool.map(partial(both_builds, frames), chosen) for subject in pair]
    for_wires = {policy.name: policy for policy in chosen if policy.wire}
    return built + [on_a_wire(subject, for_wires[subject.name]) for subject in built if subject.name in for_wires]


def both_builds(frames: int, policy: Policy) -> tuple[Subject, Subject]:
    """The plain and the traced subject of one policy. Raises BuildError."""
    try:
        return _both_builds(frames, policy)
    except (PolicyError, ToolchainError) as failure:
        raise BuildError(f"{policy.name}: {failure}") from None


def on_a_wire(plain: Subject, policy: Policy) -> Subject:
    """The subject that a user would attach, and frames that travel; counters tell the rule."""
    frames = tuple(frame for frame in plain.frames if len(frame) in _ON_A_WIRE)
    told = expected_answers(policy.compile(traced=False), list(plain.expected), frames)
    answers = {key.replace(" merged", " filter"): told[key.removesuffix(" merged")] for key in plain.expected}
    return Subject(f"{plain.name} on a wire", plain.data, False, frames, answers, wire=True)


def _both_builds(frames: int, policy: Policy) -> tuple[Subject, Subject]:
    rng = Random(policy.name)
    chosen = tuple(random_frame(rng) for _ in range(frames // _SHARE if policy.large else frames))
    plain, traced = (policy.compile(traced) for traced in (False, True))
    hooks = [hook["hook"] for hook in plain.manifest["hooks"]]
    told = expected_answers(traced, hooks, chosen)
    verdicts: dict[str, tuple[Answer, ...]] = {
        key: tuple((verdict, None) for verdict, _ in answers) for key, answers in told.items()
    }
    compiler = default_compiler()
    return (
        Subject(policy.name, build_object(plain, compiler), False, chosen, verdicts),
        Subject(f"{policy.name} traced", build_object(traced, compiler), True, chosen, told),
    )


def expected_answers(compiled: Compiled, hooks: list[str], frames: tuple[bytes, ...]) -> dict[str, tuple[Answer, ...]]:
    """What the reference says, by hook; at tc also of the same frames as merged segments."""
    judge = Judge(compiled.policy)
    told: dict[str, tuple[Answer, ...]] = {}
    for hook in HOOKS:
        if hook in hooks:
            for merged in (False,) if hook == "xdp" else (False, True):
                decisions = [judge.decide(Frame(frame, merged=merged), DIRECTIONS[hook]) for frame in frames]
                told[f"{hook} merged" if merged else hook] = tuple((d.verdict, d.rule) for d in decisions)
    return told
