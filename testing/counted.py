"""What a policy counts. In: a compiled policy with counters, frames, a hook. Out: packets and bytes of each counter.

A counter is of a rule by its number, of a name, or of the default; one that counted nothing is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from ebpfc.compiler.ir.program import HookName
from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.compiler.pipeline import Compiled
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import default_compiler
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge

Counts: TypeAlias = dict[int | str | None, tuple[int, int]]
"""(packets, bytes) by a rule's number, a name, None for the default."""


def reference_counts(compiled: Compiled, frames: Sequence[bytes], hook: HookName) -> Counts:
    """Of a policy that remembers nothing."""
    judge = Judge(compiled.policy)
    packets: Counter[int | str | None] = Counter()
    sizes: Counter[int | str | None] = Counter()
    for frame in frames:
        decision = judge.decide(Frame(frame), DIRECTIONS[hook])
        default = (None,) if decision.rule is None else ()
        for counter in (*decision.path, *decision.counts, *default):
            packets[counter] += 1
            sizes[counter] += len(frame)
    return {counter: (packets[counter], sizes[counter]) for counter in packets}


def kernel_counts(compiled: Compiled, frames: Sequence[bytes], hook: HookName) -> Counts:
    """Of an object that was built without the trace option; each frame is judged once. FrameError as TestRunner."""
    with KernelPolicy(build_object(compiled, default_compiler()), traced=False) as kernel:
        for frame in frames:
            kernel.judge(hook, frame)
        moved = kernel.counters()
    found: Counts = {}
    for entry in compiled.manifest["counters"]:
        counter = moved[entry["index"]]
        if counter.packets:
            assert entry["hook"] == hook
            found[entry["rule"] if entry["kind"] == "rule" else entry["name"]] = (counter.packets, counter.bytes)
    return found
