"""Random policies that remember, as text. In: a `random.Random`. Out: a policy with tables, limiters, guards and logs.

With `track` connections too, their states asked of frames and of packets inside one encapsulation, and their number.

Most matches are short and often true, so that packets come to the guards and actions; keys read what `random_traffic`
repeats. Tables and limiters are large enough for some thousand packets, unless small ones are asked for: what a full
one does is exact in the reference alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ebpfc.compiler.ast.matches import CONNECTION_STATES
from ebpfc.compiler.ast.nodes import Policy
from ebpfc.compiler.ast.state import TIMEOUTS
from ebpfc.compiler.fields import MAX_TRACKED
from ebpfc.testing import pool
from ebpfc.testing.random_keys import Fields, key, mask, table_fields
from ebpfc.testing.random_matches import random_chain
from ebpfc.testing.random_openings import opening
from ebpfc.testing.random_place import Place
from ebpfc.testing.random_policies import checked_policy

TIMES = ("1ms", "5ms", "100ms", "1s", "3s", "10s", "1m", "10m", "1h")
RATES = (
    "1/s", "3/s", "7/s", "10/s", "100/s", "1k/s", "1M/s", "3/min", "1k/h", "9/h", "5/d",
    "20kbit/s", "1Mbit/s", "10Gbit/s", "60Mbit/h", "3kB/s", "7MB/s", "1MB/min", "10MB/h",
)  # fmt: skip
BURSTS = {"packets": (1, 2, 3, 5, 20), "bytes": (1, 60, 100, 1000, 100_000)}
TESTS = (
    "tcp", "udp", "ip", "ip6", "icmp or icmp6", "tcp flags S/SA", "dst port 80", "src port 53", "dst port {22, 443}",
    "src net 10.0.0.0/8", "not tcp", "ip.ttl > 1", "greater 60", "arp", "fragment",
)  # fmt: skip
SIZES = ("4k", "8k", "64k")
SMALL_SIZES = ("1", "2", "3", "5")
CROWDS = (0, 1, 1, 2, 5)
"""Connections of a key: few, as few conversations share one."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What is declared: tables with the kinds of their keys, limits. `sizes` are those that are drawn; `states`: some
    tests and guards are of connections."""

    tables: tuple[tuple[str, Fields], ...]
    limits: tuple[str, ...]
    sizes: tuple[str, ...]
    states: bool


def random_stateful_policy(
    rng: Random,
    hooks: tuple[str, ...] = ("xdp",),
    rules: int = 6,
    *,
    wide: bool = False,
    small: bool = False,
    track: bool = False,
) -> tuple[str, Policy]:
    """A policy's text and the policy itself; what the checker does not take is thrown away.

    `wide` opens every kind of encapsulation; `small` makes tables and limiters of a few entries;
    `track` tracks connections.
    """
    while True:
        text = write_stateful_policy(rng, hooks, rules, wide=wide, small=small, track=track)
        policy, _ = checked_policy(text)
        if policy is not None:
            return text, policy


def write_stateful_policy(
    rng: Random,
    hooks: tuple[str, ...] = ("xdp",),
    rules: int = 6,
    *,
    wide: bool = False,
    small: bool = False,
    track: bool = False,
) -> str:
    """A policy's text of about `rules` rules; almost always one that the checker takes."""
    sizes = SMALL_SIZES if small else SIZES
    lines = [f"hook {', '.join(hooks)}", f"default {rng.choice(('pass', 'drop'))}"]
    lines += [_track(rng, sizes)] if track else []
    tables: list[tuple[str, Fields]] = []
    for number in range(rng.choice((1, 1, 2, 3))):
        fields = table_fields(rng)
        tables.append((f"table{number}", fields))
        lines.append(_table(rng, *tables[-1], sizes))
    limits = tuple(f"limit{number}" for number in range(rng.choice((0, 0, 1, 2))))
    lines += [f"limit {name} {_rate(rng, Place(wide=wide), sizes)}" for name in limits]
    place, names = Place(wide=wide), _Names(tuple(tables), limits, sizes, track)
    lines += [_filling(rng, place, names, name, fields) for name, fields in tables if rng.random() < 0.7]
    lines += [_keeping(rng)] if track and rng.random() < 0.5 else []
    lines += _body(rng, place, names, rng.randint(1, 2 * rules - 1), 2)
    return "\n".join(lines) + "\n"


def _table(rng: Random, name: str, fields: Fields, sizes: tuple[str, ...]) -> str:
    """`table NAME key KEY ...`; one that does not evict is drawn seldom."""
    text = f"table {name} key {key(rng, fields, declared=True)}"
    if rng.random() < 0.75:
        text += f" timeout {rng.choice(TIMES)}"
    if rng.random() < 0.5 or sizes is SMALL_SIZES:
        text += f" size {rng.choice(sizes)}"
    return text + (" evict no" if rng.random() < 0.2 else "")


def _track(rng: Random, sizes: tuple[str, ...]) -> str:
    """`track` with any of its options; most times are short, as few conversations are long."""
    text = "track"
    if rng.random() < 0.4:
        text += " loose"
    if rng.random() < 0.3 or sizes is SMALL_SIZES:
        text += f" size {rng.choice(sizes)}"
    names = rng.sample(tuple(TIMEOUTS), rng.choice((0, 0, 1, 3, len(TIMEOUTS))))
    return " ".join((text, *(f"{name} {rng.choice(TIMES)}" for name in names)))


def _keeping(rng: Random) -> str:
    """A rule that conversations need, where not every packet passes."""
    return rng.choice(("pass state established", "drop state invalid", "pass state new", "drop tcp and state new"))


def _state(rng: Random) -> str:
    """One of them or two, denied now and then."""
    state = rng.choice(CONNECTION_STATES)
    kind = rng.random()
    if kind < 0.2:
        return f"(state {state} or state {rng.choice(CONNECTION_STATES)})"
    return f"not state {state}" if kind < 0.4 else f"state {state}"


def _rate(rng: Random, place: Place, sizes: tuple[str, ...]) -> str:
    """RATE and its options."""
    rate = rng.choice(RATES)
    text = rate + _per(rng, place)
    if rng.random() < 0.6:
        text += f" burst {rng.choice(BURSTS['bytes' if 'bit' in rate or 'B' in rate else 'packets'])}"
    if rng.random() < 0.3 or sizes is SMALL_SIZES:
        text += f" size {rng.choice(sizes)}"
    return text + (f" full {rng.choice(('over', 'within'))}" if rng.random() < 0.3 else "")


def _connections(rng: Random, place: Place, sizes: tuple[str, ...]) -> str:
    """`connections > N` and its options."""
    text = f"connections > {rng.choice(CROWDS)}{_per(rng, place)}"
    return text + (f" size {rng.choice(sizes)}" if rng.random() < 0.2 or sizes is SMALL_SIZES else "")


def _per(rng: Random, place: Place) -> str:
    """` per KEY`, or nothing."""
    if rng.random() < 0.3:
        return ""
    fields = table_fields(rng, net=False)
    return f" per {key(rng, fields, tunnel=place.tunnels > 0)}{mask(rng, fields)}"


# ----------------------------------------------------------------------------------------------------- rules and blocks


def _filling(rng: Random, place: Place, names: _Names, name: str, fields: Fields) -> str:
    """A rule that many packets come to: without it most tables would stay empty."""
    condition = rng.choice(("", "tcp ", "ip ", "inbound ", f"not {key(rng, fields)} in {name} "))
    guard = f"{rng.choice(('over', 'within'))} {_rate(rng, place, names.sizes)} " if rng.random() < 0.5 else ""
    duration = f" for {rng.choice(TIMES)}" if rng.random() < 0.3 else ""
    return f"{condition}{guard}then add {key(rng, fields)} to {name}{duration}"


def _body(rng: Random, place: Place, names: _Names, rules: int, depth: int) -> list[str]:
    """`rules` rules, some of them in blocks."""
    lines: list[str] = []
    while rules > 0:
        inside = rng.randint(1, rules) if depth and rng.random() < 0.25 else 0
        lines += _block(rng, place, names, inside, depth) if inside else [_rule(rng, place, names)]
        rules -= inside or 1
    return lines


def _block(rng: Random, place: Place, names: _Names, rules: int, depth: int) -> list[str]:
    """`if`, often with a guard and an `else`, which is taken where a guard did not hold too."""
    match, inside = _chain(rng, place, names)
    head = " ".join(part for part in (match, _guards(rng, inside, names, 0.6)) if part) or "ip"
    lines = [f"if {head} {{", *_body(rng, inside, names, rules, depth - 1)]
    kind = rng.random()
    if kind < 0.4:
        return [*lines, "} else {", *_body(rng, place, names, rng.randint(1, 2), depth - 1), "}"]
    if kind < 0.55:
        chained = _block(rng, place, names, 1, depth)
        return [*lines, f"}} else {chained[0]}", *chained[1:]]
    return [*lines, "}"]


def _rule(rng: Random, place: Place, names: _Names) -> str:
    """One rule; what decides every packet is rare, so that those behind it are reached."""
    match, inside = _chain(rng, place, names)
    guards = _guards(rng, inside, names, 0.45)
    later = [_action(rng, names, tunnel=inside.tunnels > 0) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
    if (match or guards) and (not later or rng.random() < 0.4):
        later.insert(rng.randint(0, len(later)), rng.choice(("pass", "drop")))
    if not later:
        later = ['count "all"']
    if later[0] in ("pass", "drop") and rng.random() < 0.7:
        lead, *later = later
        then = f"then {', '.join(later)}" if later else ""
        return " ".join(part for part in (lead, match, guards, then) if part)
    return " ".join(part for part in (match, guards, f"then {', '.join(later)}") if part)


def _chain(rng: Random, place: Place, names: _Names) -> tuple[str, Place]:
    """What opens something, a test of the packet, a lookup: each now and then, in this order; and the place behind."""
    members: list[str] = []
    if rng.random() < (0.3 if names.states else 0.13):
        opened = _opening(rng, place)
        if opened is not None:
            members.append(opened[0])
            place = opened[1]
    kind = rng.random()
    if kind < 0.06:
        text, place = random_chain(rng, place, 0)
        members.append(text)
    elif kind < 0.45:
        members.append(f"({rng.choice(TESTS)})")
    if names.states and place.tunnels <= MAX_TRACKED and rng.random() < 0.5:
        members.append(_state(rng))
    elif rng.random() < 0.45:
        members.insert(rng.randint(0, len(members)), _lookup(rng, names, tunnel=place.tunnels > 0))
    return " and ".join(members), place


def _opening(rng: Random, place: Place) -> tuple[str, Place] | None:
    if place.wide and rng.random() < 0.6:
        return opening(rng, place)
    if place.takes_tunnel and rng.random() < 0.6:
        return rng.choice(("vxlan", "vxlan", f"vxlan {rng.choice(pool.VNIS)}")), place.inside_tunnel()
    return ("vlan", place.inside_tag()) if place.takes_tag else None


def _lookup(rng: Random, names: _Names, *, tunnel: bool) -> str:
    """`KEY in TABLE`, denied or one of two now and then."""
    tests = []
    for _ in range(2 if rng.random() < 0.15 else 1):
        name, fields = rng.choice(names.tables)
        tests.append(f"{rng.choice(('', '', 'not '))}{key(rng, fields, tunnel=tunnel)} in {name}")
    return tests[0] if len(tests) == 1 else f"({rng.choice((' or ', ' and ')).join(tests)})"


def _guards(rng: Random, place: Place, names: _Names, often: float) -> str:
    guards: list[str] = []
    while len(guards) < 3 and rng.random() < often:
        often = 0.25
        if names.states and place.tunnels <= MAX_TRACKED and rng.random() < 0.4:
            guards.append(_connections(rng, place, names.sizes))
            continue
        named = names.limits and rng.random() < 0.4
        limiter = rng.choice(names.limits) if named else _rate(rng, place, names.sizes)
        guards.append(f"{rng.choice(('over', 'within'))} {limiter}")
    return " ".join(guards)


def _action(rng: Random, names: _Names, *, tunnel: bool) -> str:
    """No verdict."""
    name, fields = rng.choice(names.tables)
    match rng.choices(("add", "delete", "log", "count"), (50, 15, 20, 15))[0]:
        case "add":
            duration = f" for {rng.choice(TIMES)}" if rng.random() < 0.4 else ""
            return f"add {key(rng, fields, tunnel=tunnel)} to {name}{duration}"
        case "delete":
            return f"delete {key(rng, fields, tunnel=tunnel)} from {name}"
        case "log":
            text = rng.choice(("", ' "seen"', ' "a \\"b\\""'))
            return f"log{text}" + (f" {rng.choice((0, 1, 64, 512))} bytes" if rng.random() < 0.4 else "")
        case _:
            return f'count "{rng.choice("ab")}"'
