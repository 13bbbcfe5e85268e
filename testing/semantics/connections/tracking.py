"""Connections of a policy, packet by packet. In: a policy; each frame's own packet and its verdict. Out: `Tracking`.

ADR 0004, rule 14: all layers are judged against what was there when the packet came; what they change is kept once the
packet has passed, the frame's own first.
"""

from __future__ import annotations

from ebpfc.compiler.ast.nodes import ConnectionState, Policy, Track
from ebpfc.testing.semantics.connections.judge import Judged, commit, judge
from ebpfc.testing.semantics.connections.keys import FlowKey
from ebpfc.testing.semantics.connections.layers import Layer, Opening, layer_inside, openings
from ebpfc.testing.semantics.connections.table import Connections
from ebpfc.testing.semantics.packet import Packet


class Tracking:
    """Of a policy with `track`. Raises ValueError where `state` is asked inside two encapsulations."""

    def __init__(self, policy: Policy, track: Track) -> None:
        self.track = track
        self.openings = openings(policy)
        self.known = Connections(track)
        self._judged: dict[Opening | None, Judged] = {}

    def begin(self, own: Packet, now: int) -> None:
        """The next packet."""
        layers: dict[Opening | None, Layer | None] = {None: Layer(own)}
        layers |= {opening: layer_inside(own, opening) for opening in self.openings}
        self._judged = {
            opening: judge(layer, self.known, self.track, now) for opening, layer in layers.items() if layer is not None
        }

    def state(self, opening: Opening | None) -> ConnectionState | None:
        """Of the packet in that encapsulation, which is there and which a rule asks about; None: of the frame's own.

        What comes back is None of a stateless packet.
        """
        return self._judged[opening].state

    @property
    def layers(self) -> tuple[Opening | None, ...]:
        """Those that this packet has, None for the frame's own; in this order they are kept."""
        return tuple(self._judged)

    def commit(self, layer: Opening | None, now: int) -> FlowKey | None:
        """The packet has passed. Returns the connection that was made, if one was (rule 18); begun anew it is one."""
        judged = self._judged[layer]
        commit(judged, self.known, now)
        return judged.put[0] if judged.put is not None and judged.state == "new" else None
