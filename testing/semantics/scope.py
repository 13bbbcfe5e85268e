"""Which packet a test reads. In: the frame's packet and the encapsulations opened so far. Out: `Scope`.

`vlan` and `vxlan` open what is inside for what follows them in the same `and` chain; a scope is what is open at one
place of a match. It is never changed: opening gives a new one, and a chain in parentheses forgets its own at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebpfc.compiler.ast.nodes import Direction
from ebpfc.compiler.fields import VXLAN_PORT
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.kleene import Truth
from ebpfc.testing.semantics.packet import Packet


@dataclass(frozen=True, slots=True)
class Scope:
    """What is open.

    `packet` is None inside a tunnel that is not known to be there: every test of it is unknown (rule 20). `tags` counts
    the `vlan`s opened in `packet`. `carrier` is the packet whose VXLAN header `vxlan.FIELD` reads, on UDP port `port`.
    """

    frame: Frame
    direction: Direction
    netmask: int | None
    own: Packet
    packet: Packet | None
    carrier: Packet | None
    tags: int = 0
    port: int = VXLAN_PORT

    def reading(self, outer: bool) -> Scope:
        """The scope of one test: with `outer`, the frame's own packet, as if nothing were open."""
        return whole_frame(self.frame, self.direction, self.netmask, self.own) if outer else self

    def inside_tag(self) -> Scope:
        return replace(self, tags=self.tags + 1)

    def inside_vxlan(self, port: int, truth: Truth) -> Scope:
        inner = self.packet.inner if truth and self.packet is not None else None
        return replace(self, packet=inner, carrier=self.packet, tags=0, port=port)


def whole_frame(frame: Frame, direction: Direction, netmask: int | None, own: Packet) -> Scope:
    """Nothing open: where every policy starts."""
    return Scope(frame, direction, netmask, own=own, packet=own, carrier=own)
