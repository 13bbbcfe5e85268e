"""A captured frame → a few words for a person: `10.0.0.1.1234 > 10.0.0.2.80: tcp`.

In: a frame's bytes, hostile or cut anywhere. Out: one printable line; what the bytes do not tell is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ebpfc.compiler.ast.nodes import EncapKind
from ebpfc.compiler.fields import MAX_OPEN, MAX_TAGS, PROTOCOLS
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.encapsulations import VALUES, ask, is_there, lacks, read_field
from ebpfc.testing.semantics.inside import inside
from ebpfc.testing.semantics.packet import IPV4, IPV6, NO_KNOWN_TYPE, Packet, decode

_IPV4_PROTOCOLS: Final = {row.ipv4: name for name, row in PROTOCOLS.items() if row.ipv4 is not None}
_IPV6_PROTOCOLS: Final = {row.ipv6: name for name, row in PROTOCOLS.items() if row.ipv6 is not None}
_WITH_PORTS: Final = frozenset(("tcp", "udp", "sctp"))
_OPENING: Final[tuple[EncapKind, ...]] = ("vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes")
_LINK_ENCAPS: Final = PROTOCOLS["mpls"].ethertypes + PROTOCOLS["pppoes"].ethertypes
_ARP_TYPES: Final = {kind: name for name in ("arp", "rarp") for kind in PROTOCOLS[name].ethertypes}


def packet_line(frame: Frame) -> str:
    return _packet(decode(frame))


def _packet(packet: Packet, depth: int = 0) -> str:
    return ", ".join((*_tags(packet), *_headers(packet), *(_inside(packet, depth) if depth < MAX_OPEN else ())))


def _tags(packet: Packet) -> Iterator[str]:
    for index in range(MAX_TAGS):
        if packet.link is not None and packet.tag(index):
            tci = packet.read(packet.link.tag_start(index), 0, 2)
            yield "vlan" if tci is None else f"vlan {tci & 0xFFF}"


def _headers(packet: Packet) -> list[str]:
    """The network header and the transport's; of an encapsulation behind the EtherType what is inside says more."""
    return [] if packet.has_type(*_LINK_ENCAPS) else [_network(packet)]


def _inside(packet: Packet, depth: int) -> Iterator[str]:
    """The encapsulation that is there, with its value, and what is in it."""
    for kind in _OPENING:
        asked = ask(kind, packet)
        if is_there(asked):
            value = read_field(asked, VALUES[kind]) if kind in VALUES and not lacks(asked, VALUES[kind]) else None
            yield kind if value is None else f"{kind} {value}"
            opened = inside(asked)
            if opened is not None:
                yield _packet(opened, depth + 1)


def _network(packet: Packet) -> str:
    match packet.ethertype:
        case None if packet.link is not None and len(packet.link.ethertypes) > MAX_TAGS:
            return f"{_macs(packet)}: three tags"
        case None:
            return f"{_macs(packet)}: cut short" if packet.link else "cut short"
        case kind if kind == NO_KNOWN_TYPE:
            return "of no known type"
        case kind if kind in (IPV4, IPV6):
            return _ip(packet, kind)
        case kind if kind in _ARP_TYPES:
            sender, target = (packet.read(packet.network, at, 4) for at in (14, 24))
            return f"{_address(sender, IPV4)} > {_address(target, IPV4)}: {_ARP_TYPES[kind]}"
        case kind:
            return f"{_macs(packet)}: ethertype {kind:#06x}" if kind > 1500 else f"{_macs(packet)}: llc"


def _ip(packet: Packet, family: int) -> str:
    size, sides = (4, (12, 16)) if family == IPV4 else (16, (8, 24))
    source, destination = (_address(packet.read(packet.network, at, size), family) for at in sides)
    facts = packet.ip
    number = None if facts is None else facts.protocol
    if facts is None or number is None:
        return f"{source} > {destination}: {'ip' if family == IPV4 else 'ip6'}"
    name = (_IPV4_PROTOCOLS if family == IPV4 else _IPV6_PROTOCOLS).get(number, f"proto {number}")
    if name in _WITH_PORTS and facts.transport is not None:
        source, destination = (
            side if port is None else f"{side}.{port}"
            for side, port in (
                (source, packet.read(facts.transport, 0, 2)),
                (destination, packet.read(facts.transport, 2, 2)),
            )
        )
    return f"{source} > {destination}: {name}{' fragment' if facts.fragment else ''}"


def _address(number: int | None, family: int) -> str:
    if number is None:
        return "?"
    return str(IPv4Address(number) if family == IPV4 else IPv6Address(number))


def _macs(packet: Packet) -> str:
    return " > ".join(
        "?" if number is None else ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))
        for number in ((packet.link.read(6, 6), packet.link.read(0, 6)) if packet.link else ())
    )
