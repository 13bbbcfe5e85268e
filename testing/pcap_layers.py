"""A packet as libpcap could read it, and the one inside it. In: bytes of a frame. Out: `Facts`, each of a frame alone.

What is inside Geneve, MPLS and PPPoE becomes a frame of its own, so that libpcap can be asked of it what it would be
asked of any frame: an IP packet alone gets an Ethernet header in front. Walked here by ADR 0002 and the RFCs, apart
from the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ebpfc.testing.chain_of_headers import Chain, follow

TAGS: Final = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
MOST_TAGS: Final = 2
IPV4: Final = b"\x08\x00"
IPV6: Final = b"\x86\xdd"
MULTICAST_MPLS: Final = b"\x88\x48"
ETHERNET: Final = b"\x65\x58"
ANOTHER: Final = b"\x88\xb5"
"""An EtherType for experiments (IEEE 802), in front of what has no known type."""
ADDRESSES: Final = bytes(12)
MOST_LABELS: Final = 4
PPP: Final = {b"\x00\x21": IPV4, b"\x00\x57": IPV6}
UDP: Final = 17


@dataclass(frozen=True, slots=True)
class Facts:
    """`tags` before the type, at most two; `limit`: a third follows. `ethertype` is b"" when it is not there.

    `alone`: the Ethernet header is made up. `foreign`: by a number that libpcap looks at and we do not, it is inside
    something of another type. `bottom`: the entry of a label stack, from 1, behind which it is, 0 for none.
    """

    frame: bytes
    tags: int
    limit: bool
    ethertype: bytes
    chain: Chain | None
    alone: bool = False
    foreign: bool = False
    bottom: int = 0

    @classmethod
    def of(cls, frame: bytes, *, alone: bool = False, foreign: bool = False, bottom: int = 0) -> Facts:
        tags = 0
        while tags < MOST_TAGS and frame[12 + 4 * tags : 14 + 4 * tags] in TAGS:
            tags += 1
        ethertype = frame[12 + 4 * tags : 14 + 4 * tags]
        chain = follow(frame, 14 + 4 * tags) if ethertype == IPV6 else None
        known = ethertype if len(ethertype) == 2 else b""
        return cls(frame, tags, ethertype in TAGS, known, chain, alone, foreign, bottom)

    @property
    def network(self) -> int:
        return 14 + 4 * self.tags

    @property
    def bad_ipv4(self) -> bool:
        """A version or header length that cannot be: where the transport starts is not known (ADR 0001, rule 8)."""
        first = self.frame[self.network : self.network + 1]
        return self.ethertype == IPV4 and bool(first) and (first[0] >> 4 != 4 or first[0] & 15 < 5)

    @property
    def later_ipv4(self) -> bool:
        """A fragment over IPv4 that is not the first."""
        header = self.frame[self.network :]
        return self.ethertype == IPV4 and len(header) >= 8 and bool((header[6] << 8 | header[7]) & 0x1FFF)

    @property
    def cut_ipv4_fragment(self) -> bool:
        """A later fragment without its protocol: libpcap asks for that first, but no fragment's transport is here."""
        return self.later_ipv4 and len(self.frame) - self.network < 10

    @property
    def transport(self) -> int | None:
        """Where the transport header starts; None when that is not known."""
        if self.chain is not None:
            return self.chain.place
        if self.ethertype != IPV4 or self.bad_ipv4 or len(self.frame) <= self.network:
            return None
        return self.network + 4 * (self.frame[self.network] & 15)

    def as_unicast(self) -> Facts:
        """With the one EtherType that libpcap takes for MPLS."""
        at = self.network
        return Facts.of(self.frame[: at - 2] + b"\x88\x47" + self.frame[at:], alone=self.alone)


def inside(facts: Facts, kind: str) -> Facts:
    """The packet inside an encapsulation that is there: geneve, mpls or pppoes."""
    match kind:
        case "geneve":
            return _in_geneve(facts)
        case "mpls":
            return _in_mpls(facts)
        case "pppoes":
            return _in_pppoes(facts)
        case _:
            raise ValueError(f"libpcap knows no {kind}")


def geneve_header(facts: Facts) -> bytes:
    """The bytes of the Geneve header and all behind it, of a packet that may have one."""
    return b"" if facts.transport is None else facts.frame[facts.transport + 8 :]


def _alone(ethertype: bytes | None, data: bytes, *, foreign: bool = False, bottom: int = 0) -> Facts:
    """IP alone; without a known type the frame ends before it."""
    frame = ADDRESSES if ethertype is None else ADDRESSES + ethertype + data
    return Facts.of(frame, alone=True, foreign=foreign, bottom=bottom)


def _in_geneve(facts: Facts) -> Facts:
    header = geneve_header(facts)
    data = header[8 + 4 * (header[0] & 0x3F) :]
    kind = header[2:4]
    if kind == ETHERNET:
        return Facts.of(data)
    known = kind in (IPV4, IPV6)
    return _alone(kind if known else ANOTHER, data, foreign=not known)


def _in_mpls(facts: Facts) -> Facts:
    stack = facts.frame[facts.network :]
    for entry in range(MOST_LABELS):
        label = stack[4 * entry : 4 * entry + 3]
        if len(label) == 3 and label[2] & 1:
            data = stack[4 * entry + 4 :]
            kind = {4: IPV4, 6: IPV6}.get(data[0] >> 4, ANOTHER) if data else None
            return _alone(kind, data, bottom=entry + 1)
    return _alone(None, b"")


def _in_pppoes(facts: Facts) -> Facts:
    header = facts.frame[facts.network :]
    kind = header[6:8]
    if len(kind) < 2:
        return _alone(None, b"")
    return _alone(PPP.get(kind, ANOTHER), header[8:], foreign=kind not in PPP)
