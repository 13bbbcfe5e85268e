"""What is known of a packet. In: a frame's bytes and where a packet starts in them. Out: `Packet`, facts by name.

A packet is an Ethernet frame or the one inside a VXLAN datagram; both are read by the same rules (ADR 0001), and both
end where the frame ends. Tests ask here; a fact that the bytes do not tell is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ebpfc.compiler.fields import ETH_VLAN, MAX_TAGS, PROTOCOLS
from ebpfc.testing.semantics.frame import Frame, read_number
from ebpfc.testing.semantics.ip import IpFacts, read_ipv4, read_ipv6
from ebpfc.testing.semantics.kleene import Truth, kleene_or

ETHER_HEADER = PROTOCOLS["ether"].header
IPV4 = PROTOCOLS["ip"].ethertypes[0]
IPV6 = PROTOCOLS["ip6"].ethertypes[0]
UDP = PROTOCOLS["udp"].ipv4
VXLAN_VALID_VNI = 0x08  # the I bit, RFC 7348 section 5


@dataclass(frozen=True)
class Packet:
    """The packet whose Ethernet header starts at `start` of `wire`; `merged` as in `Frame`."""

    wire: bytes
    start: int = 0
    merged: bool = False

    def read(self, offset: int, size: int) -> int | None:
        """A number from the packet's own start on; None when a byte of it is not there."""
        return read_number(self.wire, self.start + offset, size)

    # ---------------------------------------------------------------------------------------------- tags and EtherType

    @cached_property
    def ethertypes(self) -> tuple[int | None, ...]:
        """The EtherType at bytes 12-13, then the one after each tag, up to two; the last is None when it is missing."""
        found: list[int | None] = [self.read(12, 2)]
        while found[-1] in ETH_VLAN and len(found) <= MAX_TAGS:
            found.append(self.read(12 + 4 * len(found), 2))
        return tuple(found)

    @cached_property
    def ethertype(self) -> int | None:
        """The type: what follows the tags. None when a byte on the way is missing or a third tag follows (rule 3)."""
        last = self.ethertypes[-1]
        return None if last in ETH_VLAN else last

    @property
    def network(self) -> int:
        """Where the header after the tags starts, for a packet whose type is known."""
        return self.start + ETHER_HEADER + 4 * (len(self.ethertypes) - 1)

    def tag(self, index: int) -> Truth:
        """Is there a tag at this depth, 0 the outermost (rule 2)? A type that is no tag ends them."""
        if index >= len(self.ethertypes):
            return False if self.ethertypes[-1] is not None else None
        ethertype = self.ethertypes[index]
        return None if ethertype is None else ethertype in ETH_VLAN

    def tci(self, index: int) -> int | None:
        """The two bytes after the tag's own EtherType: priority, DEI, VID."""
        return self.read(ETHER_HEADER + 4 * index, 2) if self.tag(index) else None

    def has_type(self, ethertype: int) -> Truth:
        return None if self.ethertype is None else self.ethertype == ethertype

    # -------------------------------------------------------------------------------------------------------------- IP

    @cached_property
    def ip(self) -> IpFacts | None:
        """Facts of the IPv4 or IPv6 header; None when the packet is known to have neither, or its type is unknown."""
        if self.ethertype == IPV4:
            return read_ipv4(self.wire, self.network)
        if self.ethertype == IPV6:
            return read_ipv6(self.wire, self.network)
        return None

    def has_protocol(self, ethertype: int, wanted: Callable[[int], bool]) -> Truth:
        """Is it of this family, and its transport protocol, or an extension header on the way, a wanted one (rule 15)?

        IPv4's protocol is byte 9, and nothing is on the way.
        """
        present = self.has_type(ethertype)
        if not present or self.ip is None:
            return present
        if any(wanted(number) for number in self.ip.walked):
            return True
        return None if self.ip.protocol is None else wanted(self.ip.protocol)

    def has_transport(self, proto: str) -> Truth:
        """`tcp`, `icmp6` ...: the protocol over the families that the field table gives it; of later fragments too."""
        row = PROTOCOLS[proto]
        return kleene_or(
            (
                False if row.ipv4 is None else self.has_protocol(IPV4, lambda number: number == row.ipv4),
                False if row.ipv6 is None else self.has_protocol(IPV6, lambda number: number == row.ipv6),
            )
        )

    def ip_fact(self, name: str) -> Truth:
        """`fragment`, `first`, `last` or `later` of the IP header; false of a packet known not to be IP (rule 18)."""
        if self.ip is None:
            return None if self.ethertype is None else False
        truth: Truth = getattr(self.ip, name)
        return truth

    # ----------------------------------------------------------------------------------------------------------- VXLAN

    def vxlan(self, port: int) -> Truth:
        """Does a VXLAN header stand behind UDP to `port` (rule 19)?"""
        if self.has_transport("udp") is False or self.ip_fact("later"):
            return False
        at = self._vxlan_header
        if at is None or not self.has_transport("udp"):
            return None
        to_port = read_number(self.wire, at - 6, 2)
        if to_port is None or to_port != port:
            return None if to_port is None else False
        flags = read_number(self.wire, at, 1)
        return None if flags is None else bool(flags & VXLAN_VALID_VNI)

    @property
    def _vxlan_header(self) -> int | None:
        """Behind the UDP header's 8 bytes."""
        return None if self.ip is None or self.ip.transport is None else self.ip.transport + 8

    def read_vxlan(self, offset: int, size: int) -> int | None:
        """A number from the VXLAN header, where `vxlan` is true."""
        return None if self._vxlan_header is None else read_number(self.wire, self._vxlan_header + offset, size)

    @property
    def vni(self) -> int | None:
        return self.read_vxlan(4, 3)

    @cached_property
    def inner(self) -> Packet | None:
        """The packet behind the VXLAN header, where `vxlan` is true; perhaps not one byte of it is there (rule 20)."""
        return None if self._vxlan_header is None else Packet(self.wire, self._vxlan_header + 8, self.merged)


@lru_cache(maxsize=4096)
def decode(frame: Frame) -> Packet:
    """The frame's own packet; remembered, as many policies judge the same frames."""
    return Packet(frame.in_place(), 0, frame.merged)
