"""The process that undoes a policy on trial when nobody confirms it, whatever becomes of the terminal or ssh session.

In (`start`): a device, a token, seconds. Out: a process in a session of its own, ready before anything is attached. It
counts from the word `go`, or from the death of the command that started it, and ends early once the trial is over.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.installed import UNDO
from ebpfc.runtime.undo import end_trial

_READY_SECONDS = 15.0
_ATTACH_SECONDS = 120.0  # no verifier takes so long; a stopped command does
_LOOK_SECONDS = 0.5  # how soon the process ends after a confirmation


class Watchdog:
    """Use as a context around the attach: leaving it by an exception calls the watchdog off."""

    def __init__(self, device: Device, token: str, seconds: float) -> None:
        root = str(Path(__file__).absolute().parent.parent.parent)
        paths = [p for p in (*sys.path, root) if p]
        argv = [sys.executable, "-m", "ebpfc.runtime.watchdog", device.name, str(device.ifindex), token, str(seconds)]
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        if not self._is_ready():
            self._process.kill()
            self._process.wait()
            raise ControlError("cannot start the process that would undo the policy", ("attach without --confirm",))

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say(b"go\n" if kind is None else b"off\n")
        if kind is not None:
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.returncode = 0  # it outlives this command on purpose

    def _is_ready(self) -> bool:
        out = self._process.stdout
        return (
            out is not None and bool(select.select([out], [], [], _READY_SECONDS)[0]) and out.readline() == b"ready\n"
        )

    def _say(self, word: bytes) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(word)
                self._process.stdin.flush()


def watch(device: Device, token: str, seconds: float) -> None:
    """Waits until the time is over or the trial is gone; undoes it in the first case."""
    until = time.monotonic() + seconds
    trial = bpffs.device_folder(device.ifindex) / UNDO / "trial"
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))
        record = bpffs.read_record(trial)
        if record is None or record.get("token") != token:
            return
    end_trial(device, token)


def main() -> int:
    name, ifindex, token, seconds = sys.argv[1:5]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(1, b"ready\n")
    os.close(1)
    said, _, _ = select.select([sys.stdin], [], [], float(seconds) + _ATTACH_SECONDS)
    word = (
        sys.stdin.buffer.readline() if said else b""
    )  # empty: the command died or hangs, perhaps after it had attached
    if word != b"off\n":
        watch(Device(name, int(ifindex)), token, float(seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
