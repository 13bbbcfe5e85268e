"""JSON that nobody vouches for, looked at key by key: each reading checks a type and a range, or refuses by place.

In: what `json.loads` has made of a manifest. Out: numbers within bounds, words of a list, texts fit for a terminal.
Raises ControlError, which names the place (`rules[3].line`) and what should stand there.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn, TypeGuard

from ebpfc.runtime.errors import ControlError, quote

_MAX_TEXT: Final = 400  # characters shown of a rule, a path or a name


def shown(text: str) -> str:
    """The first line of a foreign text, escaped and cut: fit for a terminal or a message."""
    first, _, rest = text.strip().partition("\n")
    return quote(first.rstrip() + (" …" if rest else ""), _MAX_TEXT)


class JsonTable:
    """A JSON object that is looked at key by key; `place` names it in refusals."""

    def __init__(self, value: object, place: str) -> None:
        if not _is_table(value):
            refuse(place, "an object")
        self._value = value
        self._place = place

    def refuse(self, key: str, expected: str) -> NoReturn:
        refuse(f"{self._place}.{key}", expected)

    def number(self, key: str, lowest: int = 0, highest: int = 1 << 31) -> int:
        value = self._value.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            self.refuse(key, f"a number from {lowest} to {highest}")
        return value

    def optional_number(self, key: str, highest: int) -> int | None:
        return None if self._value.get(key) is None else self.number(key, 0, highest)

    def text(self, key: str) -> str:
        value = self._value.get(key)
        if not isinstance(value, str):
            self.refuse(key, "a text")
        return shown(value)

    def optional_text(self, key: str) -> str:
        return "" if self._value.get(key) is None else self.text(key)

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self._value.get(key)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            self.refuse(key, f"a text of the form {pattern.pattern}")
        return value

    def word(self, key: str, words: tuple[str, ...]) -> str:
        value = self._value.get(key)
        if not isinstance(value, str) or value not in words:
            self.refuse(key, " or ".join(words))
        return value

    def flag(self, key: str) -> bool:
        value = self._value.get(key)
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value

    def table(self, key: str) -> JsonTable:
        return JsonTable(self._value.get(key), f"{self._place}.{key}")

    def items(self, key: str, most: int) -> list[Any]:
        value = self._value.get(key)
        if not isinstance(value, list) or len(value) > most:
            self.refuse(key, f"an array of at most {most} entries")
        return value

    def tables(self, key: str, most: int) -> list[JsonTable]:
        place = key if self._place == "manifest" else f"{self._place}.{key}"
        return [JsonTable(entry, f"{place}[{n}]") for n, entry in enumerate(self.items(key, most))]

    def optional_tables(self, key: str, most: int) -> list[JsonTable]:
        return [] if self._value.get(key) is None else self.tables(key, most)

    def optional_table(self, key: str) -> JsonTable | None:
        return None if self._value.get(key) is None else self.table(key)


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def refuse(place: str, expected: str) -> NoReturn:
    raise ControlError(f"this object's manifest is damaged: {place} should be {expected}")
