"""Files that commands read: a name in, a stream out, and why there is none in the command's own words."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ebpfc.runtime.errors import ControlError

Unopened = OSError | ValueError
"""Why a path leads to no stream; a ValueError: it holds a NUL byte."""


@contextmanager
def opened_input(path: str, refusal: Callable[[Unopened], ControlError]) -> Iterator[BinaryIO]:
    """The file of that name, or stdin for "-". Raises what `refusal` makes of the reason when it cannot be opened."""
    if path == "-":
        if sys.stdin is None:  # as the shell's `<&-` leaves it
            raise refusal(OSError(errno.EBADF, "it is closed"))
        yield sys.stdin.buffer
        return
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - only its opening may fail here
    except (OSError, ValueError) as error:
        raise refusal(error) from None
    with stream:
        yield stream


def reason_of(error: Unopened) -> str:
    """In lower case: "is a directory"."""
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else "not a path"
