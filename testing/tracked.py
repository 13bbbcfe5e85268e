"""A tracked connection as people write it. In: a key and what is remembered of it. Out: `TrackedConnection`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ebpfc.testing.semantics.connections.keys import End, FlowKey
from ebpfc.testing.semantics.connections.table import Connection
from ebpfc.testing.semantics.connections.tcp_states import TcpState


@dataclass(frozen=True, slots=True)
class TrackedConnection:
    """From `source` to `destination`, as its first packet went.

    `source_port` is the identifier of an echo, 0 where the protocol has no ports. `state` is TCP's, None of another
    protocol. `assured`: an answer has passed. `expires`: the first ns at which it is gone. `vids`: of two tags, 0 for
    none. `inside`: the kind of encapsulation that it lies in, with its `vni` where that is VXLAN or Geneve.
    """

    protocol: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    state: TcpState | None
    assured: bool
    expires: int
    vids: tuple[int, int] = (0, 0)
    inside: str | None = None
    vni: int = 0


def tracked_connection(key: FlowKey, connection: Connection) -> TrackedConnection:
    source, destination = key.ends[connection.original], key.ends[1 - connection.original]
    return TrackedConnection(
        protocol=key.protocol,
        source=_address(key.family, source),
        destination=_address(key.family, destination),
        source_port=source.port,
        destination_port=destination.port,
        state=None if connection.tcp is None else connection.tcp.state,
        assured=connection.assured,
        expires=connection.expires,
        vids=key.network.vids,
        inside=key.network.kind,
        vni=key.network.vni,
    )


def _address(family: int, end: End) -> str:
    return str(IPv4Address(end.address) if family == 4 else IPv6Address(end.address))
