"""Runs one tool to its end: an argument list in, its exit status and the beginning of what it printed out.

No shell, no standard input, an environment of our own, a limit on time and on output. The tool gets a process group of
its own, so that a timeout or ^C ends what it started too.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

OUTPUT_LIMIT = 256 * 1024
LOOK_SECONDS = 0.2
ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Finished:
    """`status` as `subprocess` has it (negative: ended by that signal); `output` is both streams' first 256 KiB."""

    status: int
    output: str
    timed_out: bool = False


def run_tool(argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], timeout: float) -> Finished:
    """Raises OSError when the tool cannot be started; `timeout` is in seconds."""
    kept = bytearray()
    with (
        _endings_held() as release,
        subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            release()
            timed_out = not _wait(process, kept, time.monotonic() + timeout)
        finally:
            _end_group(process)
    return Finished(process.returncode, kept.decode("utf-8", "replace"), timed_out)


@contextlib.contextmanager
def _endings_held() -> Iterator[Callable[[], None]]:
    """What ^C or SIGTERM raises waits for the call of what this gives: raised while a tool starts, it would leave the
    tool behind. (A signal mask does not help: the kernel hands the signal to another thread.)"""
    held: list[int] = []
    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def release() -> None:
        while handlers:
            signal.signal(*handlers.popitem())
        while held:
            signal.raise_signal(held.pop())

    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, _frame: held.append(number))
    try:
        yield release
    finally:
        release()


def _wait(process: subprocess.Popen[bytes], kept: bytearray, deadline: float) -> bool:
    """Reads until the tool has ended, even if something that it started keeps the pipe open; False after `deadline`."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    while (left := deadline - time.monotonic()) > 0:
        if select.select([pipe], [], [], min(left, LOOK_SECONDS))[0]:
            chunk = os.read(pipe, 65536)
            kept += chunk[: OUTPUT_LIMIT - len(kept)]
            if not chunk:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(deadline - time.monotonic(), 0))
                return process.returncode is not None
        elif process.poll() is not None:
            return True
    return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
