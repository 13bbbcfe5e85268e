"""Times as the rules write them (`10m`), and as `list` shows them: text to nanoseconds and back."""

from __future__ import annotations

import re
from typing import Final

from ebpfc.runtime.errors import ControlError, quote

_UNITS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_DURATION: Final = re.compile(r"([0-9]{1,15})(ms|s|m|h|d)")
_LONGEST: Final = 1 << 62  # ns; with the clock's own 64 bits there is no overflow


def parse_duration(text: str) -> int:
    """Nanoseconds, at least one millisecond. ControlError when `text` is no duration."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ControlError(f"`{quote(text, 60)}` is no duration", ("write 500ms, 30s, 10m, 2h or 7d",))
    duration = int(found[1]) * _UNITS[found[2]]
    if not 0 < duration <= _LONGEST:
        raise ControlError(f"`{text}` is out of range: from 1ms to {_LONGEST // _UNITS['d']}d")
    return duration


def show_duration(ns: int) -> str:
    """As `parse_duration` reads it, in the largest unit that is exact; rounded up to seconds, or milliseconds below."""
    if ns <= 999 * _UNITS["ms"]:
        return f"{-(-ns // _UNITS['ms'])}ms"
    seconds = -(-ns // _UNITS["s"]) * _UNITS["s"]
    unit = next(u for u in ("d", "h", "m", "s") if seconds % _UNITS[u] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
