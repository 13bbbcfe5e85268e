"""Random encapsulations of a match, of every kind. In: where it stands. Out: text, and what is open behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ebpfc.testing import pool, random_values
from ebpfc.testing.random_place import Place


@dataclass(frozen=True, slots=True)
class _Kind:
    """`values` of its number up to `top`; `ports` that it is looked for on."""

    word: str
    values: Sequence[int] = ()
    top: int = 0
    ports: Sequence[int] = ()


TUNNELS = (
    _Kind("vxlan", pool.VNIS, 0xFFFFFF, pool.VXLAN_PORTS),
    _Kind("geneve", pool.VNIS, 0xFFFFFF, pool.GENEVE_PORTS),
    _Kind("geneve", pool.VNIS, 0xFFFFFF, pool.GENEVE_PORTS),
    _Kind("gtp", pool.TEIDS, 0xFFFFFFFF, pool.GTP_PORTS),
    _Kind("gre", pool.KEYS, 0xFFFFFFFF),
    _Kind("ipip"),
    _Kind("pppoes", pool.SESSIONS, 0xFFFF),
)
_MPLS = _Kind("mpls", pool.LABELS, 0xFFFFF)


def opening(rng: Random, place: Place) -> tuple[str, Place] | None:
    """One encapsulation beside tags; None where no more may be opened. `mpls` behind `mpls` is frequent."""
    if place.takes_label and rng.random() < (0.5 if place.labels else 0.2):
        return _text(rng, place, _MPLS), place.inside_label()
    if not place.takes_tunnel:
        return None
    return _text(rng, place, rng.choice(TUNNELS)), place.inside_tunnel()


def random_head(rng: Random, place: Place) -> tuple[str, Place]:
    """A chain of one or two encapsulations, tags before or between now and then."""
    words: list[str] = []
    for _ in range(rng.choice((1, 1, 2))):
        if place.takes_tag and rng.random() < 0.2:
            words.append("vlan")
            place = place.inside_tag()
        found = opening(rng, place)
        if found is not None:
            words.append(found[0])
            place = found[1]
    return " and ".join(words), place


def _text(rng: Random, place: Place, kind: _Kind) -> str:
    text = kind.word
    if kind.values and rng.random() < 0.4:
        named = place.named_set(rng, "vxlan") if kind.top == 0xFFFFFF else None
        text += " " + (named or random_values.numbers(rng, kind.values, kind.top))
    if kind.ports and rng.random() < 0.2:
        text += f" port {rng.choice(kind.ports)}"
    return text
