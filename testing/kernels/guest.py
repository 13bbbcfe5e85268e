"""What runs on the other kernel: objects and frames in, the kernel's answers out, one line of JSON an object.

The first process there (`first_process`), or any other on this machine (`answer_all`). It imports little, the runtime
above all, and builds nothing: `initramfs` packs just what it loads.

A line: MARK, then {"kernel"}, {"object", "verified", "answers"}, {"object", "error", "log"}, {"object", "skipped"} or
{"end"}.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import struct
import traceback
from itertools import cycle
from pathlib import Path
from typing import Any, Final, get_args

from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.manifest import manifest_of
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.runtime.object import LOG_STATISTICS
from ebpfc.runtime.test_run import FrameError
from ebpfc.testing.kernel import Hook, KernelPolicy
from ebpfc.testing.wire import wire_policy

MARK: Final = "@@ "
FOLDER: Final = Path("/objects")
LIST: Final = "list.json"
"""In FOLDER: [{"object": file's name, "traced", "wire": bool, "frames": [hex], "times": [ns], "kernel": [5, 10]}].

"wire": frames are not for test runs, but are sent to the object, attached at a pair of devices. "times": none, or one
for each frame, of an object that takes the time from its map CLOCK. "kernel": an older one is not given the object."""
OVER_TIME: Final = "over time"
CLOCK: Final = "pf_clock"
MODULES: Final = Path("/modules")
_INIT_MODULE: Final = 175  # x86-64, arch/x86/entry/syscalls/syscall_64.tbl
_LOG_LENGTH: Final = 2000  # characters of a refusal's log, its end
_MOUNTS: Final = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run"))
_RESTART: Final = 0x01234567
"""LINUX_REBOOT_CMD_RESTART of linux/reboot.h: with -no-reboot qemu ends there, and it needs no ACPI."""


def first_process() -> None:
    """Never returns: the machine ends with it."""
    libc = ctypes.CDLL(None)
    for kind, target in _MOUNTS:
        libc.mount(kind.encode(), target.encode(), kind.encode(), 0, None)
    for module in MODULES.iterdir():
        code = module.read_bytes()
        libc.syscall(_INIT_MODULE, code, ctypes.c_ulong(len(code)), b"")
    try:
        answer_all(FOLDER)
    except Exception:
        traceback.print_exc()
    libc.reboot(_RESTART)


def answer_all(folder: Path) -> None:
    """Answers about every object of the folder's list, on standard output."""
    _say({"kernel": f"{os.uname().release} {os.uname().version}"})
    running = version(os.uname().release)
    for item in json.loads((folder / LIST).read_text()):
        answers = _item_answers(folder, item) if running >= tuple(item["kernel"]) else {"skipped": True}
        _say({"object": item["object"], **answers})
    _say({"end": True})


def version(release: str) -> tuple[int, int]:
    """The first two numbers of what uname(2) calls a kernel."""
    found = re.match(r"(\d+)\.(\d+)", release)
    assert found is not None, release
    return int(found[1]), int(found[2])


def _item_answers(folder: Path, item: dict[str, Any]) -> dict[str, Any]:
    """Of one entry of the list."""
    frames = [bytes.fromhex(frame) for frame in item["frames"]]
    data = (folder / item["object"]).read_bytes()
    try:
        if item["wire"]:
            return {"verified": [], "answers": _wire_answers(data, frames)}
        with _loaded(data, item["traced"]) as kernel:
            answers = _answers_over_time(kernel, frames, item["times"]) if item["times"] else _answers(kernel, frames)
            return {"verified": verified_instructions(kernel.log), "answers": answers}
    except ControlError as failure:
        return {"error": failure.message, "log": failure.raw[-_LOG_LENGTH:]}


def _answers(kernel: KernelPolicy, frames: list[bytes]) -> dict[str, Any]:
    """For each hook, and for each at tc once more as of merged segments, what became of each frame: [verdict, rule or
    None], or None where the kernel's test run does not take it."""
    answers: dict[str, Any] = {}
    for hook in get_args(Hook):
        if hook in kernel.hooks:
            answers[hook] = kernel.judge_all(hook, frames)
            if hook != "xdp":
                answers[f"{hook} merged"] = [_merged(kernel, hook, frame) for frame in frames]
    return answers


def _answers_over_time(kernel: KernelPolicy, frames: list[bytes], times: list[int]) -> dict[str, Any]:
    """What became of each frame at its time; the hooks, which share what is remembered, take turns."""
    clock = MapEntries(kernel.map(CLOCK).fd, CLOCK)
    answers = []
    for frame, time, hook in zip(frames, times, cycle([hook for hook in get_args(Hook) if hook in kernel.hooks])):
        clock.put(bytes(4), struct.pack("=Q", time))
        answers.append(kernel.judge(hook, frame))
    return {OVER_TIME: answers}


def _loaded(data: bytes, traced: bool) -> KernelPolicy:
    """With the verifier's statistics; when it refuses, once more without, to have its words."""
    try:
        return KernelPolicy(data, traced=traced, log_level=LOG_STATISTICS)
    except ControlError:
        return KernelPolicy(data, traced=traced)


def _wire_answers(data: bytes, frames: list[bytes]) -> dict[str, Any]:
    """As `_answers`, for each hook, and for each at tc once by a filter and once as the runtime likes best (TCX)."""
    answers: dict[str, Any] = {}
    for hook in get_args(Hook):
        if any(taken.hook == hook for taken in manifest_of(data).hooks):
            for tcx in (True,) if hook == "xdp" else (True, False):
                with wire_policy(data, hook, tcx=tcx) as wire:
                    answers[hook if tcx else f"{hook} filter"] = [wire.judge(frame) for frame in frames]
    return answers


def verified_instructions(log: str) -> list[int]:
    """How many instructions the verifier stepped through, of each program in turn (print_verification_stats of
    kernel/bpf/verifier.c). `struct bpf_prog_info` has the number too, but from 5.16 on only."""
    return [int(number) for number in re.findall(r"^processed (\d+) insns", log, re.MULTILINE)]


def _merged(kernel: KernelPolicy, hook: Hook, frame: bytes) -> tuple[str, int | None] | None:
    try:
        return kernel.judge(hook, frame, merged=True)
    except FrameError:
        return None


def _say(what: dict[str, Any]) -> None:
    print(MARK + json.dumps(what), flush=True)
