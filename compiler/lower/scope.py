"""Which packet is open: the layer, how many of its tags, and the port of the VXLAN header it was reached through."""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.fields import VXLAN_PORT


@dataclass(frozen=True, slots=True)
class Scope:
    """`layer` 0 is the frame. LANGUAGE.md, "Encapsulation has scope"."""

    layer: int = 0
    tags: int = 0
    port: int | None = None

    @property
    def tag(self) -> int:
        """The tag that `vlan.FIELD` reads: the one opened last, else the outermost."""
        return max(self.tags, 1)

    @property
    def vxlan(self) -> tuple[int, int]:
        """The layer and port of the VXLAN header that `vxlan.FIELD` reads: the enclosing one, else the packet's own."""
        return (self.layer - 1, self.port) if self.port is not None else (self.layer, VXLAN_PORT)


FRAME = Scope()
