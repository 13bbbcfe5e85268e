"""A captured frame → a few words for a person: `10.0.0.1.1234 > 10.0.0.2.80: tcp`.

In: a frame's bytes, hostile or cut anywhere. Out: one printable line; what the bytes do not tell is left out.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ebpfc.compiler.fields import PROTOCOLS, VXLAN_PORT
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.frame import read_number
from ebpfc.testing.semantics.packet import IPV4, IPV6, Packet, decode

_IPV4_PROTOCOLS: Final = {row.ipv4: name for name, row in PROTOCOLS.items() if row.ipv4 is not None}
_IPV6_PROTOCOLS: Final = {row.ipv6: name for name, row in PROTOCOLS.items() if row.ipv6 is not None}
_WITH_PORTS: Final = frozenset(("tcp", "udp", "sctp"))
_ARP_TYPES: Final = {kind: name for name in ("arp", "rarp") for kind in PROTOCOLS[name].ethertypes}


def packet_line(frame: Frame) -> str:
    return _packet(decode(frame))


def _packet(packet: Packet) -> str:
    tags = [f"vlan {tci & 0xFFF}" for depth in (0, 1) if (tci := packet.tci(depth)) is not None]
    return ", ".join((*tags, _network(packet)))


def _network(packet: Packet) -> str:
    match packet.ethertype:
        case None:
            return f"{_macs(packet)}: cut short" if len(packet.ethertypes) < 3 else f"{_macs(packet)}: three tags"
        case kind if kind in (IPV4, IPV6):
            return _ip(packet, kind)
        case kind if kind in _ARP_TYPES:
            sender, target = (read_number(packet.wire, packet.network + at, 4) for at in (14, 24))
            return f"{_address(sender, IPV4)} > {_address(target, IPV4)}: {_ARP_TYPES[kind]}"
        case kind:
            return f"{_macs(packet)}: ethertype {kind:#06x}" if kind > 1500 else f"{_macs(packet)}: llc"


def _ip(packet: Packet, family: int) -> str:
    size, sides = (4, (12, 16)) if family == IPV4 else (16, (8, 24))
    source, destination = (_address(read_number(packet.wire, packet.network + at, size), family) for at in sides)
    facts = packet.ip
    number = None if facts is None else facts.protocol
    if facts is None or number is None:
        return f"{source} > {destination}: {'ip' if family == IPV4 else 'ip6'}"
    name = (_IPV4_PROTOCOLS if family == IPV4 else _IPV6_PROTOCOLS).get(number, f"proto {number}")
    if name in _WITH_PORTS and facts.transport is not None:
        source, destination = (
            side if port is None else f"{side}.{port}"
            for side, port in (
                (source, read_number(packet.wire, facts.transport, 2)),
                (destination, read_number(packet.wire, facts.transport + 2, 2)),
            )
        )
    line = f"{source} > {destination}: {name}{' fragment' if facts.fragment else ''}"
    if packet.vxlan(VXLAN_PORT) and packet.inner is not None and packet.vni is not None:
        return f"{line}, vxlan {packet.vni}"
    return line


def _address(number: int | None, family: int) -> str:
    if number is None:
        return "?"
    return str(IPv4Address(number) if family == IPV4 else IPv6Address(number))


def _macs(packet: Packet) -> str:
    return " > ".join(
        "?" if number is None else ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))
        for number in (packet.read(6, 6), packet.read(0, 6))
    )
