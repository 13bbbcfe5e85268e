"""Words of time and of rates → numbers: `10m`, `100/s`, `10Mbit/s`, each within what a limiter can count exactly.

In: one token of the grammar. Out: ns, or a `Rate`; a harmless stand-in after an error (ADR 0003, rules 12 and 13).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ebpfc.compiler.ast.literals import read_number, token_span
from ebpfc.compiler.ast.nodes import Rate, Span
from ebpfc.compiler.ast.state import DURATIONS, LONGEST_DURATION, PERIODS
from ebpfc.compiler.diagnostics.model import Sink

if TYPE_CHECKING:
    from lark import Token

_RATE = re.compile(r"([0-9]+)([kMG]?)(bit|B)?/(s|min|h|d)")
_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_UNITS: dict[str | None, Literal["packets", "bits", "bytes"]] = {None: "packets", "bit": "bits", "B": "bytes"}

LARGEST_BYTE_COST = 1 << 43
"""With 20 bits behind the point: the cost of a frame of a megabyte fits 63 bits. A packet's cost always does."""
LARGEST_DEPTH = 1 << 62
"""Of a bucket, in sixteenths of a ns: nine years."""


def read_duration(token: Token, file: int, sink: Sink) -> int:
    """`500ms`, `10m` in ns: more than nothing, and at most LONGEST_DURATION."""
    text, span = str(token), token_span(token, file)
    unit = text.lstrip("0123456789")
    time = read_number(text.removesuffix(unit), span, sink) * DURATIONS[unit]
    if 1 <= time <= LONGEST_DURATION:
        return time
    if time > LONGEST_DURATION:
        hints = ("write a shorter one: `365d`",)
        sink.error("PF0445", f"`{text}` is longer than a century", span, "at most 36500d", hints)
    elif int(text.removesuffix(unit)) == 0:
        sink.error("PF0445", "a duration of nothing", span, "ends before it begins", ("write at least `1ms`",))
    return DURATIONS["s"]


def read_rate(token: Token, file: int, sink: Sink) -> Rate:
    """`100/s`, `5/min`, `10Mbit/s`, `2MB/s`: of 1000, per s, min, h or d."""
    text, span = str(token), token_span(token, file)
    parts = _RATE.fullmatch(text)
    assert parts is not None, "the token's own form"
    number, letter, unit, period = parts.groups()
    rate = Rate(read_number(number, span, sink) * _FACTORS[letter], _UNITS[unit], PERIODS[period], span)
    if rate.amount == 0:
        if int(number) == 0:
            hint = "to match every packet, leave the guard out"
            sink.error("PF0444", f"`{text}` is a rate of nothing", span, "lets nothing through", (hint,))
        return Rate(1, "packets", DURATIONS["s"], span)
    cost = unit_cost(rate)
    if cost == 0:
        sink.error("PF0444", f"`{text}` is faster than can be counted", span, "too fast", ("write a slower rate",))
    elif cost > LARGEST_BYTE_COST and rate.unit != "packets":
        hints = (f"write at least `{_slowest(rate, f'{unit}/{period}')}`", "or count packets")
        sink.error("PF0444", f"`{text}` is slower than can be counted exactly", span, "too slow", hints)
    return rate


def _slowest(rate: Rate, unit: str) -> str:
    """A round rate, near the slowest whose bytes cost no more than LARGEST_BYTE_COST."""
    amount = -(-unit_cost(replace(rate, amount=1)) // LARGEST_BYTE_COST)
    letter, factor = next((letter, factor) for letter, factor in reversed(_FACTORS.items()) if amount >= factor)
    return f"{-(-amount // factor)}{letter}{unit}"


def check_burst(rate: Rate, burst: int, span: Span, sink: Sink) -> None:
    """Refuses a bucket that takes longer to fill than a clock of 64 bits can count."""
    behind_point = 0 if rate.unit == "packets" else 20
    if unit_cost(rate) * burst >> behind_point > LARGEST_DEPTH:
        hint = "write a smaller burst, or a faster rate"
        sink.error("PF0444", f"at this rate, {burst} takes years to come back", span, "too large", (hint,))


def unit_cost(rate: Rate) -> int:
    """Of a packet, in sixteenths of a ns; of a byte, in the same with 20 bits behind the point (M)."""
    match rate.unit:
        case "packets":
            return 16 * rate.period // rate.amount
        case "bits":
            return (16 * 8 * rate.period << 20) // rate.amount
        case "bytes":
            return (16 * rate.period << 20) // rate.amount
