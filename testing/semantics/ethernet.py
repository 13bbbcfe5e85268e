"""What an Ethernet header and its tags tell. In: the bytes of a frame, where the header starts. Out: types, tags, TCIs.

ADR 0001, rules 1-4. A fact is None where the bytes do not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ebpfc.compiler.fields import ETH_VLAN, MAX_TAGS, PROTOCOLS
from ebpfc.testing.semantics.frame import read_number
from ebpfc.testing.semantics.kleene import Truth

ETHER_HEADER = PROTOCOLS["ether"].header


@dataclass(frozen=True)
class Ethernet:
    """The header at `start` of `wire`, and up to two tags behind it."""

    wire: bytes
    start: int

    def read(self, offset: int, size: int) -> int | None:
        """A number from the header's start on; None when a byte of it is not there."""
        return read_number(self.wire, self.start + offset, size)

    @cached_property
    def ethertypes(self) -> tuple[int | None, ...]:
        """The EtherType at bytes 12-13, then the one after each tag, up to two; the last is None when it is missing."""
        found: list[int | None] = [self.read(12, 2)]
        while found[-1] in ETH_VLAN and len(found) <= MAX_TAGS:
            found.append(self.read(12 + 4 * len(found), 2))
        return tuple(found)

    @property
    def ethertype(self) -> int | None:
        """The type: what follows the tags. None when a byte on the way is missing or a third tag follows (rule 3)."""
        last = self.ethertypes[-1]
        return None if last in ETH_VLAN else last

    @property
    def end(self) -> int:
        """Where the header after the tags starts, of a frame whose type is known."""
        return self.tag_start(len(self.ethertypes) - 1)

    @property
    def malformed(self) -> bool:
        """Cut short, a tag cut short, or a third tag (rule 22)."""
        return self.read(0, ETHER_HEADER) is None or self.ethertype is None

    def tag_start(self, index: int) -> int:
        """Where the TCI of the tag at this depth starts, behind the EtherType that announces it."""
        return self.start + ETHER_HEADER + 4 * index

    def tag(self, index: int) -> Truth:
        """Is there a tag at this depth, 0 the outermost (rule 2)? A type that is no tag ends them."""
        if index >= len(self.ethertypes):
            return False if self.ethertypes[-1] is not None else None
        ethertype = self.ethertypes[index]
        return None if ethertype is None else ethertype in ETH_VLAN
