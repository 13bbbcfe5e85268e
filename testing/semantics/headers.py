"""Bytes of a header by its protocol's name. In: a scope, a protocol, an offset. Out: a number, None when not known.

Beside it `is_absent`: whether the packet is known not to have the header at all, which makes a test of its bytes false
where missing bytes alone would make it unknown (ADR 0001, rules 17 and 21).
"""

from __future__ import annotations

from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.testing.semantics.frame import read_number
from ebpfc.testing.semantics.packet import ETHER_HEADER, Packet
from ebpfc.testing.semantics.scope import Scope


def is_absent(scope: Scope, proto: str) -> bool:
    """Is the header known not to be there? Of a transport protocol, its bytes: a later fragment has none of them."""
    packet = scope.packet
    if proto == "vxlan":
        return scope.carrier is not None and scope.carrier.vxlan(scope.port) is False
    if packet is None or proto in ("ether", "meta"):
        return False
    match PROTOCOLS[proto].level:
        case "net":
            return packet.has_type(PROTOCOLS[proto].ethertypes[0]) is False
        case "link":
            return packet.tag(_open_tag(scope)) is False
        case _:
            return packet.has_transport(proto) is False or packet.ip_fact("later") is True


def read_header(scope: Scope, proto: str, offset: int, size: int) -> int | None:
    """`size` bytes at `offset` of the header; None when one is not there, or where the header starts is not known."""
    if proto == "vxlan":
        carrier = scope.carrier
        return carrier.read_vxlan(offset, size) if carrier is not None and carrier.vxlan(scope.port) else None
    if scope.packet is None:
        return None
    start = _header_start(scope, scope.packet, proto)
    return None if start is None else read_number(scope.packet.wire, start + offset, size)


def _header_start(scope: Scope, packet: Packet, proto: str) -> int | None:
    """Where the header starts in the frame."""
    if proto == "ether":
        return packet.start
    match PROTOCOLS[proto].level:
        case "net":
            return packet.network if packet.has_type(PROTOCOLS[proto].ethertypes[0]) else None
        case "link":
            tag = _open_tag(scope)
            return packet.start + ETHER_HEADER + 4 * tag if packet.tag(tag) else None
        case _:
            return _transport_start(packet, proto)


def _transport_start(packet: Packet, proto: str) -> int | None:
    """AH over IPv6 is one of the extension headers that a packet walks through: only IPv4 has it as its transport."""
    if packet.ip is None or not packet.has_transport(proto):
        return None
    if proto == "ah" and packet.ip.walked:
        return None
    return packet.ip.transport


def _open_tag(scope: Scope) -> int:
    """The tag that the last `vlan` of the chain opened; the outermost when none did (rule 2)."""
    return max(scope.tags - 1, 0)
