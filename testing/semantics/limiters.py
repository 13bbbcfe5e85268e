"""Is a packet over a rate? In: a limiter, the key's words, the time in ns, the frame's length. Out: over or within.

The generic cell rate algorithm (ITU-T I.371) in whole numbers, in units of a sixteenth of a nanosecond: ADR 0003, rules
12 to 18. Of each key only its theoretical arrival time is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ebpfc.compiler.ast.nodes import Limiter, Rate
from ebpfc.testing.semantics.words import Words

Answer: TypeAlias = Literal["over", "within"]

UNITS = 16
"""In one ns."""
FRACTION_BITS = 20
"""Of the cost of a byte."""
BURST_TIME = 100_000_000
"""ns: what the rate gives in this time is the burst where none is given."""


def cost_of(rate: Rate, amount: int) -> int:
    """Of `amount` packets, or bytes where the rate counts bits or bytes (rule 12)."""
    match rate.unit:
        case "packets":
            return max(UNITS * rate.period // rate.amount, 1) * amount
        case unit:
            bits = 8 if unit == "bits" else 1
            of_a_byte = (1 << FRACTION_BITS) * UNITS * rate.period * bits // rate.amount
            return max(amount * of_a_byte >> FRACTION_BITS, 1)


def depth_of(limiter: Limiter) -> int:
    """The cost of the whole burst (rule 13)."""
    rate, burst = limiter.rate, limiter.burst
    if burst is None:
        of_one = 8 if rate.unit == "bits" else 1
        burst = max(rate.amount * BURST_TIME // (rate.period * of_one), 1)
    return cost_of(rate, burst)


@dataclass(slots=True)
class Meter:
    """A limiter at work.

    `name` is that of a `limit`; else None, and `rule` the number of its rule, None of the head of a block. `arrivals`
    are the theoretical arrival times by key, of idle keys too until their room is needed. `within`, `over` and `full`
    count packets; one that found no room counts as `full` alone.
    """

    limiter: Limiter
    name: str | None = None
    rule: int | None = None
    arrivals: dict[Words, int] = field(default_factory=dict)
    within: int = 0
    over: int = 0
    full: int = 0

    def ask(self, words: Words, now: int, length: int) -> Answer:
        """Takes the token of a packet that is within (rule 14)."""
        if words not in self.arrivals and not self._has_room(now):
            self.full += 1
            return self.limiter.full
        start = max(self.arrivals.get(words, 0), UNITS * now)
        arrival = start + cost_of(self.limiter.rate, 1 if self.limiter.rate.unit == "packets" else length)
        if arrival - UNITS * now > depth_of(self.limiter) and start != UNITS * now:
            self.over += 1
            return "over"
        self.arrivals[words] = arrival
        self.within += 1
        return "within"

    def _has_room(self, now: int) -> bool:
        """For one more key; where there is none, idle keys go (rule 16)."""
        if len(self.arrivals) < self.limiter.size:
            return True
        self.arrivals = {words: arrival for words, arrival in self.arrivals.items() if arrival > UNITS * now}
        return len(self.arrivals) < self.limiter.size
