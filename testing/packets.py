"""Builds frames, for tests. In: headers' values, each of which may be given wrongly. Out: bytes.

Each function builds one header round what it carries; `Layer.number` is what the header below calls it (an EtherType
or an IP protocol), so `ether(tag(ip4(tcp(dport=80)), vid=5))` needs no number twice. Lengths and the IPv4 header's
checksum are right unless given; transport checksums are 0. Addresses are text or integers in host order.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ebpfc.compiler.fields import PROTOCOLS, VXLAN_PORT

Address = str | int
BROADCAST = "ff:ff:ff:ff:ff:ff"


@dataclass(frozen=True, slots=True)
class Layer:
    """A header and all that it carries; `number` names it in the header below."""

    number: int
    data: bytes = b""


# ---------------------------------------------------------------------------------------------------------------- link


def mac(address: Address) -> bytes:
    return bytes.fromhex(address.replace(":", "")) if isinstance(address, str) else address.to_bytes(6, "big")


def ether(
    carried: Layer,
    *,
    dst: Address = "02:00:00:00:00:02",
    src: Address = "02:00:00:00:00:01",
    ethertype: int | None = None,
) -> bytes:
    """An Ethernet frame without its check sequence."""
    number = carried.number if ethertype is None else ethertype
    return mac(dst) + mac(src) + number.to_bytes(2, "big") + carried.data


def tag(
    carried: Layer, vid: int = 0, *, pcp: int = 0, dei: int = 0, tpid: int = 0x8100, ethertype: int | None = None
) -> Layer:
    """A VLAN tag (IEEE 802.1Q): its TCI and the EtherType of what it carries."""
    number = carried.number if ethertype is None else ethertype
    return Layer(tpid, (pcp << 13 | dei << 12 | vid).to_bytes(2, "big") + number.to_bytes(2, "big") + carried.data)


def arp(
    *,
    op: int = 1,
    sender: Address = "10.0.0.1",
    target: Address = "10.0.0.2",
    sender_mac: Address = "02:00:00:00:00:01",
    target_mac: Address = 0,
    hlen: int = 6,
    plen: int = 4,
    ethertype: int = 0x0806,
) -> Layer:
    """ARP over Ethernet for IPv4 (RFC 826); `ethertype=0x8035` makes it RARP."""
    fixed = b"\x00\x01\x08\x00" + bytes((hlen, plen)) + op.to_bytes(2, "big")
    return Layer(ethertype, fixed + mac(sender_mac) + ipv4(sender) + mac(target_mac) + ipv4(target))


# ------------------------------------------------------------------------------------------------------------------ IP


def ipv4(address: Address) -> bytes:
    return IPv4Address(address).packed


def ipv6(address: Address) -> bytes:
    return IPv6Address(address).packed


def ip4(
    carried: Layer,
    *,
    src: Address = "10.0.0.1",
    dst: Address = "10.0.0.2",
    options: bytes = b"",
    version: int = 4,
    ihl: int | None = None,
    tos: int = 0,
    total: int | None = None,
    ident: int = 1,
    offset: int = 0,
    more: bool = False,
    dont: bool = False,
    ttl: int = 64,
    protocol: int | None = None,
    checksum: int | None = None,
) -> Layer:
    """An IPv4 header (RFC 791). `offset` counts units of 8 bytes; `options` are padded to words."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if ihl is None else ihl
    length = 20 + len(options) + len(carried.data) if total is None else total
    number = carried.number if protocol is None else protocol
    head = bytes((version << 4 | words & 15, tos)) + length.to_bytes(2, "big") + ident.to_bytes(2, "big")
    head += (dont << 14 | more << 13 | offset).to_bytes(2, "big") + bytes((ttl, number))
    addresses = ipv4(src) + ipv4(dst) + options
    total_sum = internet_checksum(head + bytes(2) + addresses) if checksum is None else checksum
    return Layer(0x0800, head + total_sum.to_bytes(2, "big") + addresses + carried.data)


def internet_checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip6(
    carried: Layer,
    *,
    src: Address = "2001:db8::1",
    dst: Address = "2001:db8::2",
    version: int = 6,
    traffic_class: int = 0,
    flow: int = 0,
    payload: int | None = None,
    following: int | None = None,
    hops: int = 64,
) -> Layer:
    """An IPv6 header (RFC 8200); `following` is its next-header field."""
    length = len(carried.data) if payload is None else payload
    number = carried.number if following is None else following
    head = (version << 28 | traffic_class << 20 | flow).to_bytes(4, "big") + length.to_bytes(2, "big")
    return Layer(0x86DD, head + bytes((number, hops)) + ipv6(src) + ipv6(dst) + carried.data)


def extension(kind: int, carried: Layer, *, size: int = 8, counted: int | None = None) -> Layer:
    """An IPv6 extension header of `size` bytes; `counted` is its length field, of units of 8 bytes after the first."""
    units = size // 8 - 1 if counted is None else counted
    return Layer(kind, bytes((carried.number, units)) + bytes(size - 2) + carried.data)


def extensions(count: int, carried: Layer, *, size: int = 8) -> Layer:
    """`count` headers of destination options (RFC 8200), of `size` bytes each."""
    for _ in range(count):
        carried = extension(60, carried, size=size)
    return carried


def authentication(carried: Layer, *, size: int = 24, counted: int | None = None) -> Layer:
    """An authentication header (RFC 4302): its length field counts words of 4 bytes, less 2."""
    words = size // 4 - 2 if counted is None else counted
    return Layer(PROTOCOLS["ah"].ipv6 or 51, bytes((carried.number, words)) + bytes(size - 2) + carried.data)


def fragment(carried: Layer, *, offset: int = 0, more: bool = False, ident: int = 1) -> Layer:
    """An IPv6 fragment header; `offset` counts units of 8 bytes. Neither offset nor more: an atomic fragment."""
    place = (offset << 3 | more).to_bytes(2, "big")
    return Layer(44, bytes((carried.number, 0)) + place + ident.to_bytes(4, "big") + carried.data)


def raw(number: int, data: bytes = b"") -> Layer:
    """Any other protocol, or one given as bytes."""
    return Layer(number, data)


# ----------------------------------------------------------------------------------------------------------- transport


def tcp(
    data: bytes = b"",
    *,
    sport: int = 40000,
    dport: int = 80,
    flags: int = 0x02,
    sequence: int = 1,
    ack: int = 0,
    window: int = 64240,
    options: bytes = b"",
    doff: int | None = None,
) -> Layer:
    """A TCP header (RFC 9293); `doff` is the data offset in words of 4 bytes, `options` are padded to words."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if doff is None else doff
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    rest = sequence.to_bytes(4, "big") + ack.to_bytes(4, "big") + bytes(((words & 15) << 4, flags))
    return Layer(6, ports + rest + window.to_bytes(2, "big") + bytes(4) + options + data)


def udp(data: bytes = b"", *, sport: int = 40000, dport: int = 53, length: int | None = None) -> Layer:
    """A UDP header (RFC 768)."""
    size = 8 + len(data) if length is None else length
    return Layer(17, sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + size.to_bytes(2, "big") + bytes(2) + data)


def sctp(data: bytes = b"", *, sport: int = 40000, dport: int = 5000, vtag: int = 0) -> Layer:
    """An SCTP common header (RFC 9260)."""
    return Layer(132, sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + vtag.to_bytes(4, "big") + bytes(4) + data)


def icmp(kind: int = 8, code: int = 0, *, rest: int = 0, data: bytes = b"") -> Layer:
    """An ICMP header (RFC 792); `rest` are its bytes 4 to 7."""
    return Layer(1, bytes((kind, code, 0, 0)) + rest.to_bytes(4, "big") + data)


def icmp6(kind: int = 128, code: int = 0, *, rest: int = 0, data: bytes = b"") -> Layer:
    """An ICMPv6 header (RFC 4443); `rest` are its bytes 4 to 7."""
    return Layer(58, bytes((kind, code, 0, 0)) + rest.to_bytes(4, "big") + data)


# -------------------------------------------------------------------------------------------------------------- tunnel


def vxlan_header(vni: int = 0, *, flags: int = 0x08, reserved: int = 0) -> bytes:
    """RFC 7348 section 5; `reserved` is the byte after the VNI."""
    return bytes((flags, 0, 0, 0)) + vni.to_bytes(3, "big") + bytes((reserved,))


def vxlan(inner: bytes, vni: int = 0, *, port: int = VXLAN_PORT, flags: int = 0x08) -> Layer:
    """A UDP datagram that carries the frame `inner`."""
    return udp(vxlan_header(vni, flags=flags) + inner, dport=port)
