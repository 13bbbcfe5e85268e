"""The properties of a packet that tests speak of, under one name each, and what the presence of a header says of them.

A property is a path of encapsulations and a name: ((), "dport") is the frame's destination port, ((4789,), "type") the
EtherType inside the VXLAN that port 4789 carries. A packet has one transport and one source address, whichever test
asks; so `tcp dst port` and `tcp.dport`, `src host` and `ip.saddr` are one property each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ebpfc.compiler.ast.nodes import Access, Arith, Const, FieldRef, FrameLength, Group
from ebpfc.compiler.fields import FIELDS, IPV6_EXTENSIONS, PROTOCOLS
from ebpfc.compiler.ir.ranges import Ranges, normal

Path: TypeAlias = tuple[int, ...]
Property: TypeAlias = tuple[Path, str]
Fact: TypeAlias = tuple[Property, Ranges]

IPV4, ARP, IPV6, RARP, UDP = 0x0800, 0x0806, 0x86DD, 0x8035, 17
_TRANSPORT_NAMES = {"sport", "dport"}


@dataclass(frozen=True, slots=True)
class Place:
    """Which packet is open: the tunnels around it, and how many of its tags."""

    path: Path = ()
    tags: int = 0


def protocol_facts(name: str, place: Place) -> list[Fact]:
    """What the presence of a protocol's header says."""
    row = PROTOCOLS.get(name)
    if row is None or not row.ethertypes or name == "vlan":
        return []
    facts = [((place.path, "type"), normal((n, n) for n in row.ethertypes))]
    numbers = {n for n in (row.ipv4, row.ipv6) if n is not None}
    if numbers and not numbers & set(IPV6_EXTENSIONS):
        facts.append(((place.path, "proto"), normal((n, n) for n in numbers)))
    return facts


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
    if node.proto in ("vlan", "vxlan", "meta"):
        return ((), "len") if node.name == "length" else None
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
