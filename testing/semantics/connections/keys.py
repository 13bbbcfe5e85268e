"""Which connection is a packet of? In: a layer. Out: the network that it lies in, its `Flow`: a key and a direction.

ADR 0004, rules 4 and 5. A key is the same for both directions: the smaller end comes first.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.testing.semantics.connections.layers import Layer
from ebpfc.testing.semantics.packet import IPV4, IPV6, Packet

TCP: Final = 6
WITH_PORTS: Final = (TCP, 17, 132)  # TCP, UDP, SCTP
ICMP: Final = {4: PROTOCOLS["icmp"].ipv4, 6: PROTOCOLS["icmp6"].ipv6}
"""Its number over each family: ICMP's over IPv6 is any other protocol."""
ECHO_REQUEST: Final = {4: 8, 6: 128}  # RFC 792, RFC 4443
ECHO_REPLY: Final = {4: 0, 6: 129}
FAMILIES: Final = {IPV4: 4, IPV6: 6}
ADDRESS_SIZE: Final = {4: 4, 6: 16}
ADDRESS_PLACES: Final = {4: (12, 16), 6: (8, 24)}
"""Bytes of source and destination from the start of the IP header."""


class Network(NamedTuple):
    """Where the same addresses are the same hosts: the VIDs of two tags, 0 for none, and the encapsulation round it."""

    vids: tuple[int, int]
    kind: str | None
    vni: int


class End(NamedTuple):
    """One end of a connection. Ends are compared as numbers, the address first."""

    address: int
    port: int


class FlowKey(NamedTuple):
    """What the packets of a connection have in common; `ends`: the smaller first."""

    network: Network
    family: int
    protocol: int
    ends: tuple[End, End]


class Flow(NamedTuple):
    """The connection of a packet, and which of its two ends, 0 or 1, the packet comes from."""

    key: FlowKey
    sender: int


def network_of(layer: Layer) -> Network | None:
    """None where a number that belongs to it is not there."""
    vids = [0, 0]
    link = layer.packet.link
    for index in range(0 if link is None else len(link.ethertypes) - 1):
        tci = None if link is None else layer.packet.read(link.tag_start(index), 0, 2)
        if tci is None:
            return None
        vids[index] = tci & 0xFFF
    return None if layer.vni is None else Network((vids[0], vids[1]), layer.kind, layer.vni)


def family_of(packet: Packet) -> int | None:
    """4 or 6; None of what is neither, or of unknown type."""
    return None if packet.ethertype is None else FAMILIES.get(packet.ethertype)


def addresses_at(packet: Packet, start: int | None, family: int) -> tuple[int, int] | None:
    """Source and destination of the IP header at `start`."""
    source, destination = (packet.read(start, place, ADDRESS_SIZE[family]) for place in ADDRESS_PLACES[family])
    return None if source is None or destination is None else (source, destination)


def ports_at(packet: Packet, start: int | None, family: int, protocol: int) -> tuple[int, int] | None:
    """Source and destination port of the transport header at `start`, whose place is known; of an echo its identifier.

    None where they are not there, and of ICMP that is no echo; other protocols have 0 and 0.
    """
    if start is None:
        return None
    if protocol in WITH_PORTS:
        source, destination = packet.read(start, 0, 2), packet.read(start, 2, 2)
        return None if source is None or destination is None else (source, destination)
    if protocol != ICMP[family]:
        return 0, 0
    identifier = packet.read(start, 4, 2)
    is_echo = packet.read(start, 0, 1) in (ECHO_REQUEST[family], ECHO_REPLY[family])
    return (identifier, identifier) if is_echo and identifier is not None else None


def flow(network: Network, family: int, protocol: int, addresses: tuple[int, int], ports: tuple[int, int]) -> Flow:
    """Of a packet from the first address and port to the second."""
    source, destination = End(addresses[0], ports[0]), End(addresses[1], ports[1])
    if source <= destination:
        return Flow(FlowKey(network, family, protocol, (source, destination)), 0)
    return Flow(FlowKey(network, family, protocol, (destination, source)), 1)


def flow_of(packet: Packet, network: Network) -> Flow | None:
    """Of an IP packet that is no later fragment; None where a byte that tells is not there (rules 3 and 4)."""
    family, ip = family_of(packet), packet.ip
    if family is None or ip is None or ip.protocol is None:
        return None
    addresses = addresses_at(packet, packet.network, family)
    ports = ports_at(packet, ip.transport, family, ip.protocol)
    return None if addresses is None or ports is None else flow(network, family, ip.protocol, addresses, ports)
