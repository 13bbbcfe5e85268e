"""Which packet is open: the layer, how many of its tags, the headers of the encapsulations it was reached through."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebpfc.compiler.ast.nodes import EncapKind
from ebpfc.compiler.fields import PORTS
from ebpfc.compiler.ir.program import EncapIs


def encap_at(layer: int, kind: EncapKind, port: int | None = None) -> EncapIs:
    """The header of an encapsulation in a packet: on its standard port without another, the first entry of MPLS."""
    if kind == "mpls":
        return EncapIs(layer, "mpls-1")
    return EncapIs(layer, kind, port if port is not None else PORTS.get(kind, 0))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Scope:
    """`layer` 0 is the frame; `through` are the encapsulations open round the packet, the outermost first.

    LANGUAGE.md, "Encapsulation has scope".
    """

    layer: int = 0
    tags: int = 0
    through: tuple[EncapIs, ...] = ()

    @property
    def tag(self) -> int:
        """The tag that `vlan.FIELD` reads: the one opened last, else the outermost."""
        return max(self.tags, 1)

    @property
    def opener(self) -> EncapIs | None:
        """The encapsulation that the frame has; of a stack of labels its first entry, which tells that it is there."""
        if not self.through:
            return None
        return replace(self.through[0], name="mpls-1") if self.through[0].name == "mpls-2" else self.through[0]

    def header(self, kind: EncapKind) -> EncapIs:
        """The header that `KIND.FIELD` reads: the nearest enclosing one, else the packet's own (ADR 0002, rule 7)."""
        enclosing = (e for e in reversed(self.through) if e.name.partition("-")[0] == kind)
        return next(enclosing, encap_at(self.layer, kind))

    def opened(self, kind: EncapKind, port: int | None) -> Scope:
        """What an encapsulation opens: behind a `mpls` the next entry of its stack, else the packet inside."""
        if kind == "mpls" and not self.tags and self.through and self.through[-1].name == "mpls-1":
            return replace(self, through=(*self.through[:-1], EncapIs(self.layer - 1, "mpls-2")))
        return Scope(self.layer + 1, 0, (*self.through, encap_at(self.layer, kind, port)))


FRAME = Scope()
