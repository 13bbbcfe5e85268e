"""`ebpfc match EXPR FILE`: a match and a capture in; the packets that match printed, counted or written out.

The reference judges: no compiler, no kernel, no root. Packets are handled as they are read, so that a pipe can be
watched and a large file needs no memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final

from ebpfc.cli.guard import discard_output
from ebpfc.cli.input_file import Unopened, opened_input, reason_of
from ebpfc.cli.messages import print_diagnostics
from ebpfc.cli.output import OutputError, check_output, open_output, printable
from ebpfc.cli.packet_line import packet_line
from ebpfc.compiler.diagnostics.model import Diagnostic, PolicyError
from ebpfc.compiler.source import SourceMap
from ebpfc.runtime.capture import Capture, Frame, open_capture
from ebpfc.runtime.capture_writer import CaptureWriter
from ebpfc.runtime.errors import ControlError
from ebpfc.testing.selection import judge_of, select
from ebpfc.testing.semantics import Frame as JudgedFrame
from ebpfc.testing.semantics import Judge

DONE, WRONG_EXPRESSION, USAGE, UNREADABLE = 0, 1, 2, 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def run_match(arguments: argparse.Namespace) -> int:
    """Prints its own messages; returns the exit code."""
    sources = SourceMap()
    try:
        judge = judge_of(arguments.expression, sources, arguments.netmask)
        if arguments.output not in (None, "-"):
            check_output(arguments.output, () if arguments.capture == "-" else (arguments.capture,))
        with opened_input(arguments.capture, _unreadable) as stream:
            _answer(arguments, judge, open_capture(stream))
        sys.stdout.flush()
    except PolicyError as error:
        print_diagnostics(error.diagnostics, sources, arguments)
        return WRONG_EXPRESSION
    except OutputError as error:
        print_diagnostics((error.diagnostic,), sources, arguments)
        return USAGE
    except ControlError as error:
        problem = Diagnostic("PF0108", "error", f"{_shown(arguments)}: {error.message}", hints=error.hints)
        print_diagnostics((problem,), sources, arguments)
        return UNREADABLE
    except BrokenPipeError:
        raise
    except OSError as error:  # of standard output: captures and files have their own
        discard_output()
        problem = Diagnostic("PF0909", "error", f"cannot write standard output: {(error.strerror or '?').lower()}")
        print_diagnostics((problem,), sources, arguments)
        return USAGE
    return DONE


def _answer(arguments: argparse.Namespace, judge: Judge, capture: Capture) -> None:
    """Damage in the middle of a capture shows as a ControlError after what comes before it."""
    found = select(judge, _readable(capture.frames))
    if arguments.output is not None:
        found = _written(arguments.output, found, capture)
    count = 0
    for frame in found:
        count += 1
        if arguments.json:
            print(json.dumps(_record(frame)))
        elif not arguments.count and arguments.output is None:
            print(_line(frame))
    if arguments.count:
        print(count)


def _written(path: str, frames: Iterator[Frame], capture: Capture) -> Iterator[Frame]:
    """The frames, each written first. A file is whole, or as it was before."""
    if path == "-":
        sys.stdout.flush()
        yield from _copied(sys.stdout.buffer, frames, capture)
        sys.stdout.buffer.flush()
        return
    with open_output(path) as stream:
        yield from _copied(stream, frames, capture)


def _copied(stream: BinaryIO, frames: Iterator[Frame], capture: Capture) -> Iterator[Frame]:
    writer = CaptureWriter(stream, capture.snapshot, capture.unit_ns)
    for frame in frames:
        writer.write(frame)
        yield frame


def _line(frame: Frame) -> str:
    cut = f" ({len(frame.data)} captured)" if len(frame.data) < frame.length else ""
    words = packet_line(JudgedFrame(frame.data, length=frame.length))
    return f"{frame.number:>6}  {_time(frame)}  {frame.length:>5}  {words}{cut}"


def _record(frame: Frame) -> dict[str, int | str]:
    return {
        "number": frame.number,
        "time_ns": frame.time_ns,
        "length": frame.length,
        "captured": len(frame.data),
        "summary": packet_line(JudgedFrame(frame.data, length=frame.length)),
    }


def _time(frame: Frame) -> str:
    """UTC, to the microsecond; a time that no calendar holds as seconds."""
    try:
        moment = _EPOCH + timedelta(microseconds=frame.time_ns // 1000)
    except OverflowError:
        return f"{frame.time_ns / 1e9:.6f}"
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


# -------------------------------------------------------------------------------------------------------- the capture


def _readable(frames: Iterator[Frame]) -> Iterator[Frame]:
    """A disk that fails is no failure of the output."""
    try:
        yield from frames
    except OSError as error:
        raise _unreadable(error) from None


def _unreadable(error: Unopened) -> ControlError:
    return ControlError(f"cannot be read: {reason_of(error)}")


def _shown(arguments: argparse.Namespace) -> str:
    return "standard input" if arguments.capture == "-" else printable(arguments.capture)
