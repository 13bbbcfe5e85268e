"""Captured frames judged by an object in the kernel, one by one: verdict and deciding rule of each.

In: an object's bytes, a hook, frames. Out: `Judged` records. The object is loaded for this alone and attached nowhere;
the deciding rule is the one whose counter moved. Frames that the kernel's test run cannot take are said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ebpfc.runtime.capture import Frame
from ebpfc.runtime.counters import COUNTERS_MAP, CounterReader
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.manifest import Manifest, Rule, Verdict, manifest_of
from ebpfc.runtime.object import load_object
from ebpfc.runtime.stats import counter_fits
from ebpfc.runtime.test_run import FrameError, TestRunner, largest_frame

_VERDICTS: Final[dict[str, dict[int, Verdict]]] = {
    "xdp": {1: "drop", 2: "pass"},
    "tc ingress": {2: "drop", 0xFFFFFFFF: "pass"},
    "tc egress": {2: "drop", 0xFFFFFFFF: "pass"},
}
_VERDICT_WORDS: Final = frozenset(("pass", "drop", "reject", "tx", "redirect", "balance"))


@dataclass(frozen=True, slots=True)
class Judged:
    """`verdict` None: the kernel could not judge it here, `problem` says why. `rule` None: the default decided,
    or the object has no counters (`by_default` False)."""

    frame: Frame
    verdict: Verdict | None
    rule: Rule | None = None
    by_default: bool = False
    problem: str = ""


def replay(data: bytes, frames: Iterable[Frame], hook: str = "") -> tuple[Manifest, str, Iterator[Judged]]:
    """`hook` "": XDP if the object is for it, else its first. Answers the hook that was taken, too."""
    manifest = manifest_of(data)
    names = [h.hook for h in manifest.hooks if h.hook in _VERDICTS]
    taken = hook or ("xdp" if "xdp" in names else names[0] if names else "")
    if taken not in names:
        shown = ", ".join(names) or "none that can be run here"
        raise ControlError(f"this object has no program for {quote(taken or 'any hook', 32)}: it is for {shown}")
    return manifest, taken, _judge(data, manifest, taken, frames)


def _judge(data: bytes, manifest: Manifest, hook: str, frames: Iterable[Frame]) -> Iterator[Judged]:
    program = next(h.program for h in manifest.hooks if h.hook == hook)
    with load_object(data, wanted={program}.__contains__) as loaded:
        if program not in loaded.programs:
            raise ControlError(f"this object's manifest speaks of a program {program}, which is not in it")
        runner = TestRunner(loaded.programs[program].fd, largest_frame(loaded.programs[program]))
        reader = _reader(manifest, loaded.maps[COUNTERS_MAP].fd if COUNTERS_MAP in loaded.maps else None)
        before = reader.raw() if reader else b""
        for frame in frames:
            try:
                retval = runner.retval(frame.data)
            except FrameError as problem:
                yield Judged(frame, None, problem=problem.message)
                continue
            verdict = _VERDICTS[hook].get(retval)
            if verdict is None:
                yield Judged(frame, None, problem=f"the program answered {retval:#x}, which is no verdict")
                continue
            if reader is None:
                yield Judged(frame, verdict)
                continue
            after = reader.raw()
            rule, by_default = decide(manifest, reader.changed(before, after))
            before = after
            yield Judged(frame, verdict, rule, by_default)


def _reader(manifest: Manifest, fd: int | None) -> CounterReader | None:
    if fd is None or not manifest.counters:
        return None
    reader = CounterReader(fd)
    counter_fits(manifest, reader)
    return reader


def decide(manifest: Manifest, changed: list[int]) -> tuple[Rule | None, bool]:
    """From the counters that one packet moved: the rule with a verdict among them, and whether the default decided."""
    for index in (i for i in changed if i < len(manifest.counters)):
        place = manifest.counters[index]
        if place.kind == "default":
            return None, True
        if place.rule is not None:
            rule = manifest.rules[place.rule]
            if any(action.partition(" ")[0] in _VERDICT_WORDS for action in rule.actions):
                return rule, False
    return None, False
