"""Floods of distinct sources against a policy's memory: what a packet takes, and what stands afterwards.

In: a packet source and how many packets. Out: a `Flood` each, with the facts that docs/language.md promises: memory
within its bounds, what was established still established, bans kept where the table says `evict no`, limiters on the
side that `full` names.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.state_policy import StatefulPolicy, address_key, ban
from bench.state_source import DESTINATION, DESTINATION_PORT, FlowSource, Plan

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.testing.packets import ether, ip4, tcp

WHOLE = 10_000_000
ROOM = 65_536
SETTLED = 10_000  # connections, bans and sources that were there before the flood
FLOOD_NETWORK = "11.0.0.0"
ANSWERED = 32_768  # SYNs, until the answers come; BATCH or more, or their time is not known

SYN = ether(ip4(tcp(dport=80)))
SYNACK = ether(ip4(tcp(sport=80, flags=0x12, sequence=1000, ack=2), src="10.0.0.2", dst="10.0.0.1"))
ACK = ether(ip4(tcp(dport=80, flags=0x10, sequence=2, ack=1001)))

TRACK = "hook xdp\ndefault drop\ntrack size 64k\npass state established\npass tcp dst port 80 and state new\n"
LIMIT = "hook xdp\ndefault pass\ndrop over 1/h per src burst 1 size 64k full {full}\n"
TABLE = (
    "hook xdp\ndefault pass\ntable banned key src timeout 1d size 64k{evict}\n"
    "drop src in banned\npass src net 11.0.0.0/8 then add src to banned\n"
)


@dataclass(frozen=True, slots=True)
class Flood:
    """`settled` of what was there before, `kept` still stands; `entries` are in the largest map, of `room`;
    `memory` bytes of all maps before and after; `verdicts` passed and dropped packets of the flood."""

    name: str
    packets: int
    ns: float
    settled: int
    kept: int
    entries: int
    room: int
    memory: tuple[int, int]
    passed: int
    dropped: int


def floods(source: FlowSource, compiler: Compiler, packets: int = WHOLE) -> list[Flood]:
    """`packets` distinct sources each, at most 16,777,216."""
    return [
        flood_of_syns(source, compiler, packets),
        flood_of_answered_syns(source, compiler, packets),
        *(flood_of_limiter(source, compiler, packets, full) for full in ("over", "within")),
        *(flood_of_table(source, compiler, packets, evict) for evict in (True, False)),
    ]


def open_connections(source: FlowSource, program_fd: int, count: int) -> None:
    """The three segments of each of `count` connections to port 80, of sources in 10.0.0.0/8."""
    back = Plan(SYNACK, count, address_at=DESTINATION, port_at=DESTINATION_PORT)
    for plan in (Plan(SYN, count), back, Plan(ACK, count)):
        source.drive(plan, program_fd, count)


def flood_of_syns(source: FlowSource, compiler: Compiler, packets: int) -> Flood:
    """SYNs that a rule lets in: each may open a connection, and none is ever answered."""
    with StatefulPolicy(TRACK, compiler) as policy:
        open_connections(source, policy.fd, SETTLED)
        memory, established, opened = policy.memory(), policy.decided(0), policy.decided(1)
        ns = source.drive(Plan(SYN, packets, FLOOD_NETWORK), policy.fd, packets)
        passed, dropped = policy.decided(1) - opened, policy.decided(2)
        source.drive(Plan(ACK, SETTLED), policy.fd, SETTLED)
        kept, entries = policy.decided(0) - established, len(policy.entries("pf_opening").read_all())
        weighs = (memory, policy.memory())
        return Flood("SYNs, tracked", packets, ns, SETTLED, kept, entries, ROOM, weighs, passed, dropped)


def flood_of_answered_syns(source: FlowSource, compiler: Compiler, packets: int) -> Flood:
    """As before, but the server answers each SYN, which then comes a second time, as from one who never got the answer.
    A third of `packets` are distinct sources; the answers are seen by the same program."""
    with StatefulPolicy(TRACK, compiler) as policy:
        open_connections(source, policy.fd, SETTLED)
        memory, decided = policy.memory(), [policy.decided(rule) for rule in range(3)]
        took, sent = 0.0, 0
        while sent < packets:
            network, many = f"{11 + sent // (3 * ANSWERED) % 100}.0.0.0", min(ANSWERED, (packets - sent + 2) // 3)
            syns = Plan(SYN, many, network)
            back = Plan(SYNACK, many, network, DESTINATION, DESTINATION_PORT)
            took += sum(source.drive(plan, policy.fd, many) * many for plan in (syns, back, syns))
            sent += 3 * many
        passed, opened, dropped = (policy.decided(rule) - decided[rule] for rule in range(3))
        source.drive(Plan(ACK, SETTLED), policy.fd, SETTLED)
        kept = policy.decided(0) - decided[0] - passed
        entries, weighs = len(policy.entries("pf_flows").read_all()), (memory, policy.memory())
        name = "SYNs, tracked, answered, sent again"
        return Flood(name, sent, took / sent, SETTLED, kept, entries, ROOM, weighs, passed + opened, dropped)


def flood_of_limiter(
    source: FlowSource, compiler: Compiler, packets: int, full: str, kernel: tuple[int, int] | None = None
) -> Flood:
    """Sources that each have one token: those that were there before have used theirs, and stay over."""
    with StatefulPolicy(LIMIT.format(full=full), compiler, kernel) as policy:
        source.drive(Plan(SYN, SETTLED), policy.fd, SETTLED)
        memory = policy.memory()
        ns = source.drive(Plan(SYN, packets, FLOOD_NETWORK), policy.fd, packets)
        dropped, passed = policy.decided(0), policy.decided(1) - SETTLED
        held = policy.counted("limiter 0 within")
        source.drive(Plan(SYN, SETTLED), policy.fd, SETTLED)
        kept, weighs = policy.decided(0) - dropped, (memory, policy.memory())
        name = f"sources, limited, full {full}"
        return Flood(name, packets, ns, SETTLED, kept, held, ROOM * 4, weighs, passed, dropped)


def flood_of_table(source: FlowSource, compiler: Compiler, packets: int, evict: bool) -> Flood:
    """Sources that each get themselves banned, in a table that holds bans already."""
    plan = Plan(SYN, SETTLED)
    bans = [plan.address(flow) for flow in range(SETTLED)]
    with StatefulPolicy(TABLE.format(evict="" if evict else " evict no"), compiler) as policy:
        table = policy.entries("t_banned")
        ban(table, bans)
        memory = policy.memory()
        ns = source.drive(Plan(SYN, packets, FLOOD_NETWORK), policy.fd, packets)
        dropped, passed = policy.decided(0), policy.decided(1)
        there = table.read_all()
        kept = sum(address_key(address) in there for address in bans)
        name = "adds to a table" + ("" if evict else ", evict no")
        weighs = (memory, policy.memory())
        return Flood(name, packets, ns, SETTLED, kept, len(there), ROOM, weighs, passed, dropped)
