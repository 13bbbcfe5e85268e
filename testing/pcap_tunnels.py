"""Geneve, MPLS and PPPoE round an aimed packet. In: what an expression opens, a packet. Out: the frame with it inside.

Numbers are those that the expression asks for, or right beside them; one in ten headers is wrong in some way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ebpfc.testing import encapsulated, pool
from ebpfc.testing.encapsulated import Inside
from ebpfc.testing.packets import Layer
from ebpfc.testing.pcap_targets import Targets, near

KINDS = ("geneve", "mpls", "pppoes")
IP = (0x0800, 0x86DD)
WRONG = 0.1


def kinds_drawn(rng: Random, targets: Targets) -> list[str]:
    """What is round the packet, from the outermost in: mostly what the text opens, in its order."""
    wanted = [kind for kind in targets.opened if kind in KINDS]
    if not wanted:
        return [rng.choice(KINDS)] if rng.random() < 0.03 else []
    chance = rng.random()
    if chance < 0.15:
        return []
    if chance < 0.25:
        return [rng.choice(KINDS)]
    start = 0 if chance < 0.75 else rng.randrange(len(wanted))
    return wanted[start : rng.randint(start + 1, len(wanted))]


@dataclass(frozen=True, slots=True)
class Wrapper:
    """`in_ip` puts a transport header into an IP packet, `linked` that into an Ethernet frame with tags."""

    rng: Random
    targets: Targets
    in_ip: Callable[[Layer], Layer]
    linked: Callable[[Layer], bytes]

    def around(self, kinds: list[str], inside: Inside) -> bytes:
        """The frame, from the innermost out; labels in a row are one stack."""
        while kinds:
            kinds, kind = kinds[:-1], kinds[-1]
            entries = 1
            while kind == "mpls" and kinds[-1:] == ["mpls"]:
                kinds, entries = kinds[:-1], entries + 1
            layer = self._header(kind, inside, entries)
            bridged = kinds[-1:] == ["geneve"] and (layer.number not in IP or self.rng.random() < 0.6)
            inside = self.linked(layer) if bridged or not kinds else layer
        assert isinstance(inside, bytes)
        return inside

    def _header(self, kind: str, inside: Inside, entries: int) -> Layer:
        if kind == "geneve":
            return self.in_ip(self._geneve(inside))
        alone = Layer(0, inside) if isinstance(inside, bytes) else inside
        return self._pppoes(alone) if kind == "pppoes" else self._mpls(alone, entries)

    def _number(self, kind: str, others: tuple[int, ...], top: int) -> int:
        return near(self.rng, self.targets.numbers.get(kind, []), others, top)

    def _wrong(self) -> bool:
        return self.rng.random() < WRONG

    def _geneve(self, inside: Inside) -> Layer:
        rng = self.rng
        return encapsulated.geneve(
            inside,
            self._number("geneve", pool.VNIS, 0xFFFFFF),
            options=bytes(rng.choice((0, 0, 4, 12))),
            version=rng.choice((1, 2, 3)) if self._wrong() else 0,
            words=rng.choice((0, 1, 63)) if self._wrong() else None,
            protocol=rng.choice((0x6558, 0x0800, 0x0806, 0x8847)) if self._wrong() else None,
            port=rng.choice((6080, 6082, 4789)) if self._wrong() else 6081,
        )

    def _mpls(self, inside: Layer, entries: int) -> Layer:
        rng = self.rng
        count = rng.choice((1, 2, 3, 5)) if rng.random() < 0.2 else entries
        return encapsulated.mpls(
            inside,
            *(self._number("mpls", pool.LABELS, 0xFFFFF) for _ in range(count)),
            ethertype=0x8848 if self._wrong() else 0x8847,
            bottom=rng.choice((0, 1, 9)) if self._wrong() else None,
        )

    def _pppoes(self, inside: Layer) -> Layer:
        rng = self.rng
        return encapsulated.pppoes(
            inside,
            self._number("pppoes", pool.SESSIONS, 0xFFFF),
            protocol=rng.choice((0x0021, 0x0057, 0xC021, 0x0806)) if self._wrong() else None,
        )
