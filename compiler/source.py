"""Files of a policy → their text, with what is needed to point into it.

In: paths, or text given on the command line. Out: a `SourceMap` whose spans (character offsets) turn into lines and
columns. Reading refuses what is no text of a policy, each with a diagnostic of its own: a missing file, a folder,
no permission, anything that is no regular file, too large, empty, binary.
"""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ebpfc.compiler.ast.nodes import NOWHERE, Span
from ebpfc.compiler.diagnostics.model import Sink

MAX_BYTES = 16 * 1024 * 1024
"""The largest source that is read: LANGUAGE, "Checks"."""


@dataclass(frozen=True)
class SourceFile:
    """`path` as the user knows it (for messages), the text, and the bytes it was read from."""

    path: str
    text: str
    raw: bytes = field(repr=False)

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Offsets in characters at which the lines begin; a line ends with LF, nothing else."""
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return tuple(starts)


class SourceMap:
    """All files of one policy; `Span.file` is an index into `files`."""

    def __init__(self) -> None:
        self.files: list[SourceFile] = []

    def add_text(self, path: str, text: str) -> int:
        """Takes text that was not read from a file (`-e`, tests) under the name to show; returns its index."""
        self.files.append(SourceFile(path, text, text.encode("utf-8", "surrogatepass")))
        return len(self.files) - 1

    def read(self, path: Path, sink: Sink, *, shown: str | None = None, at: Span = NOWHERE) -> int | None:
        """Reads one file; its index, or None after a diagnostic at `at` (the `include`, or nowhere).

        `shown` is the path for messages when it is not `path` itself.
        """
        name = shown if shown is not None else str(path)
        raw = _read_bytes(path, name, sink, at)
        if raw is None:
            return None
        text = _decode(raw, name, sink, at)
        if text is None:
            return None
        self.files.append(SourceFile(name, text, raw))
        return len(self.files) - 1

    def position(self, span: Span) -> tuple[int, int]:
        """Line and column of a span's start, both from 1; the column counts characters."""
        starts = self.files[span.file].line_starts
        line = bisect_right(starts, span.start)
        return line, span.start - starts[line - 1] + 1

    def line_text(self, file: int, line: int) -> str:
        """The text of a line (from 1) without its line end."""
        source = self.files[file]
        start = source.line_starts[line - 1]
        end = source.text.find("\n", start)
        return source.text[start : end if end >= 0 else len(source.text)].removesuffix("\r")

    def excerpt(self, span: Span) -> str:
        """The text under a span."""
        return self.files[span.file].text[span.start : span.end]


def _read_bytes(path: Path, name: str, sink: Sink, at: Span) -> bytes | None:
    try:
        with open(path, "rb", opener=_open_at_once) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                sink.error("PF0108", f"{name} is no regular file", at, "no regular file")
            elif len(raw := stream.read(MAX_BYTES + 1)) > MAX_BYTES:
                hint = 'split it; long lists of values belong into files of their own: let NAME = file "FILE"'
                sink.error("PF0106", f"{name} is larger than 16 MB", at, "too large", (hint,))
            else:
                return raw
    except (FileNotFoundError, NotADirectoryError):
        sink.error("PF0101", f"no such file: {name}", at, "not found", ("check the path",))
    except IsADirectoryError:
        sink.error("PF0102", f"{name} is a folder", at, "a folder", ("name a file of rules in it",))
    except PermissionError:
        sink.error("PF0103", f"no permission to read {name}", at, "not readable")
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO).lower()
        sink.error("PF0108", f"{name} cannot be read: {reason}", at, "not readable")
    except ValueError:  # a NUL in the path
        sink.error("PF0108", f"{name} is not a path", at, "not a path")
    return None


def _open_at_once(path: str, flags: int) -> int:
    """Not blocking: opening a FIFO that no one writes to would wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _decode(raw: bytes, name: str, sink: Sink, at: Span) -> str | None:
    if not raw.strip():
        hint = "write at least one rule: `pass` lets everything through"
        sink.error("PF0105", f"{name} is empty", at, "empty", (hint,))
        return None
    if (nul := raw.find(b"\0")) >= 0:
        hint = "name a file of rules; what an object holds, `ebpfc inspect` shows"
        sink.error("PF0104", f"{name} is binary, not text: a NUL byte at offset {nul}", at, "not text", (hint,))
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"{name} is not UTF-8 text: byte 0x{raw[error.start]:02x} in line {line}"
        sink.error("PF0107", problem, at, "not UTF-8", ("save it as UTF-8 without a byte order mark",))
        return None
