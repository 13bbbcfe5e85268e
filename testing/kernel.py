"""A compiled policy judged by the kernel itself: `KernelPolicy(object).judge(hook, frame)`.

In: the bytes of an object, best built with the trace option, whose programs answer
`(rule number + 1) << 8 | (verdict & 0xff)` with 0 for the default. Out: verdict and deciding rule of each frame.
Needs root (CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON); `kernel_available` says whether they are there, else why not.
"""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Final, Literal

from ebpfc.runtime.counters import COUNTERS_MAP, Counter, CounterReader
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.object import LoadedMap, load_object, require_privilege
from ebpfc.runtime.test_run import FrameError, Outcome, TestRunner, largest_frame, skb_context

Hook = Literal["xdp", "tc ingress", "tc egress"]
Verdict = Literal["pass", "drop"]

PROGRAMS: Final[dict[str, str]] = {"xdp": "pf_xdp", "tc ingress": "pf_tc_ingress", "tc egress": "pf_tc_egress"}
MERGED_SEGMENT: Final = 1000
"""`gso_size` of a frame that a test calls merged: any number but 0 means it."""

_XDP_VERDICTS: Final[dict[int, Verdict]] = {1: "drop", 2: "pass"}
_TC_VERDICTS: Final[dict[int, Verdict]] = {2: "drop", 0xFF: "pass"}
_BARE_PASS: Final = 0xFFFFFFFF  # TC_ACT_UNSPEC


class KernelPolicy:
    """The object's programs, loaded. `traced=False` for an object without the trace option: then the rule is None.
    `log_level` and `log`: as `load_object` has them."""

    def __init__(self, object_bytes: bytes, *, traced: bool = True, log_level: int = 0) -> None:
        self._loaded = load_object(object_bytes, log_level=log_level)
        self._traced = traced
        self._runners = {
            hook: TestRunner(self._loaded.programs[name].fd, largest_frame(self._loaded.programs[name]))
            for hook, name in PROGRAMS.items()
            if name in self._loaded.programs
        }

    @property
    def hooks(self) -> tuple[str, ...]:
        return tuple(self._runners)

    @property
    def log(self) -> str:
        return self._loaded.log

    def judge(self, hook: Hook, frame: bytes, mark: int = 0, merged: bool = False) -> tuple[Verdict, int | None]:
        """Verdict and deciding rule's index (None: the default). FrameError when TEST_RUN cannot take the frame;
        `mark` and `merged` are of tc hooks only, where an XDP program cannot know of them."""
        retval = self._runners[hook].retval(frame, _context(hook, mark, merged))
        return self._read(hook, retval)

    def judge_all(self, hook: Hook, frames: list[bytes]) -> list[tuple[Verdict, int | None] | None]:
        """As `judge` for many frames, some 200,000 a second; None stands where TEST_RUN cannot take the frame."""
        retval = self._runners[hook].retval
        seen: dict[int, tuple[Verdict, int | None]] = {}
        answers: list[tuple[Verdict, int | None] | None] = []
        for frame in frames:
            try:
                answer = retval(frame)
            except FrameError:
                answers.append(None)
                continue
            if answer not in seen:
                seen[answer] = self._read(hook, answer)
            answers.append(seen[answer])
        return answers

    def run(self, hook: Hook, frame: bytes, repeat: int = 1, mark: int = 0, merged: bool = False) -> Outcome:
        """The bare answer, the mean time of a run, and the frame afterwards."""
        return self._runners[hook].run(frame, repeat, _context(hook, mark, merged))

    def counters(self) -> list[Counter]:
        """Every counter of the object, summed over CPUs; empty when it was built without."""
        found = self._loaded.maps.get(COUNTERS_MAP)
        return CounterReader(found.fd).read() if found else []

    def map(self, name: str) -> LoadedMap:
        """Raises KeyError when the object has none of this name."""
        return self._loaded.maps[name]

    def close(self) -> None:
        self._loaded.close()

    def __enter__(self) -> KernelPolicy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, hook: Hook, retval: int) -> tuple[Verdict, int | None]:
        verdicts = _XDP_VERDICTS if hook == "xdp" else _TC_VERDICTS
        verdict = verdicts.get(retval & 0xFF)
        if verdict is None or (not self._traced and retval not in (retval & 0xFF, _BARE_PASS)):
            raise ControlError(f"the program of {hook} answered {retval:#x}, which is no verdict of a policy")
        # A companion program of tc answers bare in a traced object too.
        number = retval >> 8 if self._traced and retval != _BARE_PASS else 0
        return verdict, number - 1 if number else None


def _context(hook: Hook, mark: int, merged: bool) -> bytes | None:
    if not mark and not merged:
        return None
    if hook == "xdp":
        raise ValueError("an XDP program sees neither a mark nor merged segments")
    return skb_context(mark=mark, gso_size=MERGED_SEGMENT if merged else 0, gso_segs=2 if merged else 0)


@functools.cache
def kernel_available() -> str | None:
    """None when this process can load and run BPF programs, else the reason why not."""
    try:
        require_privilege()
    except ControlError as failure:
        return failure.message
    return None
