"""What is known of a packet. In: a frame's bytes and where a packet starts in them. Out: `Packet`, facts by name.

A packet is an Ethernet frame or an IP packet alone: the frame itself, or what is in an encapsulation. All are read by
the same rules (ADR 0001 and 0002), and end where the frame ends. A fact that the bytes do not tell is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.testing.semantics.ethernet import Ethernet
from ebpfc.testing.semantics.frame import Frame, read_number
from ebpfc.testing.semantics.ip import IpFacts, read_ipv4, read_ipv6
from ebpfc.testing.semantics.kleene import Truth, kleene_or

IPV4 = PROTOCOLS["ip"].ethertypes[0]
IPV6 = PROTOCOLS["ip6"].ethertypes[0]
NO_KNOWN_TYPE = 0x10000
"""The type of a packet alone that is known to be neither IPv4 nor IPv6: no EtherType, and no length either."""
LONGEST_LLC = 1500  # IEEE 802.3: up to here the type is a length, and an LLC header follows


@dataclass(frozen=True)
class Packet:
    """A packet of the frame `wire`; `merged` as in `Frame`.

    `link` is its Ethernet header, None for an IP packet alone. `ethertype` is its type (rule 3), `network` is where the
    header of that type starts, known wherever the type is.
    """

    wire: bytes
    link: Ethernet | None
    ethertype: int | None
    network: int | None
    merged: bool = False

    def read(self, start: int | None, offset: int, size: int) -> int | None:
        """A number `offset` behind `start` in the frame; None when that is not known, or a byte is not there."""
        return None if start is None else read_number(self.wire, start + offset, size)

    def tag(self, index: int) -> Truth:
        """Is there a tag at this depth? An IP packet alone has none."""
        return False if self.link is None else self.link.tag(index)

    def has_type(self, *ethertypes: int) -> Truth:
        """Is its type one of these?"""
        return None if self.ethertype is None else self.ethertype in ethertypes

    @property
    def is_stp(self) -> Truth:
        """Does an LLC header for spanning trees (DSAP 0x42, IEEE 802.1D) follow (ADR 0002, rule 9)?"""
        if self.ethertype is None or self.ethertype > LONGEST_LLC:
            return None if self.ethertype is None else False
        dsap = self.read(self.network, 0, 1)
        return None if dsap is None else dsap == 0x42

    # -------------------------------------------------------------------------------------------------------------- IP

    @cached_property
    def ip(self) -> IpFacts | None:
        """Facts of the IPv4 or IPv6 header; None when the packet is known to have neither, or its type is unknown."""
        if self.network is None or self.ethertype not in (IPV4, IPV6):
            return None
        return read_ipv4(self.wire, self.network) if self.ethertype == IPV4 else read_ipv6(self.wire, self.network)

    @property
    def transport(self) -> int | None:
        """Where the transport header starts (rules 8 and 13)."""
        return None if self.ip is None else self.ip.transport

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

    @cached_property
    def inside(self) -> dict[str, Packet]:
        """The packets in its encapsulations, by kind, as far as `encapsulations.inside` was asked for them."""
        return {}


def ethernet_frame(wire: bytes, start: int, merged: bool) -> Packet:
    """The packet whose Ethernet header starts at `start`, perhaps with no byte of it there."""
    link = Ethernet(wire, start)
    return Packet(wire, link, link.ethertype, None if link.ethertype is None else link.end, merged)


@lru_cache(maxsize=4096)
def decode(frame: Frame) -> Packet:
    """The frame's own packet; remembered, as many policies judge the same frames."""
    return ethernet_frame(frame.in_place(), 0, frame.merged)
