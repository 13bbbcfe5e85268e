"""A file of keys for a table: one a line, as `ebpfctl table ... list` prints them.

In: lines of `KEY [for D]`, fields separated by spaces or commas, `#` and what follows left out. Out: the map's keys,
each with its duration. A wrong line is refused with file, line and column, and nothing of the file is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from ebpfc.runtime.durations import parse_duration
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.table_keys import KeyFormat, KeyTextError

Wanted = dict[bytes, int | None]
"""Keys of the map; ns that an entry shall last, None for the table's own timeout."""

_WORD: Final = re.compile(r"[^\s,]+")
_MAX_LINE: Final = 4096  # bytes
_PROGRESS: Final = 100_000  # lines between two reports


def split_entry(words: list[str]) -> tuple[list[str], int | None]:
    """The fields of a key, and the duration after a `for`, if there is one. ControlError when it is none."""
    if "for" not in words:
        return words, None
    place = words.index("for")
    if len(words) != place + 2:
        raise ControlError("a duration, and nothing else, stands after `for`", ("write it as: 10.0.0.1 for 10m",))
    return words[:place], parse_duration(words[place + 1])


def read_table_file(
    lines: Iterable[bytes], name: str, keys: KeyFormat, size: int, progress: Callable[[int], None]
) -> Wanted:
    """`size`: how many keys there is room for. `progress` is told, now and then, how many lines have been read.
    A key that stands there again counts as it stands there last."""
    wanted: Wanted = {}
    parse = keys.parse
    for number, line in enumerate(lines, 1):
        if number % _PROGRESS == 0:
            progress(number)
        try:
            text = line.decode()
            words = (text.partition("#")[0] if "#" in text else text).replace(",", " ").split()
            if not words:
                continue
            if len(line) > _MAX_LINE:
                raise ControlError("a line of a table's file has 4,096 bytes at most")
            fields, duration = split_entry(words)
            wanted[parse(fields)] = duration
        except UnicodeDecodeError:
            raise _refused(name, number, 1, "this is no text in UTF-8", ()) from None
        except ControlError as problem:
            raise _refused(name, number, _column(text, problem), problem.message, problem.hints) from None
        if len(wanted) > size:
            raise _refused(
                name, number, 1, f"there is room for {size} entries, and here is one more", ("`size` in the rules",)
            )
    return wanted


def _column(text: str, problem: ControlError) -> int:
    """Where the wrong word stands, from 1: that of a field, else of what follows `for`, else of the first."""
    starts = [found.start() + 1 for found in _WORD.finditer(text)]
    words = _WORD.findall(text)
    if isinstance(problem, KeyTextError):
        return starts[max(problem.field, 0)]
    place = words.index("for") + 1 if "for" in words else 0
    return starts[place] if place < len(starts) else starts[-1]


def _refused(name: str, line: int, column: int, message: str, hints: tuple[str, ...]) -> ControlError:
    return ControlError(f"{quote(name)}:{line}:{column}: {message}", (*hints, "nothing of the file is in the table"))
