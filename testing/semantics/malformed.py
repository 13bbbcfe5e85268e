"""Is a packet malformed? In: a packet. Out: True or False, never unknown (ADR 0001, rules 22 and 23; 0002, 5 and 6).

A header is *whole* when all its bytes are there and, behind an IP header, lie before the IP end: bytes after it are
padding. Lengths are compared with what the frame holds, however far into it the parser looks.
"""

from __future__ import annotations

from ebpfc.compiler.fields import MAX_STACK, PORTS, PROTOCOLS
from ebpfc.testing.semantics.encapsulations import GRE, GRE_VERSION, LENGTHS, gre_length
from ebpfc.testing.semantics.frame import read_number
from ebpfc.testing.semantics.ip import IpFacts
from ebpfc.testing.semantics.packet import IPV4, IPV6, Packet

LARGEST_DATAGRAM = 65_535  # what fragments can be put together to (RFC 791 section 3.1)
PPPOE_HEADER = PROTOCOLS["pppoes"].header
MPLS_ENTRY = PROTOCOLS["mpls"].header


def malformed(packet: Packet) -> bool:
    if packet.link is not None and packet.link.malformed:
        return True
    if packet.ethertype is None or packet.network is None:
        return True
    if packet.has_type(*PROTOCOLS["arp"].ethertypes, *PROTOCOLS["rarp"].ethertypes):
        return _arp_malformed(packet, packet.network)
    if packet.has_type(*PROTOCOLS["mpls"].ethertypes):
        return _mpls_malformed(packet, packet.network)
    if packet.has_type(*PROTOCOLS["pppoes"].ethertypes, *PROTOCOLS["pppoed"].ethertypes):
        return _pppoe_malformed(packet, packet.network)
    ip = packet.ip
    if ip is None:
        return False
    is_ipv4 = packet.ethertype == IPV4
    end = _ipv4_end(packet, packet.network) if is_ipv4 else _ipv6_end(packet, packet.network, ip)
    return end is None or _fragment_malformed(packet, packet.network, ip) or _transport_malformed(packet, ip, end)


def _there(packet: Packet, start: int, end: int) -> bool:
    """Are all bytes of the header from `start` to `end` in the frame and within the parser's reach?"""
    return start >= end or read_number(packet.wire, end - 1, 1) is not None


def _whole(packet: Packet, start: int, size: int, end: int) -> bool:
    """Are the `size` bytes from `start` on there, and before the IP end?"""
    return start + size <= end and _there(packet, start, start + size)


def _arp_malformed(packet: Packet, start: int) -> bool:
    """RFC 826: 8 bytes, then two hardware and two protocol addresses of the lengths in bytes 4 and 5."""
    lengths = read_number(packet.wire, start + 4, 2)
    if lengths is None or not _there(packet, start, start + 8):
        return True
    return not _there(packet, start, start + 8 + 2 * ((lengths >> 8) + (lengths & 0xFF)))


def _mpls_malformed(packet: Packet, start: int) -> bool:
    """RFC 3032: whole entries of 4 bytes down to the one with the bottom-of-stack bit, the fourth at the latest."""
    for _ in range(MAX_STACK):
        end = start + MPLS_ENTRY
        if not _there(packet, start, end):
            return True
        if packet.wire[start + 2] & 1:
            return False
        start = end
    return True


def _pppoe_malformed(packet: Packet, start: int) -> bool:
    """RFC 2516 section 4: 6 bytes, and as many behind them as bytes 4 and 5 say."""
    length = read_number(packet.wire, start + 4, 2)
    return length is None or start + PPPOE_HEADER + length > len(packet.wire)


def _ipv4_end(packet: Packet, start: int) -> int | None:
    """Where the IPv4 packet ends; None when its header is malformed."""
    wire = packet.wire
    version_ihl = read_number(wire, start, 1)
    total = read_number(wire, start + 2, 2)
    if version_ihl is None or total is None or not _there(packet, start, start + 20):
        return None
    header = (version_ihl & 15) * 4
    if version_ihl >> 4 != 4 or header < 20 or not _there(packet, start, start + header) or total < header:
        return None
    if packet.merged:
        return len(wire)
    return None if start + total > len(wire) else start + total


def _ipv6_end(packet: Packet, start: int, ip: IpFacts) -> int | None:
    """Where the IPv6 packet ends; None when its header or an extension header is malformed."""
    wire = packet.wire
    version = read_number(wire, start, 1)
    payload = read_number(wire, start + 4, 2)
    if version is None or payload is None or not _there(packet, start, start + 40) or version >> 4 != 6:
        return None
    end = start + 40 + payload
    if end > len(wire) and not packet.merged:
        return None
    jumbo = payload == 0 and wire[start + 6] == 0  # RFC 2675
    if jumbo or packet.merged:
        end = len(wire)
    for header in ip.extensions:
        if header.length is None or header.offset + header.length > end:
            return None
        if not _there(packet, header.offset, header.offset + header.length):
            return None
    return None if ip.too_many else end


def _fragment_malformed(packet: Packet, start: int, ip: IpFacts) -> bool:
    """Does the fragment reach beyond the largest datagram, by the IP header's own length?"""
    if not ip.fragment:
        return False
    at, before = (2, 0) if packet.ethertype == IPV4 else (4, 40)
    length = before + int.from_bytes(packet.wire[start + at : start + at + 2], "big")
    data = start + length - ip.fragment_data
    return ip.fragment_offset + data > LARGEST_DATAGRAM


def _transport_malformed(packet: Packet, ip: IpFacts, end: int) -> bool:
    """The transport header and an encapsulation's; `end` is the IP end, of a well formed IP header."""
    start = ip.transport
    if start is None:
        return False
    if ip.protocol == GRE:
        return _gre_malformed(packet, start, end)
    name = _transport_name(packet, ip)
    if name is None:
        return False
    if not _whole(packet, start, PROTOCOLS[name].header, end):
        return True
    match name:
        case "tcp":
            size = (packet.wire[start + 12] >> 4) * 4
            return size < 20 or not _whole(packet, start, size, end)
        case "udp":
            return _udp_malformed(packet, ip, start, end)
        case _:
            return False


def _transport_name(packet: Packet, ip: IpFacts) -> str | None:
    """Which of the transport protocols that have a header to check this is."""
    for name in ("tcp", "udp", "sctp", "icmp", "icmp6"):
        row = PROTOCOLS[name]
        number = {IPV4: row.ipv4, IPV6: row.ipv6}[packet.ethertype or 0]
        if number is not None and number == ip.protocol:
            return name
    return None


def _udp_malformed(packet: Packet, ip: IpFacts, start: int, end: int) -> bool:
    """RFC 768; in a fragment or merged segments the length covers other bytes than these."""
    wire = packet.wire
    length = int.from_bytes(wire[start + 4 : start + 6], "big")
    if length < 8 or (start + length > end and not ip.fragment and not packet.merged):
        return True
    to_port, header = int.from_bytes(wire[start + 2 : start + 4], "big"), start + PROTOCOLS["udp"].header
    for kind, port in PORTS.items():
        if to_port == port:
            return not _whole(packet, header, 1, end) or not _whole(packet, header, LENGTHS[kind](wire[header]), end)
    return False


def _gre_malformed(packet: Packet, start: int, end: int) -> bool:
    """RFC 2784: of another version than 0 only the first 4 bytes are known."""
    if not _whole(packet, start, 4, end):
        return True
    return not packet.wire[start + 1] & GRE_VERSION and not _whole(packet, start, gre_length(packet.wire[start]), end)
