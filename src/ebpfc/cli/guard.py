"""The last line of defence of a command: whatever it raises becomes an exit code and words, never a traceback.

In: the command's function. Out: its exit code; 130 after ^C, 143 after SIGTERM, 3 after an error of our own (PF0999).
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from ebpfc.cli.output import printable

INTERRUPTED = 130
TERMINATED = 143
INTERNAL_ERROR = 3


def run_guarded(command: str, action: Callable[[], int]) -> int:
    """`command` is the name that messages begin with. EBPFC_TRACEBACK=1 shows where an internal error happened."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no error
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminate) if in_main else None
    try:
        status = action()
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_is_gone()
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as request:
        return request.code if isinstance(request.code, int) else 2 if request.code else 0
    except Exception as error:
        return _internal_error(command, error)
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)
    return status


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """As an exception, so that temporary files go and the compiler that we started ends."""
    raise SystemExit(TERMINATED)


def _reader_is_gone() -> int:
    """`ebpfc ... | head` has read what it wanted."""
    discard_output()
    return 0


def discard_output() -> None:
    """What standard output still holds goes nowhere: the interpreter must not complain when it flushes at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


def _internal_error(command: str, error: Exception) -> int:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" in {os.path.basename(frame.filename)}:{frame.lineno}" for frame in last)  # noqa: PTH119
    words = printable(f"{type(error).__name__}: {error}")[:500]
    lines = [
        f"error[PF0999]: internal error of {command}{place}: {words}",
        "  = help: this is a bug of ebpfc, not of your rules: please report it, with the rules and this message",
    ]
    if os.environ.get("EBPFC_TRACEBACK"):
        lines += [printable(line) for line in "".join(traceback.format_exception(error)).splitlines()]
    print(*lines, sep="\n", file=sys.stderr)
    return INTERNAL_ERROR
