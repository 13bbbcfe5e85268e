"""Runs one tool to its end: an argument list in, its exit status and the beginning of what it printed out.

No shell, no standard input, an environment of our own, a limit on time and on output. The tool gets a process group of
its own, so that a timeout or ^C ends what it started too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

OUTPUT_LIMIT = 256 * 1024


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
        assert process.stdout is not None
        reader = threading.Thread(target=_keep_beginning, args=(process.stdout, kept), daemon=True)
        reader.start()
        timed_out = False
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _end_group(process)
        # A grandchild that left the group may hold the pipe open: do not wait for it.
        reader.join(timeout=1)
    return Finished(process.returncode, kept.decode("utf-8", "replace"), timed_out)


def _keep_beginning(stream: IO[bytes], kept: bytearray) -> None:
    while chunk := os.read(stream.fileno(), 65536):
        kept += chunk[: OUTPUT_LIMIT - len(kept)]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
