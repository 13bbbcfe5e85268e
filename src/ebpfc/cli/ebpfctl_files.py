"""Files that `ebpfctl` reads: a name in, bytes or a stream out; a ControlError that says why when there is none."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.object import MAX_OBJECT


def read_object(path: str) -> bytes:
    """The bytes of an object file, and at most one byte more than the largest."""
    with opened_file(path) as stream:
        return stream.read(MAX_OBJECT + 1)


@contextmanager
def opened_file(path: str) -> Iterator[BinaryIO]:
    """The file of that name, or stdin for "-"."""
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - only its opening may fail here
    except OSError as problem:
        raise _unreadable(path, problem) from None
    except ValueError:  # a NUL in the name
        raise ControlError(f"no such file: {quote(path)}") from None
    with stream:
        yield stream


def _unreadable(path: str, problem: OSError) -> ControlError:
    if problem.errno == errno.ENOENT:
        return ControlError(f"no such file: {quote(path)}")
    return ControlError(f"cannot read {quote(path)}: {os.strerror(problem.errno or errno.EIO).lower()}")
