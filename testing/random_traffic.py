"""Random packets with times, for policies that remember. In: a `random.Random`, the policy. Out: frames and their ns.

Few sources, ports and tags, so that keys come again; bursts at one instant, pauses, and instants right at, before and
after those where something changes: an entry expires, a rate lets one more packet through, a limiter's key is idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ebpfc.compiler.ast.nodes import Direction, Policy
from ebpfc.testing import packets, pool
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.packets import Layer
from ebpfc.testing.semantics.limiters import UNITS, Meter, cost_of, depth_of
from ebpfc.testing.simulator import HOUR, MILLISECOND, MINUTE, SECOND, Simulator

LATEST_START = 30 * 24 * HOUR
PAUSES = (MILLISECOND, 5 * MILLISECOND, 100 * MILLISECOND, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR)
BURSTS = (3, 6, 12, 20)
BURST_CHANCE = 0.07
IPV4 = (*pool.IPV4[:3], pool.IPV4[5])
IPV6 = ("2001:db8::1", "2001:db8:0:1::1", "::ffff:10.0.0.1", "fe80::1")
"""The third is what a mapping of the first of IPV4 would be: it must be another key."""
PORTS = (22, 53, 80)


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A frame and its time in ns."""

    time: int
    frame: bytes


def random_traffic(
    rng: Random, policy: Policy, count: int, direction: Direction = "inbound", shortest: int = 0
) -> list[TimedFrame]:
    """So many packets, none before the one before, none of fewer than `shortest` bytes.

    What changes when is asked of a simulator that is given the same packets in this direction.
    """
    simulator = Simulator(policy)
    simulator.wait(rng.choice((1, SECOND, rng.randrange(1, LATEST_START))))
    odd = frames_for(rng, policy, count // 8 + 1)
    timed: list[TimedFrame] = []
    burst = 0  # packets that are still to come of it
    for _ in range(count):
        burst = burst - 1 if burst else rng.choice(BURSTS) if timed and rng.random() < BURST_CHANCE else 0
        if timed and rng.random() < (0.85 if burst else 0.45):
            frame = rng.choice(timed[-2:] if burst or rng.random() < 0.5 else timed[-12:]).frame
        else:
            frame = rng.choice(odd) if rng.random() < 0.15 else _frame(rng, depth=0)
        if len(frame) < shortest:
            frame += bytes(shortest - len(frame))
        time = simulator.time + rng.choice((0, 0, 1, 500)) if burst else _time(rng, simulator, len(frame))
        simulator.decide(frame, time, direction)
        timed.append(TimedFrame(time, frame))
    return timed


# ----------------------------------------------------------------------------------------------------------------- time


def _time(rng: Random, simulator: Simulator, length: int) -> int:
    """Of the next packet, of `length` bytes."""
    now = simulator.time
    kind = rng.random()
    if kind < 0.25:
        return now
    if kind < 0.4:
        return now + rng.randrange(1, 1000)
    if kind < 0.9:
        near = [time for time in _changes(rng, simulator, length) if time > now]
        if near:
            time = min(near) if rng.random() < 0.85 else rng.choice(near)
            return max(now, time + rng.choice((-1, -1, 0, 0, 1)))
    return now + rng.choices(PAUSES, range(len(PAUSES), 0, -1))[0] + rng.choice((-1, 0, 0, 1, 7))


def _changes(rng: Random, simulator: Simulator, length: int) -> Iterator[int]:
    """Instants of some entries and keys, each the first where something is otherwise."""
    for contents in simulator.memory.tables.values():
        expiring = [entry.expires for entry in contents.entries.values() if entry.expires is not None]
        yield from rng.sample(expiring, min(3, len(expiring)))
    for meter in simulator.limiters:
        arrivals = tuple(meter.arrivals.values())
        for arrival in {*rng.sample(arrivals, min(3, len(arrivals))), max(arrivals, default=0)}:
            yield -(-arrival // UNITS)
            yield -(-_within_from(meter, arrival, length) // UNITS)


def _within_from(meter: Meter, arrival: int, length: int) -> int:
    """When, in units of the limiter, a packet is within again, a full bucket aside."""
    rate = meter.limiter.rate
    return arrival + cost_of(rate, 1 if rate.unit == "packets" else length) - depth_of(meter.limiter)


# --------------------------------------------------------------------------------------------------------------- frames


def _frame(rng: Random, depth: int) -> bytes:
    """A sound frame; `depth` counts the tunnels round it."""
    layer = _network(rng, depth)
    for _ in range(rng.choices((0, 1, 2), (75, 18, 7))[0]):
        layer = packets.tag(layer, rng.choice(pool.VIDS[:3]))
    return packets.ether(layer, src=rng.choice(pool.MACS[:2]), dst=rng.choice(pool.MACS[:2]))


def _network(rng: Random, depth: int) -> Layer:
    if rng.random() < 0.05:
        return packets.arp(sender=rng.choice(IPV4), target=rng.choice(IPV4))
    if rng.random() < 0.55:
        source, destination = rng.choice(IPV4), rng.choice(IPV4)
        if rng.random() < 0.08:
            return packets.ip4(
                _transport(rng, depth), src=source, dst=destination, offset=rng.choice((0, 3)), more=True
            )
        return packets.ip4(_transport(rng, depth), src=source, dst=destination, ttl=rng.choice((1, 64)))
    carried = _transport(rng, depth)
    if rng.random() < 0.1:
        carried = packets.extension(rng.choice((0, 60)), carried)
    return packets.ip6(carried, src=rng.choice(IPV6), dst=rng.choice(IPV6), hops=rng.choice((1, 64)))


def _transport(rng: Random, depth: int) -> Layer:
    data = bytes(rng.choice((0, 0, 1, 40, 400, 1000)) if depth == 0 else 0)
    sport, dport = rng.choice(PORTS), rng.choice(PORTS)
    match rng.choices(("tcp", "udp", "vxlan", "sctp", "icmp", "icmp6"), (45, 22, 0 if depth else 18, 4, 6, 5))[0]:
        case "tcp":
            return packets.tcp(data, sport=sport, dport=dport, flags=rng.choice((0x02, 0x02, 0x02, 0x10, 0x12)))
        case "udp":
            return packets.udp(data, sport=sport, dport=dport)
        case "vxlan":
            return packets.vxlan(_frame(rng, depth + 1), rng.choice(pool.VNIS[:3]))
        case "sctp":
            return packets.sctp(data, sport=sport, dport=dport)
        case "icmp":
            return packets.icmp(data=data)
        case _:
            return packets.icmp6(data=data)
