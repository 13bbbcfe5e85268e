"""The one table of protocols and header fields: parser, checker, codegen, reference, docs, strategies read it.

In: nothing (data). Out: PROTOCOLS, FIELDS, and the numbers that mean something in a header.

Offsets and sizes are bytes from the start of the protocol's own header, in network byte order; `shift` and `width`
are bits of the big-endian number that those bytes make (width 0: all of it). Field names are nft(8)'s with `-`
written `_`. Adding a field is one row here and one test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["link", "net", "transport", "tunnel", "meta"]
Kind = Literal["number", "ipv4", "ipv6", "mac"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """`ethertypes`: what the EtherType after the tags must be; `ipv4`/`ipv6`: its number over each, or None."""

    name: str
    level: Level
    header: int  # bytes of its fixed header
    ethertypes: tuple[int, ...] = ()
    ipv4: int | None = None
    ipv6: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    proto: str
    name: str
    offset: int
    size: int
    shift: int = 0
    width: int = 0
    kind: Kind = "number"
    doc: str = ""

    @property
    def bits(self) -> int:
        return self.width or self.size * 8


ETH_VLAN = (0x8100, 0x88A8, 0x9100)
"""EtherTypes that are tags: IEEE 802.1Q, 802.1ad, and the older 0x9100."""
IPV6_EXTENSIONS = (0, 43, 44, 51, 60, 135, 139, 140)
"""Next-header values that are extension headers to look through (RFC 8200, 4302, 6275, 7401, 5533)."""
MAX_TAGS = 2
MAX_EXTENSIONS = 8
MAX_OFFSET = 0x3FFF
"""A byte at this offset of the frame or beyond lies past the parser's limits."""
PORTS = {"vxlan": 4789, "geneve": 6081, "gtp": 2152}
"""UDP ports of the encapsulations that have one (IANA)."""
VXLAN_PORT = PORTS["vxlan"]
MAX_OPEN = 2
"""Encapsulations beside tags that may be open at once."""
MAX_TRACKED = 1
"""Encapsulations beside tags inside which connections are tracked."""
MAX_LABELS = 2
"""Entries of an MPLS stack that a chain may ask for; MAX_STACK are looked through."""
MAX_STACK = 4
MAX_PORTS = 4
"""Different kinds of encapsulation, each port counted, that one policy may open."""
MAX_KEPT = 48
"""Tables, limiters and lists of connections that one policy may have: the kernel gives a program 64 maps (MAX_USED_MAPS
of kernel/bpf/verifier.c), up to 14 of which hold what there is one of in a policy."""

PROTOCOLS: dict[str, Protocol] = {
    p.name: p
    for p in (
        Protocol("ether", "link", 14, source="IEEE 802.3"),
        Protocol("vlan", "link", 4, ETH_VLAN, source="IEEE 802.1Q"),
        Protocol("arp", "net", 28, (0x0806,), source="RFC 826"),
        Protocol("rarp", "net", 28, (0x8035,), source="RFC 903"),
        Protocol("ip", "net", 20, (0x0800,), source="RFC 791"),
        Protocol("ip6", "net", 40, (0x86DD,), source="RFC 8200"),
        Protocol("tcp", "transport", 20, (0x0800, 0x86DD), 6, 6, "RFC 9293"),
        Protocol("udp", "transport", 8, (0x0800, 0x86DD), 17, 17, "RFC 768"),
        Protocol("sctp", "transport", 12, (0x0800, 0x86DD), 132, 132, "RFC 9260"),
        Protocol("icmp", "transport", 8, (0x0800,), 1, None, "RFC 792"),
        Protocol("icmp6", "transport", 8, (0x86DD,), None, 58, "RFC 4443"),
        Protocol("igmp", "transport", 8, (0x0800,), 2, None, "RFC 3376"),
        Protocol("pim", "transport", 4, (0x0800, 0x86DD), 103, 103, "RFC 7761"),
        Protocol("ah", "transport", 12, (0x0800, 0x86DD), 51, 51, "RFC 4302"),
        Protocol("esp", "transport", 8, (0x0800, 0x86DD), 50, 50, "RFC 4303"),
        Protocol("vrrp", "transport", 8, (0x0800,), 112, None, "RFC 5798"),
        Protocol("carp", "transport", 8, (0x0800,), 112, None, "carp(4)"),
        Protocol("vxlan", "tunnel", 8, source="RFC 7348"),
        Protocol("geneve", "tunnel", 8, source="RFC 8926"),
        Protocol("gre", "tunnel", 4, source="RFC 2784, RFC 2890"),
        Protocol("gtp", "tunnel", 8, source="3GPP TS 29.281"),
        Protocol("mpls", "tunnel", 4, (0x8847, 0x8848), source="RFC 3032"),
        Protocol("pppoes", "tunnel", 6, (0x8864,), source="RFC 2516"),
        Protocol("pppoed", "tunnel", 6, (0x8863,), source="RFC 2516"),
        Protocol("meta", "meta", 0),
    )
}

_ROWS: tuple[Field, ...] = (
    Field("ether", "daddr", 0, 6, kind="mac", doc="destination address"),
    Field("ether", "saddr", 6, 6, kind="mac", doc="source address"),
    Field("ether", "type", 12, 2, doc="EtherType of the Ethernet header (a tag's, when tagged)"),
    Field("vlan", "id", 0, 2, 0, 12, doc="VLAN identifier (VID)"),
    Field("vlan", "dei", 0, 2, 12, 1, doc="drop eligible indicator"),
    Field("vlan", "pcp", 0, 2, 13, 3, doc="priority code point"),
    Field("vlan", "type", 2, 2, doc="EtherType after the tag"),
    Field("arp", "htype", 0, 2, doc="hardware type"),
    Field("arp", "ptype", 2, 2, doc="protocol type"),
    Field("arp", "hlen", 4, 1, doc="hardware address length"),
    Field("arp", "plen", 5, 1, doc="protocol address length"),
    Field("arp", "op", 6, 2, doc="operation"),
    Field("arp", "operation", 6, 2, doc="operation"),
    Field("ip", "version", 0, 1, 4, 4, doc="version"),
    Field("ip", "hdrlength", 0, 1, 0, 4, doc="header length in words of 4 bytes"),
    Field("ip", "dscp", 1, 1, 2, 6, doc="differentiated services code point"),
    Field("ip", "ecn", 1, 1, 0, 2, doc="explicit congestion notification"),
    Field("ip", "length", 2, 2, doc="total length"),
    Field("ip", "id", 4, 2, doc="identification"),
    Field("ip", "frag_off", 6, 2, doc="flags and fragment offset"),
    Field("ip", "ttl", 8, 1, doc="time to live"),
    Field("ip", "protocol", 9, 1, doc="protocol"),
    Field("ip", "checksum", 10, 2, doc="header checksum"),
    Field("ip", "saddr", 12, 4, kind="ipv4", doc="source address"),
    Field("ip", "daddr", 16, 4, kind="ipv4", doc="destination address"),
    Field("ip6", "version", 0, 1, 4, 4, doc="version"),
    Field("ip6", "dscp", 0, 2, 6, 6, doc="differentiated services code point"),
    Field("ip6", "ecn", 0, 2, 4, 2, doc="explicit congestion notification"),
    Field("ip6", "flowlabel", 0, 4, 0, 20, doc="flow label"),
    Field("ip6", "length", 4, 2, doc="payload length"),
    Field("ip6", "nexthdr", 6, 1, doc="next header of the fixed header"),
    Field("ip6", "hoplimit", 7, 1, doc="hop limit"),
    Field("ip6", "saddr", 8, 16, kind="ipv6", doc="source address"),
    Field("ip6", "daddr", 24, 16, kind="ipv6", doc="destination address"),
    Field("tcp", "sport", 0, 2, doc="source port"),
    Field("tcp", "dport", 2, 2, doc="destination port"),
    Field("tcp", "sequence", 4, 4, doc="sequence number"),
    Field("tcp", "ackseq", 8, 4, doc="acknowledgment number"),
    Field("tcp", "doff", 12, 1, 4, 4, doc="data offset in words of 4 bytes"),
    Field("tcp", "flags", 13, 1, doc="flags"),
    Field("tcp", "window", 14, 2, doc="window"),
    Field("tcp", "checksum", 16, 2, doc="checksum"),
    Field("tcp", "urgptr", 18, 2, doc="urgent pointer"),
    Field("udp", "sport", 0, 2, doc="source port"),
    Field("udp", "dport", 2, 2, doc="destination port"),
    Field("udp", "length", 4, 2, doc="length"),
    Field("udp", "checksum", 6, 2, doc="checksum"),
    Field("sctp", "sport", 0, 2, doc="source port"),
    Field("sctp", "dport", 2, 2, doc="destination port"),
    Field("sctp", "vtag", 4, 4, doc="verification tag"),
    Field("sctp", "checksum", 8, 4, doc="checksum"),
    Field("icmp", "type", 0, 1, doc="type"),
    Field("icmp", "code", 1, 1, doc="code"),
    Field("icmp", "checksum", 2, 2, doc="checksum"),
    Field("icmp", "id", 4, 2, doc="identifier"),
    Field("icmp", "sequence", 6, 2, doc="sequence number"),
    Field("icmp", "gateway", 4, 4, kind="ipv4", doc="gateway address of a redirect"),
    Field("icmp", "mtu", 6, 2, doc="MTU of the next hop"),
    Field("icmp6", "type", 0, 1, doc="type"),
    Field("icmp6", "code", 1, 1, doc="code"),
    Field("icmp6", "checksum", 2, 2, doc="checksum"),
    Field("icmp6", "id", 4, 2, doc="identifier"),
    Field("icmp6", "sequence", 6, 2, doc="sequence number"),
    Field("icmp6", "mtu", 4, 4, doc="MTU"),
    Field("vxlan", "flags", 0, 1, doc="flags"),
    Field("vxlan", "vni", 4, 3, doc="VXLAN network identifier"),
    Field("geneve", "optlen", 0, 1, 0, 6, doc="option length in words of 4 bytes"),
    Field("geneve", "flags", 1, 1, doc="flags"),
    Field("geneve", "type", 2, 2, doc="protocol type of what is inside"),
    Field("geneve", "vni", 4, 3, doc="virtual network identifier"),
    Field("gre", "flags", 0, 1, doc="flags: C 0x80, K 0x20, S 0x10"),
    Field("gre", "type", 2, 2, doc="protocol type of what is inside"),
    Field("gre", "key", 4, 4, doc="key, behind the checksum where there is one"),
    Field("gtp", "flags", 0, 1, doc="version and flags"),
    Field("gtp", "type", 1, 1, doc="message type"),
    Field("gtp", "length", 2, 2, doc="bytes behind the first eight"),
    Field("gtp", "teid", 4, 4, doc="tunnel endpoint identifier"),
    Field("mpls", "label", 0, 4, 12, 20, doc="label"),
    Field("mpls", "tc", 0, 4, 9, 3, doc="traffic class"),
    Field("mpls", "bos", 0, 4, 8, 1, doc="bottom of stack"),
    Field("mpls", "ttl", 0, 4, 0, 8, doc="time to live"),
    Field("pppoes", "session", 2, 2, doc="session"),
    Field("pppoes", "length", 4, 2, doc="bytes behind the first six"),
    Field("pppoes", "proto", 6, 2, doc="PPP protocol of what is inside"),
    Field("meta", "length", 0, 4, doc="bytes of the whole frame"),
    Field("meta", "mark", 0, 4, doc="packet mark (skb hooks only)"),
)

FIELDS: dict[tuple[str, str], Field] = {(f.proto, f.name): f for f in _ROWS}

ACCESSORS = (
    "ether", "arp", "rarp", "ip", "ip6", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "pim", "ah", "esp", "vrrp",
    "carp",
)  # fmt: skip
"""Protocols that take `proto[offset:size]`; `link` is another word for `ether`."""
TCP_FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "W": 0x80}
"""pf's letters for the bits of TCP byte 13 (RFC 9293, RFC 3168)."""
