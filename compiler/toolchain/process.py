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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OUTPUT_LIMIT = 256 * 1024
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Finished:
    """`status` as `subprocess` has it (negative: ended by that signal); `output` is both streams' first 256 KiB."""

    status: int
    output: str
    timed_out: bool = False


def run_tool(argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], timeout: float) -> Finished:
    """Raises OSError when the tool cannot be started; `timeout` is in seconds."""
    kept = bytearray()
    with subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            timed_out = not _wait(process, kept, time.monotonic() + timeout)
        finally:
            _end_group(process)
    return Finished(process.returncode, kept.decode("utf-8", "replace"), timed_out)


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
