"""Is a packet malformed? In: a packet. Out: True or False, never unknown (ADR 0001, rules 22 and 23).

A header is *whole* when all its bytes are there and, behind an IP header, lie before the IP end: bytes after it are
padding. Lengths are compared with what the frame holds, however far into it the parser looks.
"""

from __future__ import annotations

from ebpfc.compiler.fields import ETH_VLAN, MAX_TAGS, PROTOCOLS, VXLAN_PORT
from ebpfc.testing.semantics.frame import read_number
from ebpfc.testing.semantics.ip import IpFacts
from ebpfc.testing.semantics.packet import ETHER_HEADER, IPV4, IPV6, VXLAN_VALID_VNI, Packet

LARGEST_DATAGRAM = 65_535  # what fragments can be put together to (RFC 791 section 3.1)


def malformed(packet: Packet) -> bool:
    if _link_malformed(packet):
        return True
    if packet.ethertype in PROTOCOLS["arp"].ethertypes + PROTOCOLS["rarp"].ethertypes:
        return _arp_malformed(packet)
    ip = packet.ip
    if ip is None:
        return False
    end = _ipv4_end(packet) if packet.ethertype == IPV4 else _ipv6_end(packet, ip)
    return end is None or _fragment_malformed(packet, ip) or _transport_malformed(packet, ip, end)


def _there(packet: Packet, start: int, end: int) -> bool:
    """Are all bytes of the header from `start` to `end` in the frame and within the parser's reach?"""
    return start >= end or read_number(packet.wire, end - 1, 1) is not None


def _link_malformed(packet: Packet) -> bool:
    """Ethernet header or a tag cut short, or a third tag."""
    if packet.read(0, ETHER_HEADER) is None or packet.ethertypes[-1] is None:
        return True
    return len(packet.ethertypes) == MAX_TAGS + 1 and packet.ethertypes[-1] in ETH_VLAN


def _arp_malformed(packet: Packet) -> bool:
    """RFC 826: 8 bytes, then two hardware and two protocol addresses of the lengths in bytes 4 and 5."""
    start = packet.network
    lengths = read_number(packet.wire, start + 4, 2)
    if lengths is None or not _there(packet, start, start + 8):
        return True
    return not _there(packet, start, start + 8 + 2 * ((lengths >> 8) + (lengths & 0xFF)))


def _ipv4_end(packet: Packet) -> int | None:
    """Where the IPv4 packet ends; None when its header is malformed."""
    wire, start = packet.wire, packet.network
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


def _ipv6_end(packet: Packet, ip: IpFacts) -> int | None:
    """Where the IPv6 packet ends; None when its header or an extension header is malformed."""
    wire, start = packet.wire, packet.network
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


def _fragment_malformed(packet: Packet, ip: IpFacts) -> bool:
    """Does the fragment reach beyond the largest datagram, by the IP header's own length?"""
    if not ip.fragment:
        return False
    at, before = (2, 0) if packet.ethertype == IPV4 else (4, 40)
    length = before + int.from_bytes(packet.wire[packet.network + at : packet.network + at + 2], "big")
    data = packet.network + length - ip.fragment_data
    return ip.fragment_offset + data > LARGEST_DATAGRAM


def _transport_malformed(packet: Packet, ip: IpFacts, end: int) -> bool:
    """The transport header and, behind UDP, the VXLAN header; `end` is the IP end, of a well formed IP header."""
    start = ip.transport
    if start is None:
        return False
    name = _transport_name(packet, ip)
    if name is None:
        return False
    header_end = start + PROTOCOLS[name].header
    if header_end > end or not _there(packet, start, header_end):
        return True
    match name:
        case "tcp":
            size = (packet.wire[start + 12] >> 4) * 4
            return size < 20 or start + size > end or not _there(packet, start, start + size)
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
    if int.from_bytes(wire[start + 2 : start + 4], "big") != VXLAN_PORT:
        return False
    vxlan = start + 8
    if vxlan + 1 > end or not _there(packet, vxlan, vxlan + 1):
        return True
    return bool(wire[vxlan] & VXLAN_VALID_VNI) and (vxlan + 8 > end or not _there(packet, vxlan, vxlan + 8))
