"""Where a random match stands. In: what is open and what is named. Out: `Place`, which says what may stand there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from ebpfc.compiler.fields import MAX_LABELS, MAX_OPEN, MAX_TAGS

SetKind = Literal["address", "port", "vlan", "vxlan"]


@dataclass(frozen=True, slots=True)
class Place:
    """`tags`: how many `vlan`s are open in the packet that is read; `tunnels`: how many packets are round it; `labels`:
    how many `mpls` stand in a row before this place.

    `sets` and `matches` are the names defined before. `netmask`: `ip broadcast` has a meaning. `mark`: every hook of
    the policy has a packet mark. `wide`: every kind of encapsulation is drawn, two deep, not tags and VXLAN alone.
    """

    tags: int = 0
    tunnels: int = 0
    labels: int = 0
    sets: tuple[tuple[SetKind, str], ...] = ()
    matches: tuple[str, ...] = ()
    netmask: bool = False
    mark: bool = False
    wide: bool = False

    @property
    def takes_tag(self) -> bool:
        return self.tags < MAX_TAGS

    @property
    def takes_tunnel(self) -> bool:
        return self.tunnels < (MAX_OPEN if self.wide else 1)

    @property
    def takes_label(self) -> bool:
        return self.labels < MAX_LABELS if self.labels else self.takes_tunnel

    def inside_tag(self) -> Place:
        return replace(self, tags=self.tags + 1, labels=0)

    def inside_tunnel(self) -> Place:
        return replace(self, tags=0, tunnels=self.tunnels + 1, labels=0)

    def inside_label(self) -> Place:
        """Behind one more `mpls`: the first opens a packet, the next asks for the next entry of the same stack."""
        return replace(self, labels=self.labels + 1) if self.labels else replace(self.inside_tunnel(), labels=1)

    def taking_none(self) -> Place:
        """Where nothing more may be opened."""
        return replace(self, tags=MAX_TAGS, tunnels=MAX_OPEN, labels=0)

    def named_set(self, rng: Random, kind: SetKind) -> str | None:
        """The name of a set of this kind, now and then."""
        names = [name for known, name in self.sets if known == kind]
        return rng.choice(names) if names and rng.random() < 0.4 else None
