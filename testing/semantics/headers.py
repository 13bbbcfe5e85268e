"""Bytes of a header by its protocol's name. In: a scope, a protocol, an offset. Out: a number, None when not known.

Beside it `is_absent`: whether the packet is known not to have the header at all, which makes a test of its bytes false
where missing bytes alone would make it unknown (ADR 0001, rules 17 and 21; ADR 0002, rules 2 and 7).
"""

from __future__ import annotations

from typing import cast

from ebpfc.compiler.ast.nodes import EncapKind, FieldRef
from ebpfc.compiler.fields import FIELDS, PROTOCOLS
from ebpfc.testing.semantics.encapsulations import Asked, is_there, lacks, read_field
from ebpfc.testing.semantics.ethernet import Ethernet
from ebpfc.testing.semantics.packet import Packet
from ebpfc.testing.semantics.scope import Scope


def is_absent(scope: Scope, proto: str) -> bool:
    """Is the header known not to be there? Of a transport protocol, its bytes: a later fragment has none of them."""
    packet = scope.packet
    match PROTOCOLS[proto].level:
        case "tunnel":
            return is_there(_encapsulation(scope, proto)) is False
        case _ if packet is None:
            return False
        case "meta":
            return False
        case "link":
            return packet.link is None if proto == "ether" else packet.tag(_open_tag(scope)) is False
        case "net":
            return packet.has_type(*PROTOCOLS[proto].ethertypes) is False
        case "transport":
            return packet.has_transport(proto) is False or packet.ip_fact("later") is True


def is_field_absent(scope: Scope, field: FieldRef) -> bool:
    """Is the header known not to be there, or to be one without this field?"""
    if is_absent(scope, field.proto):
        return True
    if PROTOCOLS[field.proto].level != "tunnel":
        return False
    asked = _encapsulation(scope, field.proto)
    return is_there(asked) is True and lacks(asked, field.name)


def read_named(scope: Scope, field: FieldRef) -> int | None:
    """A row of the field table, known when all bytes of the row are."""
    if PROTOCOLS[field.proto].level == "tunnel":
        asked = _encapsulation(scope, field.proto)
        return read_field(asked, field.name) if is_there(asked) else None
    row = FIELDS[field.proto, field.name]
    there = read_header(scope, field.proto, row.offset, row.size)
    return None if there is None else there >> row.shift & ((1 << row.bits) - 1)


def read_header(scope: Scope, proto: str, offset: int, size: int) -> int | None:
    """`size` bytes at `offset` of the header; None when one is not there, or where the header starts is not known."""
    packet = scope.packet
    return None if packet is None else packet.read(_header_start(scope, packet, proto), offset, size)


def _encapsulation(scope: Scope, proto: str) -> Asked:
    return scope.header(cast("EncapKind", proto))


def _header_start(scope: Scope, packet: Packet, proto: str) -> int | None:
    """Where the header starts in the frame."""
    match PROTOCOLS[proto].level:
        case "link":
            return None if packet.link is None else _link_start(scope, packet.link, proto)
        case "net":
            return packet.network if packet.has_type(*PROTOCOLS[proto].ethertypes) else None
        case _:
            return _transport_start(packet, proto)


def _link_start(scope: Scope, link: Ethernet, proto: str) -> int | None:
    if proto == "ether":
        return link.start
    tag = _open_tag(scope)
    return link.tag_start(tag) if link.tag(tag) else None


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
