"""What is inside an encapsulation. In: a packet that has one. Out: the packet in it, Ethernet or IP alone.

The last column of the table in ADR 0002, and its rules 2 to 4. The packet inside exists where the encapsulation does,
perhaps with no byte of it there; of one alone the type, or the place, may not be known.
"""

from __future__ import annotations

from collections.abc import Callable

from ebpfc.compiler.fields import MAX_STACK
from ebpfc.testing.semantics.encapsulations import (
    GTP_EXTENSION,
    IP_IN_IP,
    Asked,
    geneve_length,
    gre_length,
    gtp_length,
    start_of,
    vxlan_length,
)
from ebpfc.testing.semantics.packet import IPV4, IPV6, NO_KNOWN_TYPE, Packet, ethernet_frame

ETHERNET = 0x6558  # protocol type of a bridged frame: RFC 8926 section 3.4, RFC 1701
PPP_FAMILIES = {0x0021: IPV4, 0x0057: IPV6}  # RFC 1332, RFC 5072
MOST_GTP_EXTENSIONS = 4


def inside(asked: Asked) -> Packet | None:
    """The packet in an encapsulation that is there; None where the packet round it is not known to exist."""
    packet, kind = asked.packet, asked.kind
    if packet is None:
        return None
    if kind not in packet.inside:
        packet.inside[kind] = _open(packet, asked)
    return packet.inside[kind]


def _open(packet: Packet, asked: Asked) -> Packet:
    """Only of `ipip` may the place not be known; then nothing is known of what is inside (rule 1)."""
    start = start_of(packet, asked.kind)
    return _alone(packet, None, None) if start is None else _INSIDE[asked.kind](packet, start)


def _alone(packet: Packet, ethertype: int | None, start: int | None) -> Packet:
    """An IP packet alone."""
    return Packet(packet.wire, None, ethertype, start, packet.merged)


def _by_nibble(packet: Packet, start: int) -> Packet:
    """An IP packet alone, whose first byte says of which version it is (rule 3)."""
    first = packet.read(start, 0, 1)
    return _alone(packet, None if first is None else {4: IPV4, 6: IPV6}.get(first >> 4, NO_KNOWN_TYPE), start)


def _by_type(packet: Packet, protocol_type: int | None, start: int) -> Packet:
    """By geneve's and GRE's protocol type, which is there where they are."""
    if protocol_type == ETHERNET:
        return ethernet_frame(packet.wire, start, packet.merged)
    return _alone(packet, protocol_type if protocol_type in (IPV4, IPV6) else NO_KNOWN_TYPE, start)


def _in_vxlan(packet: Packet, start: int) -> Packet:
    return ethernet_frame(packet.wire, start + vxlan_length(packet.wire[start]), packet.merged)


def _in_geneve(packet: Packet, start: int) -> Packet:
    return _by_type(packet, packet.read(start, 2, 2), start + geneve_length(packet.wire[start]))


def _in_gre(packet: Packet, start: int) -> Packet:
    return _by_type(packet, packet.read(start, 2, 2), start + gre_length(packet.wire[start]))


def _in_ipip(packet: Packet, start: int) -> Packet:
    """The protocol says of which version it is."""
    protocol = None if packet.ip is None else packet.ip.protocol
    return _alone(packet, None if protocol is None else IP_IN_IP[protocol], start)


def _in_gtp(packet: Packet, start: int) -> Packet:
    """3GPP TS 29.281 sections 5.1 and 5.2.1: behind at most four extension headers."""
    flags = packet.wire[start]
    at = start + gtp_length(flags)
    following = packet.read(start, 11, 1) if flags & GTP_EXTENSION else 0
    for _ in range(MOST_GTP_EXTENSIONS):
        if not following:
            break
        length = 4 * (packet.read(at, 0, 1) or 0)
        following = packet.read(at, length - 1, 1) if length else None
        at += length
    return _by_nibble(packet, at) if following == 0 else _alone(packet, None, None)


def _in_mpls(packet: Packet, start: int) -> Packet:
    """RFC 3032 section 2.1: behind the entry whose bottom-of-stack bit is set, among the first four."""
    for entry in range(MAX_STACK):
        bits = packet.read(start, 4 * entry + 2, 1)
        if bits is None:
            break
        if bits & 1:
            return _by_nibble(packet, start + 4 * (entry + 1))
    return _alone(packet, None, None)


def _in_pppoes(packet: Packet, start: int) -> Packet:
    protocol = packet.read(start, 6, 2)
    if protocol is None:
        return _alone(packet, None, None)
    return _alone(packet, PPP_FAMILIES.get(protocol, NO_KNOWN_TYPE), start + 8)


_INSIDE: dict[str, Callable[[Packet, int], Packet]] = {
    "vxlan": _in_vxlan,
    "geneve": _in_geneve,
    "gre": _in_gre,
    "ipip": _in_ipip,
    "gtp": _in_gtp,
    "mpls": _in_mpls,
    "pppoes": _in_pppoes,
}
