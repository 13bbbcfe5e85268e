"""What a match's truth says of the packet: for each of its properties the numbers that are still possible.

In: a match without elisions, and what is known already. Out: `Known`, or None when no packet can satisfy it. Sound and
not complete: a property that is missing is unknown; large sets and most arithmetic say nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TypeAlias

from ebpfc.compiler.analysis.number_line import is_large, numbers_of
from ebpfc.compiler.analysis.properties import (
    ARP,
    IPV4,
    IPV6,
    RARP,
    UDP,
    Fact,
    Place,
    Property,
    alone_facts,
    carrier_facts,
    ethernet_facts,
    header_facts,
    property_of,
    protocol_facts,
    state_facts,
    width,
)
from ebpfc.compiler.ast.nodes import (
    And,
    Arith,
    Cast,
    Const,
    DirectionTest,
    Encap,
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    KeyField,
    LengthTest,
    Mac,
    Match,
    Member,
    Named,
    Not,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    Relation,
    SetLiteral,
    StateTest,
    TcpFlags,
    Value,
)
from ebpfc.compiler.fields import IPV6_EXTENSIONS, PORTS, PROTOCOLS
from ebpfc.compiler.ir.ranges import Ranges, intersection, normal, relation, union

Known: TypeAlias = dict[Property, Ranges]
_AUTHENTICATION: Ranges = ((51, 51),)
_IP: Ranges = ((IPV4, IPV4), (IPV6, IPV6))
_WITH_PORTS: Ranges = ((6, 6), (UDP, UDP), (132, 132))
_WITH_IPV4 = (IPV4, ARP, RARP)
"""What has an address of IPv4."""


def implied(match: Match, known: Known, place: Place) -> tuple[Known, Place] | None:
    """`known` and what `match` adds; the place that its chain leaves open. None: no packet is left."""
    members = match.items if isinstance(match, And) else (match,)
    for member in members:
        if isinstance(member, Encap):
            narrowed, place = _encap(member, known, place)
        else:
            narrowed = _member(member, known, place)
        if narrowed is None:
            return None
        known = narrowed
    return known, place


def _member(match: Match, known: Known, place: Place) -> Known | None:
    match match:
        case And() | Paren() | Named():
            inner = implied(match if isinstance(match, And) else match.match, known, place)
            return None if inner is None else inner[0]
        case Or():
            branches = [implied(item, known, place) for item in match.items]
            return _either([branch[0] for branch in branches if branch is not None])
        case Not():
            return known
        case _:
            return _narrow(known, _atom(match, Place() if getattr(match, "outer", False) else place))


def _either(branches: list[Known]) -> Known | None:
    if not branches:
        return None
    first, *others = branches
    shared = {key for key in first if all(key in other for other in others)}
    out: Known = {}
    for key in shared:
        ranges = first[key]
        for other in others:
            ranges = union(ranges, other[key])
        out[key] = ranges
    return out


def _narrow(known: Known, more: list[Fact]) -> Known | None:
    out = dict(known)
    for key, ranges in more:
        before = out.get(key)
        out[key] = ranges if before is None else intersection(before, ranges)
        if not out[key]:
            return None
    return out


def _encap(encap: Encap, known: Known, place: Place) -> tuple[Known | None, Place]:
    """`known` and what it says of the packet around, and inside; the place behind it."""
    path = place.path
    match encap.kind:
        case "vlan":
            facts, name, behind = ethernet_facts(place), f"tag {place.tags}", Place(path, place.tags + 1)
        case "mpls" if place.labels:
            facts, path, name = [], path[:-1], f"label {place.labels}"
            behind = replace(place, labels=place.labels + 1)
        case "pppoed":
            facts, name, behind = carrier_facts("pppoed", None, place), "", place
        case kind:
            port = PORTS.get(kind) if encap.port is None else encap.port
            facts, name = carrier_facts(kind, port, place), "label 0" if kind == "mpls" else f"value {kind} {port}"
            behind = place.inside(kind, port)
            facts += alone_facts(behind)
    if encap.values is not None:
        facts.append(((path, name), numbers_of(encap.values)))
    return _narrow(known, facts), behind


def _atom(match: Match, place: Place) -> list[Fact]:
    match match:
        case Primitive():
            return _primitive(match, place)
        case ProtoTest():
            return protocol_facts(match.proto, place)
        case Cast(proto=("ip" | "ip6") as proto):
            return protocol_facts(proto, place)
        case Cast():
            return ethernet_facts(place)
        case LengthTest():
            op = "<=" if match.kind == "less" else ">="
            return [(((), "len"), relation(op, match.value, 32))]
        case DirectionTest():
            number = 0 if match.direction == "inbound" else 1
            return [(((), "direction"), ((number, number),))]
        case TcpFlags():
            flags = [
                ((place.path, f"flag {bit}"), ((int(match.value >> bit & 1),) * 2,))
                for bit in range(8)
                if match.mask >> bit & 1
            ]
            return [*protocol_facts("tcp", place), *flags]
        case StateTest():
            return state_facts(match.state, place)
        case Relation():
            return _relation(match, place)
        case Member():
            return _membership(match, place)
        case _:
            return []


def _primitive(node: Primitive, place: Place) -> list[Fact]:
    if node.type in ("port", "portrange"):
        ports = numbers_of(node.value)
        facts = protocol_facts(node.proto, place) if node.proto else [
            ((place.path, "type"), _IP),
            ((place.path, "proto"), _WITH_PORTS),
        ]  # fmt: skip
        return [*facts, *[((place.path, name), ports) for name in _directed(node.dir, "sport", "dport")]]
    if node.type == "proto":
        return _ip_protocol(node.proto, numbers_of(node.value), place)
    if node.type == "protochain":
        numbers = numbers_of(node.value)
        return _ip_protocol(node.proto, numbers if node.proto == "ip6" else union(numbers, _AUTHENTICATION), place)
    if node.proto == "ether":
        macs = numbers_of(node.value)
        directed = _directed(node.dir, "ether src", "ether dst")
        return [*ethernet_facts(place), *(((place.path, name), macs) for name in directed)]
    addresses = numbers_of(node.value)
    types = _either_of(PROTOCOLS[node.proto].ethertypes[:1]) if node.proto else _types_of(node.value)
    return [
        ((place.path, "type"), types),
        *[((place.path, name), addresses) for name in _directed(node.dir, "src", "dst")],
    ]


def _ip_protocol(family: str | None, numbers: Ranges, place: Place) -> list[Fact]:
    if family == "ether":
        return ethernet_facts(place)
    types = (IPV4,) if family == "ip" else (IPV6,) if family == "ip6" else (IPV4, IPV6)
    facts: list[Fact] = [((place.path, "type"), _either_of(types))]
    extensions = normal((n, n) for n in IPV6_EXTENSIONS)
    if family == "ip" or not intersection(numbers, extensions):
        facts.append(((place.path, "proto"), numbers))
    return facts


def _types_of(value: Value) -> Ranges:
    if is_large(value):
        return _either_of((*_WITH_IPV4, IPV6))
    kinds = {type(item) for item in value.items} if isinstance(value, SetLiteral) else {type(value)}
    four, six = not kinds.isdisjoint((IPv4, IPv4Range)), not kinds.isdisjoint((IPv6, IPv6Range))
    return _either_of((*(_WITH_IPV4 if four else ()), *((IPV6,) if six else ())))


@cache
def _either_of(numbers: tuple[int, ...]) -> Ranges:
    return normal((n, n) for n in numbers)


def _directed(direction: str | None, source: str, destination: str) -> tuple[str, ...]:
    match direction:
        case "src":
            return (source,)
        case "dst":
            return (destination,)
        case "src and dst":
            return (source, destination)
        case _:
            return ()


def _relation(node: Relation, place: Place) -> list[Fact]:
    facts = [*header_facts(node.left, place)]
    if not isinstance(node.right, IPv4 | IPv6 | Mac):
        facts += header_facts(node.right, place)
        if not isinstance(node.right, Const):
            return facts
        values: Ranges = ((node.right.value, node.right.value),)
    elif node.op not in ("==", "!="):
        return facts
    else:
        values = numbers_of(node.right)
    key = property_of(node.left, place)
    if key is None:
        return facts
    bits = width(node.left)
    if node.op == "==":
        return [*facts, (key, intersection(values, ((0, (1 << bits) - 1),)) if bits else values)]
    return [*facts, (key, relation(node.op, values[0][0], bits))] if bits else facts


def _membership(node: Member, place: Place) -> list[Fact]:
    if not isinstance(node.items, SetLiteral):
        return [fact for key in node.keys for fact in _key_presence(key, place)]
    key = node.keys[0]
    if isinstance(key, KeyField):
        return _key_membership(key, node.items, Place() if key.outer else place)
    facts = header_facts(key, place)
    name = property_of(key, place)
    if name is None:
        return facts
    values = numbers_of(node.items)
    bits = width(key)
    return [
        *facts,
        (name, intersection(values, ((0, (1 << bits) - 1),)) if bits else values),
    ]


def _key_presence(key: KeyField | Arith, place: Place) -> list[Fact]:
    """The packet has the field: what is in a table is not known here."""
    if not isinstance(key, KeyField):
        return header_facts(key, place)
    place = Place() if key.outer else place
    types = [((place.path, "type"), _IP)]
    match key.text.split():
        case ["ether", *_]:
            return ethernet_facts(place)
        case [("ip" | "ip6" | "tcp" | "udp" | "sctp") as proto, *_]:
            return protocol_facts(proto, place)
        case ["src" | "dst", "port"]:
            return [*types, ((place.path, "proto"), _WITH_PORTS)]
        case ["src" | "dst"] | ["proto"]:
            return types
        case _:
            return []


def _key_membership(key: KeyField, items: SetLiteral, place: Place) -> list[Fact]:
    match key.text.split():
        case [*proto, ("src" | "dst") as way, "port"]:
            return _primitive(Primitive(proto[0] if proto else None, way, "port", items), place)
        case [*proto, ("src" | "dst") as way]:
            return _primitive(Primitive(proto[0] if proto else None, way, None, items), place)
        case [*proto, "proto"]:
            return _ip_protocol(proto[0] if proto else None, numbers_of(items), place)
        case _:
            return []
