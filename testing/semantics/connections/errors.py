"""Is an ICMP packet an error, and about which connection? In: a packet, its network. Out: yes or no; a `Flow` or None.

ADR 0004, rule 12. An error quotes the packet that it is about behind its own 8 bytes, perhaps only its beginning.
"""

from __future__ import annotations

from typing import Final

from ebpfc.compiler.fields import IPV6_EXTENSIONS
from ebpfc.testing.semantics.connections.keys import (
    ICMP,
    Flow,
    Network,
    addresses_at,
    family_of,
    flow,
    ports_at,
)
from ebpfc.testing.semantics.packet import Packet

ERRORS: Final = {4: (3, 4, 11, 12), 6: (1, 2, 3, 4)}  # RFC 792, RFC 4443
QUOTED_AT: Final = 8
IPV6_HEADER: Final = 40


def is_error(packet: Packet) -> bool:
    """Of an IP packet that is no later fragment."""
    family, ip = family_of(packet), packet.ip
    if family is None or ip is None or ip.protocol != ICMP[family]:
        return False
    return packet.read(ip.transport, 0, 1) in ERRORS[family]


def quoted_flow(packet: Packet, network: Network) -> Flow | None:
    """The connection of the packet that the error quotes, as that packet's sender saw it.

    None where it cannot be read, or was not sent by the host to which the error goes.
    """
    family = family_of(packet)
    if family is None or packet.transport is None:
        return None
    start = packet.transport + QUOTED_AT
    about, own = addresses_at(packet, start, family), addresses_at(packet, packet.network, family)
    found = _quoted_ipv4(packet, start) if family == 4 else _quoted_ipv6(packet, start)
    if about is None or own is None or found is None or about[0] != own[1]:
        return None
    protocol, transport = found
    ports = ports_at(packet, transport, family, protocol)
    return None if ports is None else flow(network, family, protocol, about, ports)


def _quoted_ipv4(packet: Packet, start: int) -> tuple[int, int] | None:
    """Protocol and place of the transport header; None of a later fragment."""
    first, fragment, protocol = packet.read(start, 0, 1), packet.read(start, 6, 2), packet.read(start, 9, 1)
    if first is None or fragment is None or protocol is None:
        return None
    header = (first & 15) * 4
    return (protocol, start + header) if first >> 4 == 4 and header >= 20 and not fragment & 0x1FFF else None


def _quoted_ipv6(packet: Packet, start: int) -> tuple[int, int] | None:
    """The same; None where an extension header comes first."""
    first, protocol = packet.read(start, 0, 1), packet.read(start, 6, 1)
    if first is None or protocol is None or first >> 4 != 6 or protocol in IPV6_EXTENSIONS:
        return None
    return protocol, start + IPV6_HEADER
