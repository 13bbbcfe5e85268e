"""Random encapsulations beside VXLAN. In: a `Draw`, what makes the packet inside. Out: the header's `Layer`.

Where `Draw` goes wrong: another version, type or number, contradictory flags, lengths that lead elsewhere, a stack
without a bottom, five labels, five extension headers, a header that ends at any byte, another port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ebpfc.testing import encapsulated, packets, pool
from ebpfc.testing.encapsulated import Inside
from ebpfc.testing.packets import Layer
from ebpfc.testing.random_draw import Draw

TYPES = (0x0800, 0x86DD, 0x6558, 0x0806, 0x8847, 0x8864, 0x8100, 0, 0xFFFF)
PPP_TYPES = (0x0021, 0x0057, 0xC021, 0x0281, 0x0800, 0x0031, 0)
NIBBLES = (b"", b"\x00", b"\x40", b"\x60\x00", b"\x50" + bytes(40), b"\xf0" + bytes(7))
"""What may stand behind a label or a GTP header and is no IP packet."""
ON_ETHERNET = ("mpls", "pppoes", "pppoed")
ON_IP = ("geneve", "gre", "ipip", "gtp")
UDP_PORTS = (*pool.VXLAN_PORTS, *pool.GENEVE_PORTS, *pool.GTP_PORTS, 53, 0)


@dataclass(frozen=True, slots=True)
class Insides:
    """What makes a whole Ethernet frame, and an IP packet alone."""

    frame: Callable[[], bytes]
    alone: Callable[[], Layer]


def behind_ethernet(draw: Draw, insides: Insides, wish: str | None = None) -> Layer:
    """MPLS or PPPoE, what an EtherType names; the one wished, if any."""
    match wish or draw.rng.choices(ON_ETHERNET, (5, 4, 1))[0]:
        case "mpls":
            return _mpls(draw, insides)
        case "pppoes":
            return _pppoes(draw, insides)
        case _:
            tags = draw.rng.randbytes(draw.rng.choice((0, 4, 12)))
            length = draw.near(len(tags), (0, 0xFFFF)) if draw.goes_wrong() else None
            return packets.raw(0x8863, _ending(draw, encapsulated.pppoed(tags, length=length).data, 6))


def behind_ip(draw: Draw, insides: Insides, wish: str | None = None) -> Layer:
    """Geneve, GRE, IP in IP or GTP, what an IP header carries; the one wished, if any."""
    makers = dict(zip(ON_IP, (_geneve, _gre, _ipip, _gtp), strict=True))
    return makers[wish or draw.rng.choices(ON_IP, (4, 4, 3, 3))[0]](draw, insides)


def _ending(draw: Draw, data: bytes, header: int) -> bytes:
    """The data, seldom only some bytes of the header."""
    return data[: draw.rng.randint(0, header)] if draw.goes_wrong() and draw.rng.random() < 0.5 else data


def _inside(draw: Draw, insides: Insides) -> Inside:
    """A frame or IP alone, either perhaps cut off."""
    found: Inside = insides.frame() if draw.rng.random() < 0.5 else insides.alone()
    if draw.rng.random() < 0.9:
        return found
    kept = draw.rng.randint(0, 24)
    return found[:kept] if isinstance(found, bytes) else packets.raw(found.number, found.data[:kept])


def _alone(draw: Draw, insides: Insides) -> Layer:
    """IP alone, or bytes that are none."""
    found = insides.alone()
    return packets.raw(found.number, draw.rng.choice(NIBBLES)) if draw.rng.random() < 0.08 else found


def _mpls(draw: Draw, insides: Insides) -> Layer:
    labels = [draw.rng.choice(pool.LABELS) for _ in range(draw.rng.choices((1, 2, 3, 4, 5), (45, 30, 10, 8, 7))[0])]
    layer = encapsulated.mpls(
        _alone(draw, insides),
        *labels,
        ethertype=draw.rng.choice((0x8847, 0x8847, 0x8848)),
        tc=draw.rng.choice((0, 0, 7)),
        ttl=draw.rng.choice((0, 1, 64, 255)),
        bottom=draw.wrong_or(None, (0, 1, 2, 9)),
    )
    return packets.raw(layer.number, _ending(draw, layer.data, 4 * len(labels)))


def _pppoes(draw: Draw, insides: Insides) -> Layer:
    inside = _alone(draw, insides)
    layer = encapsulated.pppoes(
        inside,
        draw.rng.choice(pool.SESSIONS),
        code=draw.rng.choice((0, 0, 0, 0xA7)),
        length=draw.near(len(inside.data) + 2, (0, 1, 0xFFFF)) if draw.goes_wrong() else None,
        protocol=draw.wrong_or(None, PPP_TYPES),
    )
    return packets.raw(layer.number, _ending(draw, layer.data, 9))


def _gre(draw: Draw, insides: Insides) -> Layer:
    present = [word if draw.rng.random() < 0.4 else None for word in (0xBEEF0000, draw.rng.choice(pool.KEYS), 7)]
    layer = encapsulated.gre(
        _inside(draw, insides),
        present[1],
        checksum=present[0],
        sequence=present[2],
        version=draw.wrong_or(draw.rng.choice((0, 0, 0, 0xF8)), (1, 2, 7)),
        flags=draw.wrong_or(None, (0x00, 0x20, 0x40, 0x80, 0xA0, 0xB0, 0xFF)),
        protocol=draw.wrong_or(None, TYPES),
    )
    return packets.raw(layer.number, _ending(draw, layer.data, 16))


def _ipip(draw: Draw, insides: Insides) -> Layer:
    layer = encapsulated.ipip(_alone(draw, insides))
    return packets.raw(draw.wrong_or(layer.number, (4, 41, 47)), layer.data)


def _geneve(draw: Draw, insides: Insides) -> Layer:
    layer = encapsulated.geneve(
        _inside(draw, insides),
        draw.rng.choice(pool.VNIS),
        options=draw.rng.randbytes(draw.rng.choice((0, 0, 0, 4, 8, 60))),
        version=draw.wrong_or(0, (1, 2, 3)),
        words=draw.wrong_or(None, (0, 1, 2, 63)),
        flags=draw.rng.choice((0, 0, 0x80, 0x40)),
        protocol=draw.wrong_or(None, TYPES),
    )
    return _datagram(draw, layer, draw.rng.choice((6081, *pool.GENEVE_PORTS)))


def _gtp(draw: Draw, insides: Insides) -> Layer:
    rng = draw.rng
    number = rng.choice((5, 6)) if draw.goes_wrong() else rng.choice((0, 0, 1, 2, 3, 4))
    extensions = [
        (rng.choice((0x85, 0xC0, 0x20)), rng.randbytes(rng.choice((2, 2, 6, 10))))
        for _ in range(number if rng.random() < 0.5 else 0)
    ]
    layer = encapsulated.gtp(
        _alone(draw, insides),
        rng.choice(pool.TEIDS),
        first=draw.wrong_or(rng.choice((0x30, 0x30, 0x38)), (0x20, 0x10, 0x50, 0x32, 0x34)),
        kind=draw.wrong_or(255, (1, 26, 254)),
        sequence=rng.choice((None, None, 1)),
        number=rng.choice((None, None, 9)),
        extensions=extensions,
        length=draw.wrong_or(None, (0, 1, 0xFFFF)),
    )
    if extensions and draw.goes_wrong():  # the first extension's own length, byte 12 of GTP
        layer = packets.raw(17, layer.data[:20] + rng.choice((b"\0", b"\x02", b"\xff")) + layer.data[21:])
    return _datagram(draw, layer, rng.choice((2152, *pool.GTP_PORTS)))


def _datagram(draw: Draw, layer: Layer, port: int) -> Layer:
    """The UDP datagram with other ports, perhaps cut short or of another length."""
    data = _ending(draw, layer.data[8:], 16)
    length = draw.near(8 + len(data), (0, 7, 8, 9, 0xFFFF)) if draw.goes_wrong() else None
    return packets.udp(data, sport=draw.rng.choice(pool.PORTS), dport=draw.wrong_or(port, UDP_PORTS), length=length)
