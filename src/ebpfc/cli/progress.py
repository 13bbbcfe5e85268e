"""A line on the terminal that says what takes so long: stages in, nothing out unless more than two seconds pass.

Only on a terminal, on standard error, and wiped when the work is done.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TextIO

SILENT_SECONDS = 2.0
REFRESH_SECONDS = 0.5


class Progress:
    """`with Progress(enabled) as progress: progress.stage("compiling") ...`"""

    def __init__(self, enabled: bool, stream: TextIO | None = None, command: str = "ebpfc") -> None:
        self._command = command
        self._stream = stream if stream is not None else sys.stderr
        self._enabled = enabled and self._stream.isatty()
        self._stage = ""
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def stage(self, words: str) -> None:
        """What is being done from now on: "compiling"."""
        self._stage = words

    def __enter__(self) -> Progress:
        if self._enabled:
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _draw(self) -> None:
        began = time.monotonic()
        if self._done.wait(SILENT_SECONDS):
            return
        while True:
            self._stream.write(f"\r\x1b[K{self._command}: {self._stage} ... {time.monotonic() - began:.0f} s")
            self._stream.flush()
            if self._done.wait(REFRESH_SECONDS):
                break
        self._stream.write("\r\x1b[K")
        self._stream.flush()
