"""Where a random match stands. In: what is open and what is named. Out: `Place`, which says what may stand there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

SetKind = Literal["address", "port", "vlan", "vxlan"]


@dataclass(frozen=True, slots=True)
class Place:
    """`tags`: how many `vlan`s are open, `tunnel`: whether a `vxlan` is; two tags and one tunnel are the most.

    `sets` and `matches` are the names defined before. `netmask`: `ip broadcast` has a meaning. `mark`: every hook of
    the policy has a packet mark. `wide`: every kind of encapsulation is drawn, not tags and VXLAN alone.
    """

    tags: int = 0
    tunnel: bool = False
    sets: tuple[tuple[SetKind, str], ...] = ()
    matches: tuple[str, ...] = ()
    netmask: bool = False
    mark: bool = False
    wide: bool = False

    def inside_tag(self) -> Place:
        return replace(self, tags=self.tags + 1)

    def inside_tunnel(self) -> Place:
        return replace(self, tags=0, tunnel=True)

    def named_set(self, rng: Random, kind: SetKind) -> str | None:
        """The name of a set of this kind, now and then."""
        names = [name for known, name in self.sets if known == kind]
        return rng.choice(names) if names and rng.random() < 0.4 else None
