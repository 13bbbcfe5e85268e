"""Policies → what other kernels are given: `Subject`s, objects with frames and the reference's answers.

Each policy gives an object as a user gets it, whose answer is a verdict, and a traced one, which tells the deciding
rule too. One that remembers gives both twice: as built when nothing is asked, and for Linux 5.10 where that is older.
Its traced object is told the time of each packet and asked about all of them in turn; the other is only loaded, as its
clock is the kernel's. Nothing here needs root or a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from random import Random
from typing import Final

from ebpfc.compiler.codegen.state_view import FLOOR
from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.compiler.ir.program import HookName
from ebpfc.compiler.ir.state import State
from ebpfc.compiler.lower.policy import DIRECTIONS, lower_state
from ebpfc.compiler.pipeline import Compiled
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.kernels.guest import OVER_TIME
from ebpfc.testing.kernels.policies import Policy
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_traffic import TimedFrame, random_traffic
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge
from ebpfc.testing.simulator import Simulator

_ON_A_WIRE: Final = range(18, 1501)  # bytes: with room for a tag, and within the device's MTU
_SHARE: Final = 10  # of a large policy's frames, one in so many
_TIMED: Final = 5  # packets over time for each frame of a policy that remembers nothing
_SHORTEST: Final = 60  # bytes: what every hook's test run takes, and every device

Answer = tuple[str, int | None]
"""Verdict and deciding rule, None the default's; of an object that is not traced always None."""
Version = tuple[int, int]


class BuildError(Exception):
    """No object of a policy; the text names it. It crosses from one process to another, as ToolchainError does not."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An object, frames, and by hook what the reference answers to each frame; at tc also for "tc ingress merged", or
    where the frames go over a `wire`, "tc ingress filter".

    One that `remembers` answers each frame by those before it. With `times`, in ns, frames go to the hooks by turns,
    and the answers are under OVER_TIME. `kernel` is the oldest that is given it.
    """

    name: str
    data: bytes
    traced: bool
    frames: tuple[bytes, ...]
    expected: dict[str, tuple[Answer, ...]]
    wire: bool = False
    remembers: bool = False
    times: tuple[int, ...] = ()
    kernel: Version = FLOOR


def subjects(chosen: Sequence[Policy], frames: int, jobs: int) -> list[Subject]:
    """Builds them all; those for the wire come last. Raises BuildError."""
    with ProcessPoolExecutor(jobs) as pool:
        built = [subject for some in pool.map(partial(policy_subjects, frames), chosen) for subject in some]
    return [s for s in built if not s.wire] + [s for s in built if s.wire]


def policy_subjects(frames: int, policy: Policy) -> tuple[Subject, ...]:
    """All of one policy; `frames` is how many it is given at each hook. Raises BuildError."""
    try:
        compiled = policy.compile(traced=True)
        count = frames // _SHARE if policy.large else frames
        if lower_state(compiled.policy) == State():
            return tuple(_of_each_frame(policy, compiled, count))
        return tuple(_over_time(policy, compiled, count * _TIMED))
    except (PolicyError, ToolchainError) as failure:
        raise BuildError(f"{policy.name}: {failure}") from None


# --------------------------------------------------------------------------------------------- what remembers nothing


def _of_each_frame(policy: Policy, traced: Compiled, count: int) -> Iterator[Subject]:
    frames = tuple(frames_for(Random(policy.name), traced.policy, count))
    told = expected_answers(traced, frames)
    data, compiler = build_object(policy.compile(traced=False), default_compiler()), default_compiler()
    yield Subject(policy.name, data, False, frames, _verdicts(told))
    yield Subject(f"{policy.name} traced", build_object(traced, compiler), True, frames, told)
    if policy.wire:
        # What a user would attach, and frames that travel; counters tell the rule.
        frames = tuple(frame for frame in frames if len(frame) in _ON_A_WIRE)
        told = expected_answers(traced, frames)
        answers = {key.replace(" merged", " filter"): told[key.removesuffix(" merged")] for key in told}
        yield Subject(f"{policy.name} on a wire", data, False, frames, answers, wire=True)


def expected_answers(compiled: Compiled, frames: tuple[bytes, ...]) -> dict[str, tuple[Answer, ...]]:
    """What the reference says, by hook; at tc also of the same frames as merged segments."""
    judge = Judge(compiled.policy)
    told: dict[str, tuple[Answer, ...]] = {}
    for hook in _hooks(compiled):
        for merged in (False,) if hook == "xdp" else (False, True):
            decisions = [judge.decide(Frame(frame, merged=merged), DIRECTIONS[hook]) for frame in frames]
            told[f"{hook} merged" if merged else hook] = tuple((d.verdict, d.rule) for d in decisions)
    return told


# ------------------------------------------------------------------------------------------------------- what remembers


def _over_time(policy: Policy, traced: Compiled, count: int) -> Iterator[Subject]:
    compiler, traffic = default_compiler(), _traffic(policy, traced, count)
    frames, times = tuple(timed.frame for timed in traffic), tuple(timed.time for timed in traffic)
    programs = tuple(hook for hook in HOOKS if hook in (*_hooks(traced), _companion(traced)))
    told = {OVER_TIME: answers_over_time(traced, programs, traffic)}
    unasked: dict[str, tuple[Answer, ...]] = dict.fromkeys(_ways(programs, " merged"), ())
    newest = _kernel(traced)
    for kernel in dict.fromkeys((newest, FLOOR)):
        name = f"{policy.name} for {kernel[0]}.{kernel[1]}"
        plain = build_object(policy.compile(traced=False, kernel=kernel), compiler)
        data = build_object(policy.compile(traced=True, kernel=kernel), compiler)
        yield Subject(name, plain, False, (), unasked, remembers=True, kernel=kernel)
        yield Subject(f"{name} traced", data, True, frames, told, remembers=True, times=times, kernel=kernel)
        if policy.wire:
            sent = [timed for timed in traffic if len(timed.frame) in _ON_A_WIRE][: count // _TIMED]
            soon = [TimedFrame(place, timed.frame) for place, timed in enumerate(sent)]
            answers = {
                key: answers_over_time(traced, (hook,), soon) for key, hook in _ways(_hooks(traced), " filter").items()
            }
            carried = tuple(timed.frame for timed in soon)
            yield Subject(f"{name} on a wire", plain, False, carried, answers, True, True, kernel=kernel)


def answers_over_time(
    compiled: Compiled, hooks: Sequence[HookName], traffic: Sequence[TimedFrame]
) -> tuple[Answer, ...]:
    """What the reference says of each packet, when they come to these hooks by turns; a companion passes all."""
    simulator, companion = Simulator(compiled.policy), _companion(compiled)
    answers: list[Answer] = []
    for timed, hook in zip(traffic, cycle(hooks), strict=False):
        if hook == companion:
            simulator.observe(timed.frame, timed.time, DIRECTIONS[hook])
            answers.append(("pass", None))
        else:
            decision = simulator.decide(timed.frame, timed.time, DIRECTIONS[hook])
            answers.append((decision.verdict, decision.rule))
    return tuple(answers)


def _traffic(policy: Policy, compiled: Compiled, count: int) -> list[TimedFrame]:
    draw = random_traffic if compiled.policy.track is None else random_flows
    return draw(Random(policy.name), compiled.policy, count, DIRECTIONS[_hooks(compiled)[0]], _SHORTEST)


# ------------------------------------------------------------------------------------------------------------ manifests


def _hooks(compiled: Compiled) -> tuple[HookName, ...]:
    """In the order in which the guest asks them."""
    named = {hook["hook"] for hook in compiled.manifest["hooks"]}
    return tuple(hook for hook in HOOKS if hook in named)


def _companion(compiled: Compiled) -> HookName | None:
    """The hook of the program that only tracks."""
    track = compiled.manifest.get("track") or {}
    named = track.get("companion") or {}
    return next((hook for hook in HOOKS if hook == named.get("hook")), None)


def _ways(hooks: Sequence[HookName], other: str) -> dict[str, HookName]:
    """What the guest calls its answers: hooks, and those at tc in the `other` way too."""
    return {f"{hook}{way}": hook for hook in hooks for way in (("",) if hook == "xdp" else ("", other))}


def _kernel(compiled: Compiled) -> Version:
    major, _, minor = str(compiled.manifest["kernel"]).partition(".")
    return int(major), int(minor)


def _verdicts(told: Mapping[str, tuple[Answer, ...]]) -> dict[str, tuple[Answer, ...]]:
    return {key: tuple((verdict, None) for verdict, _ in answers) for key, answers in told.items()}
