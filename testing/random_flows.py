"""Random conversations with times, for policies that track connections. In: a `random.Random`, the policy. Out: frames.

A few pairs of hosts talk at once, TCP, UDP, echoes and others, each side in its turn; what the policy drops does not
arrive, and is sent again. Between that come errors about live connections, fragments in any order, floods and scans,
frames of any other kind; the time is often right at, before or after the end of a connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from ebpfc.compiler.ast.nodes import Direction, Policy
from ebpfc.testing import packets
from ebpfc.testing.conversations import ECHO, Hosts, Side
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.packets import Layer
from ebpfc.testing.random_hosts import CLIENT_PORTS, random_hosts
from ebpfc.testing.random_tcp import TcpConversation
from ebpfc.testing.random_traffic import TimedFrame
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.connections.keys import flow_of, network_of
from ebpfc.testing.semantics.connections.layers import Layer as Tracked
from ebpfc.testing.semantics.connections.layers import Opening, layer_inside
from ebpfc.testing.semantics.connections.windows import Window
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.simulator import HOUR, MILLISECOND, MINUTE, SECOND, Simulator

LATEST_START = 30 * 24 * HOUR
PAUSES = (MILLISECOND, 100 * MILLISECOND, SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 10 * MINUTE, HOUR, 120 * HOUR)
TALKING = 5
"""Conversations at once."""
ROUTERS = {4: "192.0.2.99", 6: "2001:db8:99::1"}
ERRORS = {4: (3, 3, 4, 11, 12, 5), 6: (1, 2, 2, 3, 4, 5)}
"""Types of errors, the last of each is none."""
STATELESS = (130, 133, 135, 136, 143)


class _Conversation(Protocol):
    hosts: Hosts

    def next(self, windows: tuple[Window, Window] | None) -> tuple[Side, Layer]: ...

    def arrived(self) -> None: ...


@dataclass(slots=True)
class _Datagrams:
    """UDP, echoes, SCTP or a protocol without ports: either side sends whenever it likes."""

    rng: Random
    hosts: Hosts
    kind: str

    def next(self, windows: tuple[Window, Window] | None) -> tuple[Side, Layer]:  # noqa: ARG002
        side: Side = "client" if self.rng.random() < 0.6 else "server"
        here, there = self.hosts.client_port, self.hosts.server_port
        sport, dport = (here, there) if side == "client" else (there, here)
        data = bytes(self.rng.choice((0, 1, 40, 400)))
        match self.kind:
            case "udp":
                return side, packets.udp(data, sport=sport, dport=dport)
            case "sctp":
                return side, packets.sctp(data, sport=sport, dport=dport)
            case "echo":
                reply = (side == "server") != (self.rng.random() < 0.1)
                make = packets.icmp if self.hosts.family == 4 else packets.icmp6
                return side, make(ECHO[self.hosts.family][reply], rest=here << 16, data=data)
            case _:
                return side, Layer(self.rng.choice((47, 50, 132, 1, 58)) if self.rng.random() < 0.1 else 89, data)

    def arrived(self) -> None:
        """Nobody waits for it."""


@dataclass(slots=True)
class _Traffic:
    """What is sent. `pending` are frames that come next, in this order, at once. `packet` is the last IP packet of a
    conversation, with its hosts and sender."""

    rng: Random
    simulator: Simulator
    odd: Sequence[bytes]
    talking: list[_Conversation] = field(default_factory=list)
    pending: list[bytes] = field(default_factory=list)
    packet: tuple[Hosts, Side, Layer] | None = None

    def next(self) -> tuple[bytes, _Conversation | None]:
        """A frame, and the conversation that it belongs to."""
        if self.pending and self.rng.random() < 0.8:
            return self.pending.pop(0), None
        kind = self.rng.random()
        if kind < 0.06 and self.packet is not None:
            return self._error(*self.packet), None
        if kind < 0.08:
            self._flood()
            return self.pending.pop(0), None
        if kind < 0.11:
            return self.rng.choice(self.odd), None
        if kind < 0.13:
            return self._stateless(), None
        return self._talk()

    # --------------------------------------------------------------------------------------------------- conversations

    def _talk(self) -> tuple[bytes, _Conversation]:
        """Of one of them; each ends some time, and others begin."""
        if len(self.talking) < TALKING or self.rng.random() < 0.01:
            self.talking = [*self.talking[-TALKING + 1 :], self._conversation()]
        conversation = self.rng.choice(self.talking)
        side, layer = conversation.next(self._windows(conversation.hosts))
        hosts = conversation.hosts
        self.packet = hosts, side, hosts.network(side, layer)
        often = 0.05 if isinstance(conversation, TcpConversation) else 0.2
        if len(layer.data) >= 16 and self.rng.random() < often:
            return self._fragmented(hosts, side, layer), conversation
        frame = hosts.frame(side, layer, ttl=self.rng.choice((1, 64)))
        if self.rng.random() < 0.015:
            return frame[: self.rng.randint(14, len(frame))], conversation
        return frame, conversation

    def _conversation(self) -> _Conversation:
        hosts = random_hosts(self.rng, self._openings)
        kind = self.rng.choices(("tcp", "udp", "echo", "sctp", "other"), (60, 18, 12, 4, 6))[0]
        return TcpConversation(self.rng, hosts) if kind == "tcp" else _Datagrams(self.rng, hosts, kind)

    def _windows(self, hosts: Hosts) -> tuple[Window, Window] | None:
        """What is tracked of a TCP connection between them: of the client and the server."""
        tracking = self.simulator.memory.tracking
        if tracking is None:
            return None
        own = decode(Frame(hosts.tcp("client", "A")))
        inside = [layer_inside(own, opening) for opening in tracking.openings]
        layer = next((one for one in inside if one is not None), Tracked(own))
        network = network_of(layer)
        flow = None if network is None else flow_of(layer.packet, network)
        there = None if flow is None else tracking.known.find(flow.key, self.simulator.time)
        if flow is None or there is None or there.tcp is None:
            return None
        return there.tcp.windows[flow.sender], there.tcp.windows[1 - flow.sender]

    def _fragmented(self, hosts: Hosts, side: Side, layer: Layer) -> bytes:
        """Two or three fragments, in any order; one of them may be lost or come twice."""
        rng, data, ident = self.rng, layer.data, self.rng.choice((1, 1, 2, 0xFFFF))
        cuts = sorted({0, *(8 * rng.randint(1, (len(data) - 1) // 8) for _ in range(rng.choice((1, 1, 2))))})
        frames = [
            hosts.link(
                side,
                hosts.network(
                    side, Layer(layer.number, data[at:end]), ident=ident, offset=at // 8, more=end < len(data)
                ),
            )
            for at, end in zip(cuts, [*cuts[1:], len(data)], strict=True)
        ]
        if rng.random() < 0.3:
            rng.shuffle(frames)
        if rng.random() < 0.2:
            frames[rng.randrange(len(frames))] = rng.choice(frames)
        self.pending += frames[1:]
        return frames[0]

    # --------------------------------------------------------------------------------------------------- in between

    def _error(self, hosts: Hosts, side: Side, packet: Layer) -> bytes:
        """About the last packet, to its sender; now and then cut, to another, from another tag, about another."""
        rng = self.rng
        sender, receiver = (hosts.client, hosts.server) if side == "client" else (hosts.server, hosts.client)
        if rng.random() < 0.1:
            hosts = replace(hosts, vids=rng.choice(((), (1,), (2,))), vni=rng.choice((None, 0, 1)))
        if rng.random() < 0.1:
            packet = hosts.network(side, packets.udp(sport=rng.choice(CLIENT_PORTS), dport=80))
        return hosts.quoting(
            packet,
            kind=rng.choice(ERRORS[hosts.family]),
            source=rng.choice((ROUTERS[hosts.family], receiver)),
            to=sender if rng.random() < 0.85 else receiver,
            kept=rng.choice((None, None, 28, 48, rng.randint(0, 60))),
        )

    def _flood(self) -> None:
        """Many SYNs to one port, or from one host to many."""
        rng, hosts = self.rng, random_hosts(self.rng, self._openings)
        scan = rng.random() < 0.5
        for number in range(rng.choice((4, 8, 16))):
            one = replace(hosts, server_port=number + 20) if scan else replace(hosts, client_port=1024 + number)
            one = replace(one, client_isn=rng.randrange(2**32))
            self.pending.append(one.tcp("client", "S" if rng.random() < 0.9 else rng.choice(("A", "FA", "", "SF"))))

    def _stateless(self) -> bytes:
        rng, hosts = self.rng, random_hosts(self.rng, self._openings)
        group = "224.0.0.251" if hosts.family == 4 else "ff02::fb"
        match rng.randrange(3):
            case 0:
                return replace(hosts, server=group).udp("client")
            case 1 if hosts.family == 6:
                return hosts.icmp("client", rng.choice(STATELESS))
            case _:
                return packets.ether(hosts.network("client", packets.udp()), dst=packets.BROADCAST)

    @property
    def _openings(self) -> tuple[Opening, ...]:
        tracking = self.simulator.memory.tracking
        return () if tracking is None else tracking.openings


def random_flows(
    rng: Random, policy: Policy, count: int, direction: Direction = "inbound", shortest: int = 0
) -> list[TimedFrame]:
    """So many packets of both sides, none before the one before, none of fewer than `shortest` bytes.

    All go through the policy in this direction: of a connection, that makes no difference.
    """
    simulator = Simulator(policy)
    simulator.wait(rng.choice((1, SECOND, rng.randrange(1, LATEST_START))))
    traffic = _Traffic(rng, simulator, frames_for(rng, policy, count // 16 + 1))
    timed: list[TimedFrame] = []
    for _ in range(count):
        frame, conversation = traffic.next()
        frame += bytes(max(shortest - len(frame), 0))
        time = _time(rng, simulator)
        passed = simulator.decide(frame, time, direction).verdict == "pass"
        if conversation is not None and passed and rng.random() < 0.9:
            conversation.arrived()
        timed.append(TimedFrame(time, frame))
    return timed


def _time(rng: Random, simulator: Simulator) -> int:
    """Of the next packet: mostly soon, so that conversations go on."""
    now = simulator.time
    kind = rng.random()
    if kind < 0.35:
        return now
    if kind < 0.91:
        return now + rng.randrange(1, 50 * MILLISECOND)
    if kind < 0.98:
        ends = [end for end in _ends(simulator) if end > now]
        if ends:
            end = min(ends) if rng.random() < 0.75 else rng.choice(ends)
            return max(now, end + rng.choice((-1, -1, 0, 0, 1)))
    return now + rng.choices(PAUSES, range(len(PAUSES), 0, -1))[0] + rng.choice((-1, 0, 0, 1))


def _ends(simulator: Simulator) -> Iterator[int]:
    """When connections, fragments that wait, and entries of tables are over."""
    tracking = simulator.memory.tracking
    if tracking is not None:
        yield from (connection.expires for _, connection in tracking.known.present(simulator.time))
        yield from (first.expires for _, first in tracking.known.fragments.present(simulator.time))
    for contents in simulator.memory.tables.values():
        yield from (entry.expires for _, entry in contents.present(simulator.time) if entry.expires is not None)
