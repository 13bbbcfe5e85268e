"""What is compared of programs that remember: policies, the C by hand beside each, what is in their maps, the packets.

C by hand may be written in several ways (names to define, as hand/state.h explains). One of them is what the goal
holds ours against; the others are beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from bench.objects import BENCH, Subject
from bench.state_flood import ACK, SYN, open_connections
from bench.state_policy import ENTRY, address_key
from bench.state_source import FlowSource, Plan

from ebpfc.runtime.map_entries import MapEntries

LRU, HASH = "MAP_TYPE=BPF_MAP_TYPE_LRU_HASH", "MAP_TYPE=BPF_MAP_TYPE_HASH"
FLOWS, SOURCES = 100_000, 10_000

Fill = Callable[[Subject, FlowSource, Plan], None]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write it by hand."""

    words: str
    defines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateCase:
    """`forms[0]` is what the goal is about. `plans` are what is timed, by name; `fill` what is there before, for the
    flows of the first plan."""

    name: str
    words: str
    hand: str
    forms: tuple[Form, ...]
    goal: float
    plans: tuple[tuple[str, Plan], ...]
    fill: Fill

    @property
    def policy(self) -> Path:
        return BENCH / "policies" / f"{self.name}.pf"


def state_cases() -> tuple[StateCase, ...]:
    return (*_tables(), *_rates(), _connections())


def _tables() -> tuple[StateCase, ...]:
    plans = (
        (f"{FLOWS:,} entries", Plan(SYN, FLOWS, port_at=0, random=True)),
        ("1,000 of them", Plan(SYN, 1000, port_at=0, random=True)),
    )
    plain, ipv4 = Form("plain hash map", (HASH,)), Form("plain hash map, untagged IPv4 only", (HASH, "IPV4"))
    with_entries = Form("LRU map, expiry and counts of each entry", (LRU, "ENTRIES"))
    fixed = Form("hash map, expiry and counts of each entry", (HASH, "ENTRIES"))
    return (
        StateCase("state_table", "a table with timeout", "state_table", (plain, with_entries, ipv4), 1.0, plans, _ban),
        StateCase("state_fixed", "a table without", "state_table", (plain, fixed, ipv4), 1.0, plans, _ban),
    )


def _rates() -> tuple[StateCase, ...]:
    plans = ((f"{SOURCES:,} sources", Plan(SYN, SOURCES, port_at=0, random=True)),)

    def forms(*rate: str) -> tuple[Form, ...]:
        return (
            Form("hash map", (HASH, *rate)),
            Form("LRU map", (LRU, *rate)),
            Form("hash map, untagged IPv4 only", (HASH, "IPV4", *rate)),
        )

    over, within = forms("RATE=1", "BURST=1", "COARSE"), forms("RATE=1000000", "BURST=100000", "COARSE")
    words = "a rate per source"
    return (
        StateCase("state_rate_over", f"{words}, 1/s: nearly all over", "state_rate", over, 1.0, plans, _meet),
        StateCase("state_rate_within", f"{words}, 1M/s: nearly all within", "state_rate", within, 1.0, plans, _meet),
    )


def _connections() -> StateCase:
    plans = (
        (f"{FLOWS:,} connections", Plan(ACK, FLOWS, random=True)),
        ("1,000 of them", Plan(ACK, 1000, random=True)),
    )
    forms = (
        Form("LRU map that knows no TCP", (LRU,)),
        Form("the same, packets and bytes of each flow", (LRU, "ENTRIES")),
        Form("LRU map, untagged IPv4 only", (LRU, "IPV4")),
    )
    return StateCase("state_flows", "established connections", "state_flows", forms, 1.15, plans, _connect)


def _ban(subject: Subject, _source: FlowSource, plan: Plan) -> None:
    """Every address of the plan, for a day from the start of the machine on at least."""
    maps = subject.loaded.maps
    name = next(name for name in ("t_banned", "banned") if name in maps)
    entries = MapEntries(maps[name].fd, name)
    addresses = [plan.address(flow) for flow in range(plan.flows)]
    keys = [address_key(a) if entries.key_size > 4 else IPv4Address(a).packed for a in addresses]
    if entries.put_all(keys, [ENTRY.pack(_NEVER_SOON, 0, 0)] * len(keys)) < len(keys):
        raise OSError(f"no room for {len(keys)} entries")


_NEVER_SOON = 1 << 62
"""An expiry, ns of the monotonic clock."""


def _meet(subject: Subject, source: FlowSource, plan: Plan) -> None:
    source.drive(Plan(plan.frame, plan.flows, port_at=0), subject.fd, plan.flows)


def _connect(subject: Subject, source: FlowSource, plan: Plan) -> None:
    open_connections(source, subject.fd, plan.flows)
