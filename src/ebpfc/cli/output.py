"""Bytes to files and text to terminals: whole or not at all, and harmless whatever the text holds.

A file is written beside its name and renamed onto it, so that no reader and no ^C ever meets half an object. What is no
regular file (`/dev/null`, a pipe) is written in place.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from ebpfc.cli.input_file import reason_of
from ebpfc.compiler.diagnostics.model import Diagnostic


class OutputError(Exception):
    """The output cannot be written where the command line says: carries one diagnostic (PF0909). Exit code 2."""

    def __init__(self, message: str, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic("PF0909", "error", message, hints=hints)


def check_output(path: str, sources: Iterable[str]) -> None:
    """Refuses early what would fail late. `sources` are files that must not be overwritten. Raises OutputError."""
    target = Path(path)
    shown = printable(path)
    try:
        folder = Path(os.path.realpath(path)).parent
        if not path or target.is_dir() or path.endswith("/"):
            raise OutputError(f"the output {shown or '(empty)'} is a folder", ("name a file: -o out.o",))
        if any(_is_same_file(path, source) for source in sources):
            raise OutputError(
                f"the output {shown} is the source itself", ("give the object a name of its own: -o out.o",)
            )
        if not folder.is_dir():
            raise OutputError(f"cannot write {shown}: no such folder", ("make the folder first",))
        writable = target if target.exists() and not _is_regular(path) else folder
        if not os.access(writable, os.W_OK):
            raise OutputError(f"cannot write {shown}: no permission in the folder")
    except (OSError, ValueError) as error:
        raise _failed(shown, error) from error


def write_output(path: str, content: bytes) -> None:
    """Raises OutputError; then nothing of `content` is left, and an older file is as it was."""
    with open_output(path) as stream:
        stream.write(content)


@contextmanager
def open_output(path: str) -> Iterator[BinaryIO]:
    """As `write_output`, for what is too much to hold: the file stands under its name when the block ends well."""
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not _is_regular(path):
            with target.open("wb") as stream:
                yield stream
            return
        with _replacing(target) as stream:
            yield stream
    except (OSError, ValueError) as error:
        raise _failed(printable(path), error) from error


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    handle, name = tempfile.mkstemp(prefix=".ebpfc-", dir=target.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The only way to read it is to set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _is_regular(path: str) -> bool:
    return stat.S_ISREG(Path(path).stat().st_mode)


def _is_same_file(path: str, source: str) -> bool:
    try:
        return Path(path).samefile(source)
    except (OSError, ValueError):
        return False


def _failed(shown: str, error: OSError | ValueError) -> OutputError:
    return OutputError(f"cannot write {shown}: {reason_of(error)}")


def printable(text: str) -> str:
    r"""Text for a terminal: what is not printable becomes `\xNN`, `\uNNNN` or `\UNNNNNNNN`; U+2028 and bidi too."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def wants_colour(choice: str, stream: TextIO) -> bool:
    """`auto` is: a terminal that can, and no variable NO_COLOR (no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
