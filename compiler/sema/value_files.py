"""`file "bots.txt"` → the values in it: one a line, `#` starts a comment, empty lines are nothing.

In: the text of one file of the source map. Out: values with spans into that file, words among them; a line that is no
value is a diagnostic at the line. Nothing in a value file is ever a name of the policy, a rule or another file.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ebpfc.compiler import names
from ebpfc.compiler.ast.nodes import (
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    Mac,
    Number,
    NumberRange,
    Span,
    Value,
    Word,
    WordRange,
)
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.source import SourceMap

MOST_PROBLEMS = 20
"""So many bad lines of one file are shown; the rest are counted in a last message."""

_IPV4 = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{1,8}|0|[1-9][0-9]{0,9}")
_MAC = re.compile(
    r"(?:[0-9A-Fa-f]{1,2}(?:(?::[0-9A-Fa-f]{1,2}){5}|(?:-[0-9A-Fa-f]{1,2}){5})|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}"
    r"|[0-9A-Fa-f]{12})"
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class _BadLineError(Exception):
    """Carries code, message and hint."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def read_values(sources: SourceMap, file: int, sink: Sink) -> tuple[Value, ...] | None:
    """The values of one file in order, or None when a line is none."""
    values: list[Value] = []
    problems, last = 0, Span(file, 0, 0)
    for text, span in _entries(sources.files[file].text, file):
        try:
            values.append(_value(text, span))
        except _BadLineError as problem:
            problems += 1
            last = span
            if problems <= MOST_PROBLEMS:
                sink.error(problem.code, problem.message, span, "no value", (problem.hint,))
    if problems > MOST_PROBLEMS:
        message = f"{problems - MOST_PROBLEMS} more lines of this file are no values"
        sink.error("PF0435", message, last, "the last of them")
    return tuple(values) if problems == 0 else None


def _entries(text: str, file: int) -> Iterator[tuple[str, Span]]:
    """What stands on each line between blanks and the comment, with its place."""
    at = 0
    for line in text.split("\n"):
        content = line.split("#", 1)[0]
        stripped = content.strip(" \t\r")
        if stripped:
            start = at + len(content) - len(content.lstrip(" \t\r"))
            yield stripped, Span(file, start, start + len(stripped))
        at += len(line) + 1


def _value(text: str, span: Span) -> Value:
    if _NUMBER.fullmatch(text):
        return Number(int(text, 0), span)
    if _MAC.fullmatch(text):
        return Mac(_mac(text), span)
    if "/" in text:
        return _prefix(text, span)
    if "-" in text:
        dashed = _dashed(text, span)
        if dashed is not None:
            return dashed
    if _WORD.fullmatch(text):
        if text in names.KNOWN_WORDS:
            return Word(text, span=span)
        raise _BadLineError("PF0435", f"`{text}` is no value", "write an address, a net, a number or a service")
    address = _address(text)
    if address is None:
        raise _bad(text)
    return IPv4(address[0], span=span) if address[1] == 4 else IPv6(address[0], span=span)


def _address(text: str) -> tuple[int, int] | None:
    """The number and the IP version; None for what is no address."""
    if match := _IPV4.fullmatch(text):
        parts = match.groups()
        if any(int(part) > 255 or (len(part) > 1 and part[0] == "0") for part in parts):
            return None
        return int.from_bytes(bytes(map(int, parts)), "big"), 4
    if ":" in text and "%" not in text:
        try:
            return int(ipaddress.IPv6Address(text)), 6
        except ValueError:
            return None
    return None


def _prefix(text: str, span: Span) -> Value:
    base, _, tail = text.partition("/")
    address = _address(base)
    if address is None or not _NUMBER.fullmatch(tail):
        raise _bad(text)
    number, family = address
    length, bits = int(tail, 0), 32 if family == 4 else 128
    if length > bits:
        raise _BadLineError("PF0404", f"/{length} is no length of an IPv{family} net", f"write /0 to /{bits}")
    if number & ((1 << bits - length) - 1):
        low = number >> bits - length << bits - length
        net = ipaddress.IPv4Address(low) if family == 4 else ipaddress.IPv6Address(low)
        raise _BadLineError("PF0405", f"`{text}` has host bits set", f"write `{net}/{length}`, or `{base}` alone")
    return IPv4(number, length, span=span) if family == 4 else IPv6(number, length, span=span)


def _dashed(text: str, span: Span) -> Value | None:
    """A range, or a word with a dash; None for neither."""
    if text in names.KNOWN_WORDS:
        return Word(text, span=span)
    left, _, right = text.partition("-")
    low, high = _address(left), _address(right)
    if low is not None and high is not None and low[1] == high[1]:
        _in_order(low[0], high[0], text)
        kind = IPv4Range if low[1] == 4 else IPv6Range
        return kind(low[0], high[0], span)
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        _in_order(int(left, 0), int(right, 0), text)
        return NumberRange(int(left, 0), int(right, 0), span)
    return WordRange(text, span) if re.fullmatch(r"[A-Za-z0-9_-]+", text) else None


def _in_order(low: int, high: int, text: str) -> None:
    if low > high:
        raise _BadLineError("PF0407", f"the range `{text}` ends before it begins", "swap the ends")


def _mac(text: str) -> int:
    if ":" in text or "-" in text:
        parts = re.split("[:-]", text)
        return int("".join(part.rjust(2, "0") for part in parts), 16)
    return int(text.replace(".", ""), 16)


def _bad(text: str) -> _BadLineError:
    if re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", text) and re.search("[A-Za-z]", text):
        return _BadLineError("PF0406", f"`{text}` is a host name: they are never looked up", "write its address")
    return _BadLineError("PF0435", "this line is no value", "write one address, net, range or number a line")
