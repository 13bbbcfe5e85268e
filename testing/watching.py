"""What connection tracking says of each packet, for tests. In: frames and times. Out: a word a packet, connections."""

from __future__ import annotations

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
