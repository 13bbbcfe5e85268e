"""Headers of encapsulations. In: which kind is asked of which packet. Out: is it there, and the fields of its header.

The table of ADR 0002 and rule 19 of ADR 0001; what is inside: `inside`. Of a packet that is not known to exist nothing
is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ebpfc.compiler.ast.nodes import EncapKind, Value
from ebpfc.compiler.fields import FIELDS, PORTS, PROTOCOLS
from ebpfc.testing.semantics.kleene import Truth, kleene_or
from ebpfc.testing.semantics.packet import IPV4, IPV6, Packet
from ebpfc.testing.semantics.values import holds

VXLAN_VALID_VNI = 0x08  # the I bit, RFC 7348 section 5
IP_IN_IP = {4: IPV4, 41: IPV6}  # RFC 2003, RFC 4213
GRE, GRE_VERSION = 47, 0x07
GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE = 0x80, 0x20, 0x10  # RFC 2784, RFC 2890: each is a word more
GTP_KIND, GTP_VERSION, GTP_DATA = 0xF0, 0x30, 255  # 3GPP TS 29.281 section 5.1: version 1, PT set; a G-PDU
GTP_WORDS, GTP_EXTENSION = 0x07, 0x04  # any of the three flags makes four bytes more
UDP_HEADER = PROTOCOLS["udp"].header
VALUES = {
    "vxlan": "vni", "geneve": "vni", "gre": "key", "gtp": "teid", "mpls": "label", "pppoes": "session",
}  # fmt: skip
"""The field that `KIND N` compares."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The encapsulation `kind` of `packet`: behind UDP on `port`, of MPLS the entry at this depth of the stack."""

    kind: EncapKind
    packet: Packet | None
    port: int = 0
    entry: int = 0


def ask(kind: EncapKind, packet: Packet | None, port: int | None = None) -> Asked:
    """On the standard port, unless another is given."""
    return Asked(kind, packet, PORTS.get(kind, 0) if port is None else port)


def is_there(asked: Asked) -> Truth:
    """Is the packet known to have, or not to have, that header?"""
    packet = asked.packet
    if packet is None:
        return None
    match asked.kind:
        case "vlan":
            raise ValueError("a tag is part of the packet")
        case "ipip":
            return _carries(packet, IP_IN_IP)
        case "gre":
            return _is_gre(packet)
        case "mpls" | "pppoes" | "pppoed":
            present = packet.has_type(*PROTOCOLS[asked.kind].ethertypes)
            return _has_entry(packet, asked.entry) if present else present
        case _:
            return _is_behind_udp(packet, asked.port, UDP_KINDS[asked.kind])


def has_value(asked: Asked, values: Value) -> Truth:
    """Is the header that is there one of those asked for? GRE without a key is none of them."""
    if lacks(asked, VALUES[asked.kind]):
        return False
    there = read_field(asked, VALUES[asked.kind])
    return None if there is None else holds(values, there)


def lacks(asked: Asked, name: str) -> bool:
    """Is a header that is there known not to have this field?"""
    return (asked.kind, name) == ("gre", "key") and not _gre_flags(asked.packet) & GRE_KEY


def read_field(asked: Asked, name: str) -> int | None:
    """A field of a header that is there; None when a byte of its row in the field table is not."""
    row, packet = FIELDS[asked.kind, name], asked.packet
    if packet is None:
        return None
    offset = row.offset
    if (asked.kind, name) == ("gre", "key"):
        offset += 4 if _gre_flags(packet) & GRE_CHECKSUM else 0
    there = packet.read(start_of(packet, asked.kind), 4 * asked.entry + offset, row.size)
    return None if there is None else there >> row.shift & ((1 << row.bits) - 1)


def start_of(packet: Packet, kind: EncapKind) -> int | None:
    """Where the header of this kind starts, or would; None when that is not known."""
    match kind:
        case "mpls" | "pppoes" | "pppoed":
            return packet.network
        case "gre" | "ipip":
            return packet.transport
        case _:
            return None if packet.transport is None else packet.transport + UDP_HEADER


# ------------------------------------------------------------------------------------------------------- what is there


def _carries(packet: Packet, numbers: dict[int, int] | tuple[int, ...]) -> Truth:
    """Is its transport protocol, over either family, one of these, and it no later fragment?"""
    if packet.ip_fact("later"):
        return False
    return kleene_or(packet.has_protocol(family, lambda number: number in numbers) for family in (IPV4, IPV6))


def _is_gre(packet: Packet) -> Truth:
    """RFC 2784: version 0; 1 is PPTP's (RFC 2637)."""
    carried = _carries(packet, (GRE,))
    if not carried:
        return carried
    version = packet.read(packet.transport, 1, 1)
    if version is not None and version & GRE_VERSION:
        return False
    return None if packet.read(packet.transport, 0, 4) is None else True


def _is_behind_udp(packet: Packet, port: int, header: Callable[[Packet, int | None], Truth]) -> Truth:
    """Is it UDP to this port, not a later fragment, and the header behind it one of this kind?"""
    carried = _carries(packet, (PROTOCOLS["udp"].ipv4 or 17,))
    if not carried:
        return carried
    to_port = packet.read(packet.transport, 2, 2)
    if to_port is None or to_port != port:
        return None if to_port is None else False
    return header(packet, start_of(packet, "vxlan"))


def _is_vxlan(packet: Packet, start: int | None) -> Truth:
    flags = packet.read(start, 0, 1)
    return None if flags is None else bool(flags & VXLAN_VALID_VNI)


def _is_geneve(packet: Packet, start: int | None) -> Truth:
    """RFC 8926 section 3.4: version 0 and the protocol type there."""
    first = packet.read(start, 0, 1)
    if first is not None and first >> 6:
        return False
    return None if packet.read(start, 0, 4) is None else True


def _is_gtp(packet: Packet, start: int | None) -> Truth:
    """Version 1, not GTP' (PT set), and a message that carries a packet."""
    first, message = packet.read(start, 0, 1), packet.read(start, 1, 1)
    if (first is not None and first & GTP_KIND != GTP_VERSION) or (message is not None and message != GTP_DATA):
        return False
    return None if message is None else True


UDP_KINDS: dict[str, Callable[[Packet, int | None], Truth]] = {
    "vxlan": _is_vxlan,
    "geneve": _is_geneve,
    "gtp": _is_gtp,
}


def _has_entry(packet: Packet, entry: int) -> Truth:
    """Does a label stack go on to this entry: is no bottom-of-stack bit before it set (rule 4)?"""
    for above in range(entry):
        bits = packet.read(packet.network, 4 * above + 2, 1)
        if bits is None or bits & 1:
            return None if bits is None else False
    return True


# ------------------------------------------------------------------------------------------------- lengths of headers


def vxlan_length(flags: int) -> int:
    """Bytes of a VXLAN header whose byte 0 is `flags`; 0 where it is none, as in the functions below."""
    return 8 if flags & VXLAN_VALID_VNI else 0


def geneve_length(first: int) -> int:
    """With its options, counted in words in the lower six bits."""
    return 0 if first >> 6 else 8 + 4 * (first & 0x3F)


def gtp_length(flags: int) -> int:
    """Without its extension headers."""
    if flags & GTP_KIND != GTP_VERSION:
        return 0
    return 12 if flags & GTP_WORDS else 8


LENGTHS: dict[str, Callable[[int], int]] = {"vxlan": vxlan_length, "geneve": geneve_length, "gtp": gtp_length}
"""By its byte 0, of each header behind UDP."""


def gre_length(flags: int) -> int:
    """Bytes of a GRE header of version 0 whose byte 0 is `flags`."""
    return 4 + 4 * sum(bool(flags & bit) for bit in (GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE))


def _gre_flags(packet: Packet | None) -> int:
    """Byte 0 of a GRE header that is there."""
    return (packet.read(packet.transport, 0, 1) or 0) if packet is not None else 0
