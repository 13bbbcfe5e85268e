"""Rule sets to be measured, and the packets that each meets. In: nothing. Out: `RuleCase`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from bench.rule_source import FLOWS

from ebpfc.testing.rule_sets import KINDS, TCP, UDP, Packet, Rule, build_packets, build_rules

SIZES = (10, 100, 1000, 10_000)
LARGE = 100_000
AIMED, RANDOM, REPEATED = "aimed", "random", "16 flows"
REPEATED_FLOWS = 16
VERSIONS = (4, 6)


@dataclass(frozen=True)
class RuleCase:
    """`count` rules of a kind (testing/rule_sets.py) over IPv4 or IPv6."""

    kind: str
    count: int
    version: int

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        return build_rules(self.kind, self.count, versions=(self.version,))

    @property
    def text(self) -> str:
        return "\n".join(("hook xdp", "default drop", *(rule.text() for rule in self.rules), ""))

    @property
    def traffic(self) -> tuple[tuple[str, Sequence[Packet]], ...]:
        """`aimed`: 70 of 100 inside of a rule, each rule as likely, the others made of parts of several; `random`: any
        addresses and ports; and few of the aimed again and again."""
        aimed = tuple(build_packets(self.rules, FLOWS))
        rng = Random(self.count)
        anything = tuple(_anything(rng, self.version) for _ in range(FLOWS))
        return (AIMED, aimed), (RANDOM, anything), (REPEATED, aimed[:REPEATED_FLOWS])


def rule_cases(*, large: bool) -> tuple[RuleCase, ...]:
    sizes = (*SIZES, LARGE) if large else SIZES
    return tuple(RuleCase(kind, size, version) for version in VERSIONS for kind in KINDS for size in sizes)


def _anything(rng: Random, version: int) -> Packet:
    """IPv6: of 2000::/3, where all addresses in use are."""
    bits, above = (32, 0) if version == 4 else (125, 1 << 125)
    src, dst = (above | rng.getrandbits(bits) for _ in range(2))
    return Packet(version, src, dst, rng.choice((TCP, UDP)), rng.randrange(65536), rng.randrange(65536))
