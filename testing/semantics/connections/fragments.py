"""Which fragments are of one packet? In: a packet that is a fragment, its network. Out: the key that they share.

ADR 0004, rule 13.
"""

from __future__ import annotations

from typing import Final

from ebpfc.testing.semantics.connections.keys import Network, addresses_at, family_of
from ebpfc.testing.semantics.connections.table import FragmentKey
from ebpfc.testing.semantics.ip import FRAGMENT_HEADER
from ebpfc.testing.semantics.packet import Packet

IPV4_IDENTIFICATION: Final = (4, 2)  # offset and size
IPV6_IDENTIFICATION: Final = (4, 4)


def fragment_key(packet: Packet, network: Network) -> FragmentKey | None:
    """None where a byte of it is not there."""
    family, ip = family_of(packet), packet.ip
    if family is None or ip is None:
        return None
    addresses = addresses_at(packet, packet.network, family)
    if family == 4:
        identification, protocol = packet.read(packet.network, *IPV4_IDENTIFICATION), ip.protocol
    else:
        headers = [header.offset for header in ip.extensions if header.kind == FRAGMENT_HEADER]
        identification, protocol = packet.read(headers[-1] if headers else None, *IPV6_IDENTIFICATION), 0
    if addresses is None or identification is None or protocol is None:
        return None
    return FragmentKey(network, family, addresses, protocol, identification)
