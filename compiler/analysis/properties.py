"""The properties of a packet that tests speak of, under one name each, and what the presence of a header says of them.

A property is a path of encapsulations and a name: ((), "dport") is the frame's destination port, ((("vxlan", 4789),),
"type") the type inside the VXLAN that port 4789 carries. A packet has one transport and one source address, whichever
test asks; so `tcp dst port` and `tcp.dport`, `src host` and `ip.saddr` are one property each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from ebpfc.compiler.ast.matches import CONNECTION_STATES
from ebpfc.compiler.ast.nodes import Access, Arith, ConnectionState, Const, EncapKind, FieldRef, FrameLength, Group
from ebpfc.compiler.fields import FIELDS, IPV6_EXTENSIONS, PORTS, PROTOCOLS
from ebpfc.compiler.ir.ranges import Ranges, normal

Path: TypeAlias = tuple[tuple[EncapKind, int | None], ...]
"""Encapsulations from the outside in, each with the UDP port that it was looked for on, or None."""
Property: TypeAlias = tuple[Path, str]
Fact: TypeAlias = tuple[Property, Ranges]

IPV4, ARP, IPV6, RARP, UDP = 0x0800, 0x0806, 0x86DD, 0x8035, 17
NO_TYPE = 0x10000
"""What the type of an IP packet alone is where it is neither IPv4 nor IPv6: the number of no EtherType."""
STATE = "state"
"""Of a tracked packet: the number of its state in CONNECTION_STATES."""
NEW = CONNECTION_STATES.index("new")
_GRE, _IPIP = ((47, 47),), ((4, 4), (41, 41))
_ETHERNET = "ethernet"
_TRANSPORT_NAMES = {"sport", "dport"}
_IP_TYPES: Ranges = ((IPV4, IPV4), (IPV6, IPV6))
_LENGTHS: Ranges = ((0, 1500),)


@dataclass(frozen=True, slots=True)
class Place:
    """Which packet is open: the tunnels around it, how many of its tags, and of the MPLS labels right before it."""

    path: Path = ()
    tags: int = 0
    labels: int = 0

    def inside(self, kind: EncapKind, port: int | None = None) -> Place:
        return Place((*self.path, (kind, port)), labels=int(kind == "mpls"))


def protocol_facts(name: str, place: Place) -> list[Fact]:
    """What the presence of a protocol's header says."""
    return list(_protocol_facts(name, place))


@cache
def _protocol_facts(name: str, place: Place) -> list[Fact]:
    if name == "stp":
        return [((place.path, "type"), _LENGTHS)]
    if name == "ether":
        return ethernet_facts(place)
    row = PROTOCOLS.get(name)
    if row is None or row.level not in ("net", "transport"):
        return []
    facts = [((place.path, "type"), normal((n, n) for n in row.ethertypes))]
    numbers = {n for n in (row.ipv4, row.ipv6) if n is not None}
    if numbers and not numbers & set(IPV6_EXTENSIONS):
        facts.append(((place.path, "proto"), normal((n, n) for n in numbers)))
    return facts


def ethernet_facts(place: Place) -> list[Fact]:
    """The packet has an Ethernet header."""
    return [((place.path, _ETHERNET), ((1, 1),))]


def carrier_facts(kind: EncapKind, port: int | None, place: Place) -> list[Fact]:
    """What an encapsulation (no `vlan`) says of the packet that has it."""
    path = place.path
    match kind:
        case "vxlan" | "geneve" | "gtp":
            wanted = PORTS[kind] if port is None else port
            return [*protocol_facts("udp", place), ((path, "dport"), ((wanted, wanted),))]
        case "gre" | "ipip":
            return [((path, "type"), _IP_TYPES), ((path, "proto"), _GRE if kind == "gre" else _IPIP)]
        case "mpls" | "pppoes" | "pppoed":
            return [((path, "type"), normal((n, n) for n in PROTOCOLS[kind].ethertypes))]
        case _:
            return []


def alone_facts(place: Place) -> list[Fact]:
    """The packet is known to be IP alone: it has no Ethernet header, and no type but IP's."""
    if not place.path or place.path[-1][0] not in ("ipip", "gtp", "mpls", "pppoes"):
        return []
    return [((place.path, _ETHERNET), ((0, 0),)), ((place.path, "type"), (*_IP_TYPES, (NO_TYPE, NO_TYPE)))]


def state_facts(state: ConnectionState, place: Place) -> list[Fact]:
    """A packet has one state while it is judged; one that is not invalid has a type, and it is IP's."""
    number = CONNECTION_STATES.index(state)
    types = [] if state == "invalid" else [((place.path, "type"), _IP_TYPES)]
    return [((place.path, STATE), ((number, number),)), *types]


def header_facts(node: Arith, place: Place) -> list[Fact]:
    """The protocols whose bytes are read are there."""
    match node:
        case FieldRef() | Access():
            return protocol_facts(node.proto, Place() if node.outer else place)
        case Group():
            return header_facts(node.operand, place)
        case _:
            return []


def property_of(node: Arith, place: Place) -> Property | None:
    match node:
        case Group():
            return property_of(node.operand, place)
        case FrameLength():
            return (), "len"
        case FieldRef():
            return _field_property(node, Place() if node.outer else place)
        case Access(offset=Const(value=at)):
            return (Place() if node.outer else place).path, f"{node.proto}[{at}:{node.size}]"
        case _:
            return None


def _field_property(node: FieldRef, place: Place) -> Property | None:
    if node.proto == "meta":
        return ((), "len") if node.name == "length" else None
    if node.proto == "vlan" or PROTOCOLS[node.proto].level == "tunnel":
        return None
    if node.name in _TRANSPORT_NAMES:
        return place.path, node.name
    match node.proto, node.name:
        case (("ip" | "ip6"), "saddr"):
            return place.path, "src"
        case (("ip" | "ip6"), "daddr"):
            return place.path, "dst"
        case "ether", "saddr":
            return place.path, "ether src"
        case "ether", "daddr":
            return place.path, "ether dst"
        case "ip", "protocol":
            return place.path, "proto"
        case _:
            return place.path, f"{node.proto}.{node.name}"


def width(node: Arith) -> int:
    """The width of a number that is compared; 0 for addresses."""
    match node:
        case Group():
            return width(node.operand)
        case FieldRef():
            row = FIELDS[node.proto, node.name]
            return row.bits if row.kind == "number" else 0
        case Access():
            return 8 * node.size
        case _:
            return 32
