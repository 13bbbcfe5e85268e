"""What connection tracking says of each packet, for tests. In: frames and times. Out: a word a packet, connections.

And whether a guard `connections > N` holds for it.
"""

from __future__ import annotations

from dataclasses import replace

from ebpfc.testing.conversations import Hosts
from ebpfc.testing.semantics import Frame
from ebpfc.testing.simulator import Simulator
from ebpfc.testing.tracked import TrackedConnection

DROPPED_TTL = 9
"""A packet with this time to live, or hop limit, is dropped."""
_RULES = f"""
default pass
state new then count "new"
state established then count "established"
state related then count "related"
state invalid then count "invalid"
drop ip.ttl == {DROPPED_TTL} or ip6.hoplimit == {DROPPED_TTL}
"""
_INSIDE = """
if {inside} {{
    state new then count "inside new"
    state established then count "inside established"
    state related then count "inside related"
    state invalid then count "inside invalid"
}}
"""


class Watch:
    """A policy that names the state of every packet, and passes all but those with `DROPPED_TTL`.

    `options` are those of `track`. `inside`, `vxlan` for example: an encapsulation whose packets are watched too.
    """

    def __init__(self, options: str = "", *, inside: str = "") -> None:
        opened = _INSIDE.format(inside=inside) if inside else ""
        self.simulator = Simulator.of_text(f"track {options}\n{opened}{_RULES}")

    def state(self, frame: Frame | bytes, time: int | None = None) -> str:
        """`new`, `established`, `related`, `invalid`, or `none`; `time` in ns, by default that of the packet before."""
        words = [word for word in self._counts(frame, time) if not word.startswith("inside")]
        return words[0] if words else "none"

    def inside(self, frame: Frame | bytes, time: int | None = None) -> str:
        """The same of the packet inside."""
        words = [word for word in self._counts(frame, time) if word.startswith("inside")]
        return words[0].removeprefix("inside ") if words else "none"

    def states(self, *frames: Frame | bytes) -> list[str]:
        return [self.state(frame) for frame in frames]

    @property
    def connections(self) -> tuple[TrackedConnection, ...]:
        return self.simulator.connections

    @property
    def tcp_states(self) -> list[str | None]:
        return [connection.state for connection in self.connections]

    def _counts(self, frame: Frame | bytes, time: int | None) -> tuple[str, ...]:
        return self.simulator.decide(frame, self.simulator.time if time is None else time).counts


def open_to(port: int, hosts: Hosts | None = None) -> bytes:
    """A datagram of the client's, whose connection is told from others by the server's port."""
    return replace(hosts or Hosts(), server_port=port).udp("client")


def answer_from(port: int, hosts: Hosts | None = None) -> bytes:
    return replace(hosts or Hosts(), server_port=port).udp("server")


class WatchedGuard:
    """A policy that asks `guard` of every packet, and drops datagrams to port 9. `before` are rules in front."""

    def __init__(self, guard: str, before: str = "", track: str = "track") -> None:
        rules = f'{track}\n{before}\n{guard} then count "over"\ndrop udp dst port 9\n'
        self.simulator = Simulator.of_text(rules)

    def over(self, frame: bytes, time: int | None = None) -> bool:
        """Does the guard hold for this packet?"""
        return "over" in self.simulator.decide(frame, self.simulator.time if time is None else time).counts

    def overs(self, *frames: bytes, time: int | None = None) -> list[bool]:
        return [self.over(frame, time) for frame in frames]

    def taken(self, number: int = 0) -> int:
        """Places of all keys of that guard that are not free."""
        crowd = self.simulator.crowds[number]
        return sum(crowd.taken(words, self.simulator.time) for words in crowd.lists)
