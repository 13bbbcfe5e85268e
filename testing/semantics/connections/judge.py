"""The state of one packet. In: a layer, what is remembered, the time in ns. Out: `Judged`: the state, what it changes.

ADR 0004, rules 2 to 14. Nothing is changed here: `commit` does, once the packet has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ebpfc.compiler.ast.nodes import ConnectionState, Track
from ebpfc.testing.semantics.connections.errors import is_error, quoted_flow
from ebpfc.testing.semantics.connections.fragments import fragment_key
from ebpfc.testing.semantics.connections.keys import (
    ECHO_REPLY,
    ICMP,
    TCP,
    Flow,
    FlowKey,
    Network,
    addresses_at,
    family_of,
    flow_of,
    network_of,
)
from ebpfc.testing.semantics.connections.layers import Layer
from ebpfc.testing.semantics.connections.segments import Segment, segment_of
from ebpfc.testing.semantics.connections.table import (
    FRAGMENTS_WAIT,
    Connection,
    Connections,
    FirstFragment,
    FragmentKey,
    TcpEntry,
)
from ebpfc.testing.semantics.connections.tcp_states import TIMEOUT_OF, next_step
from ebpfc.testing.semantics.connections.windows import (
    Window,
    answers_the_syn,
    begin,
    begin_in_the_middle,
    ends_nothing,
    in_window,
    pass_segment,
)
from ebpfc.testing.semantics.packet import Packet

NEIGHBOURS_AND_GROUPS: Final = (*range(130, 138), 143)
"""Types of ICMPv6 that are neighbour discovery (RFC 4861) or multicast listener discovery (RFC 2710, RFC 3810)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """`state` is None of a stateless packet. `put`: the connection as it is once the packet has passed; `first`: the
    fragments that then share its state."""

    state: ConnectionState | None
    put: tuple[FlowKey, Connection] | None = None
    first: FragmentKey | None = None


INVALID: Final = Judged("invalid")


def judge(layer: Layer, known: Connections, track: Track, now: int) -> Judged:
    packet, ip, network = layer.packet, layer.packet.ip, network_of(layer)
    first = None
    if ip is not None and ip.first and network is not None:
        first = fragment_key(packet, network)
    if is_stateless(packet):
        return Judged(None, first=first)
    if ip is None or network is None:
        return INVALID
    if ip.later:
        key = fragment_key(packet, network)
        kept = None if key is None else known.fragments.find(key, now)
        return INVALID if kept is None else Judged(kept.state)
    judged = _error(packet, network, known, now) if is_error(packet) else _packet(packet, network, known, track, now)
    return judged if judged.state == "invalid" else replace(judged, first=first)


def commit(judged: Judged, known: Connections, now: int) -> None:
    """The packet has passed. An invalid one changes nothing, and no later fragment takes its state."""
    if judged.put is not None:
        known.put(*judged.put, now)
    if judged.first is not None:
        known.fragments.put(judged.first, FirstFragment(judged.state, now + FRAGMENTS_WAIT), now)


def is_stateless(packet: Packet) -> bool:
    """Rule 2, of a packet whose type and, where it is IP, whose addresses are known."""
    family, ip = family_of(packet), packet.ip
    if family is None or ip is None:
        return packet.ethertype is not None
    addresses = addresses_at(packet, packet.network, family)
    if addresses is None:
        return False
    to = None if packet.link is None else packet.link.read(0, 1)
    if (to is not None and to & 1) or _is_of_many(family, addresses[1]):
        return True
    is_icmp6 = family == 6 and ip.protocol == ICMP[6]
    return is_icmp6 and packet.read(ip.transport, 0, 1) in NEIGHBOURS_AND_GROUPS


def _is_of_many(family: int, destination: int) -> bool:
    """Multicast, or IPv4's limited broadcast."""
    if family == 4:
        return destination >> 28 == 0xE or destination == 0xFFFF_FFFF
    return destination >> 120 == 0xFF


def _error(packet: Packet, network: Network, known: Connections, now: int) -> Judged:
    about = quoted_flow(packet, network)
    if about is None or known.find(about.key, now) is None:
        return INVALID
    return Judged("related")


def _packet(packet: Packet, network: Network, known: Connections, track: Track, now: int) -> Judged:
    flow = flow_of(packet, network)
    if flow is None:
        return INVALID
    there = known.find(flow.key, now)
    if flow.key.protocol != TCP:
        return _other(packet, flow, there, track, now)
    segment = segment_of(packet)
    return INVALID if segment is None else _tcp(segment, flow, there, track, now)


# --------------------------------------------------------------------------------------------------------- not TCP


def _other(packet: Packet, flow: Flow, there: Connection | None, track: Track, now: int) -> Judged:
    """Rule 7."""
    if there is None:
        if flow.key.protocol == ICMP[flow.key.family] and _is_reply(packet, flow.key.family):
            return INVALID
        return Judged("new", (flow.key, Connection(flow.sender, False, now + _timeout(flow.key, False, track))))
    assured = there.assured or flow.sender != there.original
    after = replace(there, assured=assured, expires=now + _timeout(flow.key, assured, track))
    return Judged("established", (flow.key, after))


def _is_reply(packet: Packet, family: int) -> bool:
    return packet.read(packet.transport, 0, 1) == ECHO_REPLY[family]


def _timeout(key: FlowKey, assured: bool, track: Track) -> int:
    if key.protocol == 17:
        return track.timeout("udp_stream" if assured else "udp")
    if key.protocol == ICMP[key.family]:
        return track.timeout("icmp" if key.family == 4 else "icmpv6")
    return track.timeout("generic")


# ------------------------------------------------------------------------------------------------------------- TCP


def _tcp(segment: Segment, flow: Flow, there: Connection | None, track: Track, now: int) -> Judged:
    """Rules 8 to 11."""
    if segment.kind is None:
        return INVALID
    if there is None or there.tcp is None:
        return _opening(segment, flow, track, now)
    tcp = there.tcp
    step = next_step(tcp.state, segment.kind, flow.sender, there.original, tcp.closer)
    match step:
        case None:
            return INVALID
        case "ignore":
            return Judged("established")
        case "anew":
            return _opening(segment, flow, track, now)
    sender, other = tcp.windows[flow.sender], tcp.windows[1 - flow.sender]
    from_reply = flow.sender != there.original
    answer = tcp.state == "SYN_SENT" and from_reply and segment.kind in ("RST+A", "SYNACK")
    if (answer and not answers_the_syn(segment, other)) or not in_window(segment, sender, other):
        return INVALID
    if ends_nothing(segment, sender):
        return Judged("established")
    again = tcp.state == "SYN_SENT" and segment.kind == "SYN"
    closer = flow.sender if tcp.closer is None and segment.kind == "FIN" else tcp.closer
    windows = _by_end(flow, *pass_segment(segment, sender, other, again=again))
    after = Connection(
        there.original,
        there.assured or from_reply,
        now + track.timeout(TIMEOUT_OF[step]),
        TcpEntry(step, windows, closer),
    )
    return Judged("established", (flow.key, after))


def _opening(segment: Segment, flow: Flow, track: Track, now: int) -> Judged:
    """The row `none` of the table."""
    match segment.kind:
        case "SYN":
            tcp = TcpEntry("SYN_SENT", _by_end(flow, *begin(segment)))
        case "ACK" if track.loose:
            tcp = TcpEntry("ESTABLISHED", _by_end(flow, *begin_in_the_middle(segment)))
        case _:
            return INVALID
    expires = now + track.timeout(TIMEOUT_OF[tcp.state])
    return Judged("new", (flow.key, Connection(flow.sender, False, expires, tcp)))


def _by_end(flow: Flow, sender: Window, other: Window) -> tuple[Window, Window]:
    """In the order of the key's ends."""
    return (sender, other) if flow.sender == 0 else (other, sender)
