"""Keys of tables and limiters. In: the fields as written, the scope that they read. Out: words, or None for no key.

ADR 0003, rules 3 to 6. A field that is absent, or of which a byte is not there, leaves the packet without a key.
"""

from __future__ import annotations

from typing import TypeAlias

from ebpfc.compiler.ast.nodes import Access, Binary, FieldRef, Group, Key, KeyField
from ebpfc.compiler.fields import FIELDS
from ebpfc.testing.semantics.encapsulations import VALUES
from ebpfc.testing.semantics.headers import is_absent, read_header
from ebpfc.testing.semantics.packet import IPV4, IPV6
from ebpfc.testing.semantics.primitives import (
    ETHER_ADDRESSES,
    IPV4_ADDRESSES,
    IPV6_ADDRESSES,
    PORT_PROTOCOLS,
    PORTS,
)
from ebpfc.testing.semantics.relations import names_absent, number
from ebpfc.testing.semantics.scope import Scope
from ebpfc.testing.semantics.words import KeyKind, Words, address_words, mac_words

Field: TypeAlias = KeyField | FieldRef | Access | Binary | Group


def kind_of(field: Field) -> KeyKind:
    """What a field of a key is made of."""
    match field:
        case KeyField(text):
            words = text.split()
            if words[-1] not in ("src", "dst"):
                return "number"
            return "mac" if words[0] == "ether" else "address"
        case FieldRef(proto, name):
            row = FIELDS[proto, name]
            return "address" if row.kind in ("ipv4", "ipv6") else "mac" if row.kind == "mac" else "number"
        case _:
            return "number"


def read_key(key: Key, scope: Scope) -> Words | None:
    """The key of the packet that is open; the mask is of the address that is its last field (rule 6)."""
    return read_fields(key.fields, scope, key.mask4, key.mask6)


def read_fields(
    fields: tuple[Field, ...], scope: Scope, mask4: int | None = None, mask6: int | None = None
) -> Words | None:
    """The words of all fields; None when one of them is not known (rule 5)."""
    words: Words = ()
    for field in fields:
        last = field is fields[-1]
        there = _read(field, scope, (mask4, mask6) if last else (None, None))
        if there is None:
            return None
        words += there
    return words


# ------------------------------------------------------------------------------------------------------------- a field

Masks = tuple[int | None, int | None]
"""Of IPv4 and IPv6 addresses."""


def _read(field: Field, scope: Scope, masks: Masks) -> Words | None:
    if not isinstance(field, KeyField):
        return _arithmetic(field, scope, masks)
    scope, words = scope.reading(field.outer), field.text.split()
    match words:
        case ["ifindex"]:
            return (scope.frame.ifindex,)
        case ["vlan"]:
            return _arithmetic(FieldRef("vlan", "id"), scope, masks)
        case [kind] if kind in VALUES:
            return _arithmetic(FieldRef(kind, VALUES[kind]), scope, masks)
        case [*proto, "src" | "dst" as side]:
            return _address(scope, proto[0] if proto else None, 0 if side == "src" else 1, masks)
        case [*proto, "src" | "dst" as side, "port"]:
            return _port(scope, proto[0] if proto else None, 0 if side == "src" else 1)
        case [*proto, "proto"]:
            return _protocol(scope, proto[0] if proto else None)
        case _:
            raise ValueError(f"{field.text} is not part of a checked policy")


def _arithmetic(field: FieldRef | Access | Binary | Group, scope: Scope, masks: Masks) -> Words | None:
    """A named field, of the field table's kind, or a number."""
    if names_absent(field, scope):
        return None
    there = number(field, scope)
    if there is None:
        return None
    match FIELDS[field.proto, field.name].kind if isinstance(field, FieldRef) else "number":
        case "ipv4":
            return address_words(4, there, masks[0])
        case "ipv6":
            return address_words(6, there, masks[1])
        case "mac":
            return mac_words(there)
        case _:
            return (there,)


def _address(scope: Scope, proto: str | None, side: int, masks: Masks) -> Words | None:
    """`src` and `dst` alone are those of the IPv4 or IPv6 header, not of ARP (rule 4)."""
    if proto == "ether":
        there = read_header(scope, "ether", ETHER_ADDRESSES[side], 6)
        return None if there is None else mac_words(there)
    for name in ("ip", "ip6") if proto is None else (proto,):
        if is_absent(scope, name):
            continue
        family, places, size = (6, IPV6_ADDRESSES, 16) if name == "ip6" else (4, IPV4_ADDRESSES[name], 4)
        there = read_header(scope, name, places[side], size)
        if there is not None:
            return address_words(family, there, masks[0] if family == 4 else masks[1])
    return None


def _port(scope: Scope, proto: str | None, side: int) -> Words | None:
    """Of TCP, UDP or SCTP, whichever the packet has."""
    for name in PORT_PROTOCOLS if proto is None else (proto,):
        there = None if is_absent(scope, name) else read_header(scope, name, PORTS[side], 2)
        if there is not None:
            return (there,)
    return None


def _protocol(scope: Scope, proto: str | None) -> Words | None:
    """The transport protocol, not an extension header on the way; `ether proto` is the EtherType (ADR 0001, rule 4)."""
    packet = scope.packet
    if packet is None:
        return None
    if proto == "ether":
        ethertypes = () if packet.link is None else packet.link.ethertypes
        there = ethertypes[scope.tags] if scope.tags < len(ethertypes) else None
    else:
        family = {None: (IPV4, IPV6), "ip": (IPV4,), "ip6": (IPV6,)}[proto]
        there = packet.ip.protocol if packet.ip is not None and packet.ethertype in family else None
    return None if there is None else (there,)
