"""Which packet a test reads. In: the frame's packet and the encapsulations opened so far. Out: `Scope`.

An encapsulation opens what is inside for what follows it in the same `and` chain; a scope is what is open at one
place of a match. It is never changed: opening gives a new one, and a chain in parentheses forgets its own at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebpfc.compiler.ast.nodes import Direction, EncapKind
from ebpfc.testing.semantics.connections.layers import Opening
from ebpfc.testing.semantics.encapsulations import Asked, ask
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.inside import inside
from ebpfc.testing.semantics.kleene import Truth
from ebpfc.testing.semantics.memory import Memory
from ebpfc.testing.semantics.packet import Packet


@dataclass(frozen=True, slots=True)
class Scope:
    """What is open.

    `packet` is None inside an encapsulation that is not known to be there: every test of it is unknown (rule 20).
    `tags` counts the `vlan`s opened in `packet`. `opened` are the encapsulations beside tags, the outermost first; of
    an MPLS stack only the entry opened last. `memory` is what the policy remembers; None: it remembers nothing.
    """

    frame: Frame
    direction: Direction
    netmask: int | None
    own: Packet
    packet: Packet | None
    tags: int = 0
    opened: tuple[Asked, ...] = ()
    memory: Memory | None = None

    def reading(self, outer: bool) -> Scope:
        """The scope of one test: with `outer`, the frame's own packet, as if nothing were open."""
        return whole_frame(self.frame, self.direction, self.netmask, self.own, self.memory) if outer else self

    def asked(self, kind: EncapKind, port: int | None) -> Asked:
        """What `KIND [port N]` asks for here: of the packet at hand, or the next entry of the stack just opened."""
        if kind == "mpls" and self._in_a_stack:
            return replace(self.opened[-1], entry=self.opened[-1].entry + 1)
        return ask(kind, self.packet, port)

    def header(self, kind: EncapKind) -> Asked:
        """The header that `KIND.FIELD` names: of the nearest that is open, else of the packet at hand (rule 7)."""
        return next((one for one in reversed(self.opened) if one.kind == kind), ask(kind, self.packet))

    def inside_tag(self) -> Scope:
        return replace(self, tags=self.tags + 1)

    def inside(self, asked: Asked, truth: Truth) -> Scope:
        """`truth` is whether `asked` is there. A further entry of a stack opens what the first has opened (rule 4)."""
        if asked.entry:
            return replace(self, opened=(*self.opened[:-1], asked))
        return replace(self, packet=inside(asked) if truth else None, tags=0, opened=(*self.opened, asked))

    @property
    def layer(self) -> Opening | None:
        """The encapsulation whose packet is tracked here (ADR 0004, rule 1); None for the frame's own."""
        return Opening(self.opened[0].kind, self.opened[0].port) if self.opened else None

    @property
    def _in_a_stack(self) -> bool:
        """Is an MPLS entry what was opened last, not even a tag after it?"""
        return bool(self.opened) and self.opened[-1].kind == "mpls" and self.tags == 0


def whole_frame(
    frame: Frame, direction: Direction, netmask: int | None, own: Packet, memory: Memory | None = None
) -> Scope:
    """Nothing open: where every policy starts."""
    return Scope(frame, direction, netmask, own=own, packet=own, memory=memory)
