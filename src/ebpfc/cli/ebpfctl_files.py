"""Files that `ebpfctl` reads: a name in, bytes or a stream out; a ControlError that says why when there is none."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import BinaryIO

from ebpfc.cli.input_file import Unopened, opened_input, reason_of
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.object import MAX_OBJECT


def read_object(path: str) -> bytes:
    """The bytes of an object file, and at most one byte more than the largest."""
    with opened_file(path) as stream:
        return stream.read(MAX_OBJECT + 1)


def opened_file(path: str) -> AbstractContextManager[BinaryIO]:
    """The file of that name, or stdin for "-"."""
    shown = "standard input" if path == "-" else quote(path)

    def refusal(error: Unopened) -> ControlError:
        if isinstance(error, FileNotFoundError | ValueError):
            return ControlError(f"no such file: {shown}")
        return ControlError(f"cannot read {shown}: {reason_of(error)}")

    return opened_input(path, refusal)
