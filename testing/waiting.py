"""What comes true in its own time: the kernel ends processes and frees programs when it gets to it."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK_SECONDS = 0.05


def comes_true(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether the condition is found true within `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
