"""Tables, limiters, tracking, guards and actions on them → their spelling, which parses to the same records.

What is as it would be without being written is left out: `size 64k`, `log 96 bytes`.
"""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    Add,
    ConnectionsGuard,
    Delete,
    FieldRef,
    Key,
    KeyField,
    Limit,
    Limiter,
    Log,
    Rate,
    RateGuard,
    Table,
    Track,
)
from ebpfc.compiler.ast.print_values import quote
from ebpfc.compiler.ast.state import CROWDS_SIZE, DEFAULT_LOG_SIZE, DEFAULT_SIZE, DURATIONS, PERIODS


def print_table(table: Table) -> str:
    """`table feeds key (dst port, src net) size 1M`."""
    key = _fields([print_field(field) for field in table.key.fields], " net" if table.net else "")
    options = [f"timeout {print_duration(table.timeout)}"] if table.timeout is not None else []
    options += _size(table.size)
    options += [] if table.evict else ["evict no"]
    return " ".join((f"table {table.name} key {key}", *options))


def print_limit(limit: Limit) -> str:
    """`limit slow 100/s per src`."""
    return f"limit {limit.name} {print_limiter(limit.limiter)}"


def print_track(track: Track) -> str:
    """`track loose size 1M udp 10s`."""
    loose = ["loose"] if track.loose else []
    timeouts = [f"{name} {print_duration(time)}" for name, time in track.timeouts]
    return " ".join(("track", *loose, *_size(track.size), *timeouts))


def print_guard(guard: RateGuard | ConnectionsGuard) -> str:
    """`over 100/s per src burst 20`, `within slow`, `connections > 10 per src`."""
    match guard:
        case RateGuard(kind, limiter):
            return f"{kind} {limiter if isinstance(limiter, str) else print_limiter(limiter)}"
        case ConnectionsGuard(most, key, size):
            return " ".join((f"connections > {most}", *_per(key), *_size(size, CROWDS_SIZE)))
        case _:
            assert_never(guard)


def print_limiter(limiter: Limiter) -> str:
    options = _per(limiter.key)
    options += [f"burst {limiter.burst}"] if limiter.burst is not None else []
    options += _size(limiter.size)
    options += [f"full {limiter.full}"] if limiter.full != "over" else []
    return " ".join((print_rate(limiter.rate), *options))


def print_state_action(action: Add | Delete | Log) -> str:
    match action:
        case Add():
            time = "" if action.duration is None else f" for {print_duration(action.duration)}"
            return f"add {print_key(action.key)} to {action.table}{time}"
        case Delete():
            return f"delete {print_key(action.key)} from {action.table}"
        case Log():
            text = [quote(action.text)] if action.text else []
            size = [f"{action.size} bytes"] if action.size != DEFAULT_LOG_SIZE else []
            return " ".join(("log", *text, *size))


def print_key(key: Key) -> str:
    """`src`, `(src, dst port)`, `src/24/64`."""
    masks = "".join(f"/{bits}" for bits in (key.mask4, key.mask6) if bits is not None)
    return _fields([print_field(field) for field in key.fields]) + masks


def print_field(field: KeyField | FieldRef) -> str:
    text = field.text if isinstance(field, KeyField) else f"{field.proto}.{field.name}"
    return f"outer {text}" if field.outer else text


def print_rate(rate: Rate) -> str:
    """`100/s`, `10Mbit/s`, `2MB/s`; periods other than s, min, h and d are none of the language."""
    period = next(word for word, time in PERIODS.items() if time == rate.period)
    letter, amount = "", rate.amount
    for prefix, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if amount % factor == 0:
            letter, amount = prefix, amount // factor
            break
    unit = {"packets": "", "bits": "bit", "bytes": "B"}[rate.unit]
    return f"{amount}{letter}{unit}/{period}"


def print_duration(time: int) -> str:
    """Nanoseconds as a whole number of the largest unit that takes them."""
    word = next(word for word, unit in reversed(DURATIONS.items()) if time % unit == 0)
    return f"{time // DURATIONS[word]}{word}"


def print_words(kind: str, words: tuple[str, ...]) -> str:
    """What is kept as loose words."""
    text = kind
    for word in words:
        close = word in (")", "}", ",", "/") or text.endswith(("(", "{", "/"))
        text += word if close else f" {word}"
    return text


def _fields(fields: list[str], behind: str = "") -> str:
    text = ", ".join(fields) + behind
    return f"({text})" if len(fields) > 1 else text


def _per(key: Key | None) -> list[str]:
    return [] if key is None else [f"per {print_key(key)}"]


def _size(size: int, usual: int = DEFAULT_SIZE) -> list[str]:
    if size == usual:
        return []
    for letter, factor in (("M", 1 << 20), ("k", 1 << 10)):
        if size % factor == 0:
            return [f"size {size // factor}{letter}"]
    return [f"size {size}"]
