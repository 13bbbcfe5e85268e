"""Random relations and memberships. In: a `random.Random`, and where they stand. Out: text of one atom.

Arithmetic is written with spaces, and `%` and `^` in parentheses, as the language asks; what divides or shifts is a
small number or bytes of the packet, which may be 0 or large.
"""

from __future__ import annotations

from random import Random

from ebpfc.compiler.fields import ACCESSORS, FIELDS, Field
from ebpfc.testing import pool, random_values
from ebpfc.testing.random_place import Place

CONSTANTS = (
    ("tcp", "tcpflags", ("tcp-syn", "tcp-ack", "tcp-fin", "tcp-rst")),
    ("icmp", "icmptype", ("icmp-echo", "icmp-echoreply", "icmp-unreach")),
    ("icmp6", "icmp6type", ("icmp6-echo", "icmp6-echoreply", "icmp6-neighborsolicit")),
)
"""Named offsets and values of pcap-filter(7)."""
PLAIN = frozenset((*ACCESSORS, "vlan", "vxlan", "meta"))
"""Headers that are drawn whatever the place."""
OFTEN = {
    "geneve.type": (0x6558,),
    "gre.type": (0x6558,),
    "gre.key": pool.KEYS,
    "gtp.teid": pool.TEIDS,
    "gtp.flags": (0x30, 0x32, 0x34),
    "mpls.label": pool.LABELS,
    "pppoes.session": pool.SESSIONS,
    "pppoes.proto": (0x0021, 0x0057),
}
"""What frames hold in these fields, beside the numbers that are drawn for every field."""
KEYS = ("src", "dst", "ip src", "ip6 dst", "arp src")
NUMBER_KEYS = ("src port", "dst port", "tcp dst port", "udp src port", "sctp dst port")
COUNTED = (
    ("vlan", pool.VIDS, 4095),
    ("vxlan", pool.VNIS, 0xFFFFFF),
    ("proto", pool.PROTOCOLS, 255),
    ("ifindex", (1, 2), 9),
)
OPENED = (
    ("geneve", pool.VNIS, 0xFFFFFF),
    ("gre", pool.KEYS, 0xFFFFFFFF),
    ("gtp", pool.TEIDS, 0xFFFFFFFF),
    ("mpls", pool.LABELS, 0xFFFFF),
    ("pppoes", pool.SESSIONS, 0xFFFF),
)
"""Keys that are a number: their values, the largest."""
RELATIONS = ("=", "==", "!=", "<", "<=", ">", ">=")
STACKS = (
    ("ether",),
    ("ether", "ip"),
    ("ip",),
    ("ip", "tcp"),
    ("ip", "udp"),
    ("ip", "icmp"),
    ("ip6",),
    ("ip6", "tcp"),
    ("ip6", "udp"),
    ("ip6", "icmp6"),
    ("arp",),
    ACCESSORS,
)
"""What one relation reads: protocols that a packet may have at once, else most relations were false by their words."""
OPERATORS = ("+", "-", "*", "*", "/", "/", "/", "%", "%", "&", "|", "^", "<<", ">>", "minus", "group")


def relation(rng: Random, place: Place) -> str:
    """`arith relop arith`, or a field against an address."""
    kind = rng.random()
    if kind < 0.2:
        return _number_field_relation(rng, place)
    if kind < 0.35:
        return _address_field_relation(rng, place)
    if kind < 0.42:
        return _named_constants(rng)
    protos = rng.choice(STACKS)
    left = arithmetic(rng, place, protos, rng.choice((0, 1, 1, 2)))
    right = random_values.number(rng, (0, 0, 1, 2, 6, 64, 255, 0xFFFF, 0x80000000, 0xFFFFFFFF))
    if rng.random() < 0.2:
        right = arithmetic(rng, place, protos, 0)
    return f"{left} {rng.choice(RELATIONS)} {right}"


def member(rng: Random, place: Place) -> str:
    """`FIELD in SET`, of every kind of field."""
    kind = rng.random()
    if kind < 0.3:
        key = rng.choice(KEYS)
        family = {"src": "46", "dst": "46", "ip src": "4", "ip6 dst": "6", "arp src": "4"}[key]
        named = place.named_set(rng, "address") if family == "46" else None
        return f"{_outer(rng, place)}{key} in {named or random_values.address_set(rng, family)}"
    if kind < 0.5:
        named = place.named_set(rng, "port")
        members = named or random_values.number_set(rng, pool.PORTS, 0xFFFF)
        return f"{_outer(rng, place)}{rng.choice(NUMBER_KEYS)} in {members}"
    if kind < 0.6:
        key, values, top = rng.choice((*COUNTED, *OPENED) if place.wide else COUNTED)
        return f"{key} in {random_values.number_set(rng, values, top)}"
    if kind < 0.8:
        field = _field(rng, place)
        return f"{_outer(rng, place)}{field.proto}.{field.name} in {_set_of(rng, field)}"
    protos = rng.choice(STACKS)
    operand = _access(rng, place, protos, 0) if rng.random() < 0.5 else arithmetic(rng, place, protos, 1)
    return f"{operand} in {random_values.number_set(rng, (0, 1, 2, 6, 17, 64, 128, 135, 255), 255)}"


def _outer(rng: Random, place: Place) -> str:
    return "outer " if rng.random() < (0.2 if place.tunnels else 0.05) else ""


def _field(rng: Random, place: Place) -> Field:
    rows = [row for row in FIELDS.values() if (place.mark or row.name != "mark") and (place.wide or row.proto in PLAIN)]
    return rng.choice(rows)


def _largest(field: Field) -> int:
    return (1 << field.bits) - 1


def _values(field: Field) -> tuple[int, ...]:
    """Numbers that fit the field: its ends, and what frames often hold."""
    top = _largest(field)
    near: tuple[int, ...] = (
        0,
        1,
        2,
        4,
        5,
        6,
        17,
        46,
        64,
        80,
        100,
        135,
        443,
        4789,
        5001,
        0x0800,
        0x0806,
        0x86DD,
        top - 1,
        top,
    )
    near += OFTEN.get(f"{field.proto}.{field.name}", ())
    return tuple(value for value in near if value <= top)


def _set_of(rng: Random, field: Field) -> str:
    match field.kind:
        case "ipv4":
            return random_values.address_set(rng, "4")
        case "ipv6":
            return random_values.address_set(rng, "6")
        case "mac":
            return "{" + random_values.mac(rng) + "}"
        case _:
            return random_values.number_set(rng, _values(field), _largest(field))


def _number_field_relation(rng: Random, place: Place) -> str:
    field = _field(rng, place)
    while field.kind != "number":
        field = _field(rng, place)
    words = {"ip.dscp": "ef", "ip.protocol": "tcp", "tcp.dport": "http", "icmp.type": "echo-request"}
    name = f"{field.proto}.{field.name}"
    value = words[name] if name in words and rng.random() < 0.3 else random_values.number(rng, _values(field))
    return f"{_outer(rng, place)}{name} {rng.choice(RELATIONS)} {value}"


def _address_field_relation(rng: Random, place: Place) -> str:
    field = rng.choice([row for row in FIELDS.values() if row.kind != "number"])
    value = {"ipv4": random_values.ipv4, "ipv6": random_values.ipv6, "mac": random_values.mac}[field.kind](rng)
    return f"{_outer(rng, place)}{field.proto}.{field.name} {rng.choice(('==', '=', '!='))} {value}"


def _named_constants(rng: Random) -> str:
    """`tcp[tcpflags] & tcp-syn != 0`, `icmp[icmptype] = icmp-echo`."""
    proto, offset, values = rng.choice(CONSTANTS)
    value = rng.choice(values)
    if proto != "tcp":
        return f"{proto}[{offset}] {rng.choice(('=', '!='))} {value}"
    other = rng.choice(values)
    return rng.choice((f"tcp[{offset}] & {value} != 0", f"tcp[{offset}] & ({value} | {other}) = {other}"))


# ---------------------------------------------------------------------------------------------------------- arithmetic


def arithmetic(rng: Random, place: Place, protos: tuple[str, ...], depth: int) -> str:
    """An expression that reads headers of `protos`; `depth` is how many operators may stand round a read."""
    if depth == 0:
        return _operand(rng, place, protos)
    inside = arithmetic(rng, place, protos, depth - 1)
    match rng.choice(OPERATORS):
        case "minus":
            return f"- ({inside})"
        case "group":
            return f"({inside})"
        case "/" | "%" as op:
            other = _access(rng, place, protos, 0) if rng.random() < 0.6 else str(rng.choice((1, 2, 3, 255)))
            return f"(({inside}) {op} {other})"
        case "<<" | ">>" as op:
            other = _access(rng, place, protos, 0) if rng.random() < 0.6 else str(rng.choice((0, 1, 4, 31)))
            return f"(({inside}) {op} {other})"
        case op:
            other = random_values.number(rng, (0, 1, 0xF, 0xFF, 0xFFFFFFFF))
            if rng.random() < 0.4:
                other = _operand(rng, place, protos)
            left, right = (f"({inside})", other) if rng.random() < 0.8 else (other, f"({inside})")
            return f"({left} {op} {right})"


def _operand(rng: Random, place: Place, protos: tuple[str, ...]) -> str:
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(("len", "length", "meta.length"))
    if kind < 0.35:
        rows = [row for row in FIELDS.values() if row.kind == "number" and row.proto in protos]
        if rows:
            row = rng.choice(rows)
            return f"{_outer(rng, place)}{row.proto}.{row.name}"
    return _access(rng, place, protos, 1 if rng.random() < 0.25 else 0)


def _access(rng: Random, place: Place, protos: tuple[str, ...], depth: int) -> str:
    """`proto[offset:size]`, seldom at an offset that the packet tells."""
    proto = rng.choice(protos)
    offset = str(rng.choice((0, 1, 2, 3, 4, 6, 8, 9, 12, 13, 16, 20)))
    if rng.random() < 0.1:
        offset = str(rng.choice((40, 60, 1000, 16382, 16383, 65535, 0xFFFFFFFF)))
    if depth:
        offset = f"({proto}[{rng.choice((0, 12))}] & 0xf) * 4"
        if rng.random() < 0.6:
            protos = protos if rng.random() < 0.6 else rng.choice(STACKS)
            offset = f"{_access(rng, place, protos, 0)} + {rng.choice((0, 1, 14, 0xFFFFFFFF))}"
    size = rng.choice(("", "", ":1", ":2", ":4"))
    return f"{_outer(rng, place)}{proto}[{offset}{size}]"
