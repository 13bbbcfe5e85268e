"""Random frames, quickly. In: a `random.Random`. Out: the bytes of one frame, sound or contradictory or cut short.

About half of the frames are sound. The others hold, each with a small chance of its own, what a parser may fall over:
up to three tags, IPv4 options, wrong versions and lengths, up to ten extension headers of all kinds and several
fragment headers, fragments, wrong transport lengths, tunnels in tunnels, and an end at any byte.
"""

from __future__ import annotations

from random import Random

from ebpfc.testing import packets, pool
from ebpfc.testing.packets import Layer

LONGEST = 1500  # bytes: what the kernel's test run takes with room to spare


def random_frame(rng: Random) -> bytes:
    """One frame, of 0 to `LONGEST` bytes."""
    frame = _packet(rng, depth=0)[:LONGEST]
    if rng.random() < 0.1:
        frame += rng.randbytes(rng.choice((1, 4, 46)))  # padding
    if rng.random() < 0.25:
        frame = frame[: rng.randint(0, len(frame))]
    return frame


def _seldom(rng: Random, chance: float = 0.06) -> bool:
    return rng.random() < chance


def _packet(rng: Random, depth: int) -> bytes:
    """An Ethernet frame; `depth` counts the tunnels round it."""
    layer = _network(rng, depth)
    for _ in range(rng.choices((0, 1, 2, 3), (60, 22, 13, 5))[0]):
        vid = rng.choice(pool.VIDS)
        layer = packets.tag(layer, vid, pcp=rng.choice((0, 0, 5)), dei=_seldom(rng), tpid=rng.choice(pool.TPIDS))
    number = rng.choice((0x0800, 0x86DD, 0x0806, 0x8100, 0, 1500, 0x88CC)) if _seldom(rng, 0.02) else None
    return packets.ether(layer, dst=rng.choice(pool.MACS), src=rng.choice(pool.MACS), ethertype=number)


def _network(rng: Random, depth: int) -> Layer:
    match rng.choices(("ip4", "ip6", "arp", "rarp", "llc", "other"), (44, 40, 8, 3, 2, 3))[0]:
        case "ip4":
            return _ipv4(rng, depth)
        case "ip6":
            return _ipv6(rng, depth)
        case "llc":
            return packets.raw(38, b"\x42\x42\x03" + bytes(35))
        case "other":
            return packets.raw(rng.choice((0x88CC, 0x8847, 0xFFFF)), rng.randbytes(rng.choice((0, 4, 40))))
        case name:
            return _arp(rng, 0x8035 if name == "rarp" else 0x0806)


def _arp(rng: Random, ethertype: int) -> Layer:
    return packets.arp(
        op=rng.choice((0, 1, 2, 0xFFFF)),
        sender=rng.choice(pool.IPV4),
        target=rng.choice(pool.IPV4),
        sender_mac=rng.choice(pool.MACS),
        hlen=rng.choice((0, 8, 255)) if _seldom(rng) else 6,
        plen=rng.choice((0, 16, 255)) if _seldom(rng) else 4,
        ethertype=ethertype,
    )


def _ipv4(rng: Random, depth: int) -> Layer:
    carried = _transport(rng, depth, 4)
    offset, more = _fragment_place(rng) if rng.random() < 0.15 else (0, False)
    options = rng.randbytes(rng.choice((4, 8, 40))) if rng.random() < 0.15 else b""
    sound = 20 + len(options) + len(carried.data)
    return packets.ip4(
        carried,
        src=rng.choice(pool.IPV4),
        dst=rng.choice(pool.IPV4),
        options=options,
        version=rng.choice((0, 3, 5, 6, 15)) if _seldom(rng, 0.03) else 4,
        ihl=rng.choice((0, 1, 4, 5, 6, 15)) if _seldom(rng, 0.05) else None,
        tos=rng.choice((0, 0, 0, 46 << 2, 1, 255)),
        total=_near(rng, sound, (0, 19, 20, 24, 28, 0xFFFF)) if _seldom(rng) else None,
        offset=offset,
        more=more,
        dont=not offset and not more and rng.random() < 0.5,
        ttl=rng.choice((0, 1, 5, 64, 255)),
        protocol=rng.choice(pool.PROTOCOLS) if _seldom(rng, 0.03) else None,
    )


def _ipv6(rng: Random, depth: int) -> Layer:
    carried = _transport(rng, depth, 6)
    if rng.random() < 0.35:
        for _ in range(rng.choice((1, 1, 2, 3, 7, 8, 9, 10))):
            carried = _extension(rng, carried)
    return packets.ip6(
        carried,
        src=rng.choice(pool.IPV6),
        dst=rng.choice(pool.IPV6),
        version=rng.choice((0, 4, 5, 7, 15)) if _seldom(rng, 0.03) else 6,
        traffic_class=rng.choice((0, 0, 46 << 2, 3, 255)),
        flow=rng.choice((0, 1, 0xFFFFF)),
        payload=_near(rng, len(carried.data), (0, 7, 8, 20, 0xFFFF)) if _seldom(rng) else None,
        following=rng.choice((0, 4, 41, 44, 59, *pool.PROTOCOLS)) if _seldom(rng, 0.03) else None,
        hops=rng.choice((0, 1, 5, 64, 255)),
    )


def _extension(rng: Random, carried: Layer) -> Layer:
    """One extension header of any kind, now and then with a length that leads elsewhere."""
    kind = rng.choice(pool.EXTENSIONS)
    wrong = rng.choice((0, 1, 2, 30, 255)) if _seldom(rng, 0.05) else None
    match kind:
        case 44:
            offset, more = _fragment_place(rng) if rng.random() < 0.6 else (0, False)
            return packets.fragment(carried, offset=offset, more=more)
        case 51:
            return packets.authentication(carried, size=rng.choice((8, 12, 16, 24)), counted=wrong)
        case _:
            return packets.extension(kind, carried, size=rng.choice((8, 8, 16, 24)), counted=wrong)


def _fragment_place(rng: Random) -> tuple[int, bool]:
    """Offset in units of 8 bytes, and whether more follow: of first, middle and last fragments, up to the largest."""
    return rng.choice((0, 0, 0, 1, 2, 185, 8186, 8191)), rng.random() < 0.6


def _transport(rng: Random, depth: int, family: int) -> Layer:
    data = rng.randbytes(rng.choice((0, 1, 8, 40)))
    ports = {"sport": rng.choice(pool.PORTS), "dport": rng.choice(pool.PORTS)}
    kinds = ("tcp", "udp", "vxlan", "sctp", "icmp", "other")
    match rng.choices(kinds, (30, 15, (36, 14, 0)[depth], 8, 11, 7))[0]:
        case "tcp":
            return _tcp(rng, data, ports)
        case "udp":
            return packets.udp(data, **ports, length=_udp_length(rng, len(data)))
        case "vxlan":
            return _vxlan(rng, depth)
        case "sctp":
            return packets.sctp(data, **ports, vtag=rng.choice((0, 1, 0xFFFFFFFF)))
        case "icmp":
            return _icmp(rng, family, data)
        case _:
            return packets.raw(rng.choice(pool.PROTOCOLS), data)


def _tcp(rng: Random, data: bytes, ports: dict[str, int]) -> Layer:
    return packets.tcp(
        data,
        **ports,
        flags=rng.choice((0, 0x02, 0x12, 0x10, 0x18, 0x04, 0x11, 0x29, 0xFF)),
        sequence=rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)),
        window=rng.choice((0, 1, 0xFFFF)),
        options=rng.randbytes(rng.choice((4, 12, 40))) if rng.random() < 0.2 else b"",
        doff=rng.choice((0, 1, 4, 5, 6, 8, 15)) if _seldom(rng) else None,
    )


def _icmp(rng: Random, family: int, data: bytes) -> Layer:
    """ICMP or ICMPv6, seldom over the other family."""
    kind, code, rest = rng.choice((0, 3, 5, 8, 128, 129, 133, 135)), rng.choice((0, 1, 4)), rng.getrandbits(32)
    if (family == 6) != _seldom(rng):
        return packets.icmp6(kind, code, rest=rest, data=data)
    return packets.icmp(kind, code, rest=rest, data=data)


def _vxlan(rng: Random, depth: int) -> Layer:
    """A tunnel whose inner packet is as rich as the outer one, and may end at any byte."""
    inner = _packet(rng, depth + 1)
    if rng.random() < 0.1:
        inner = inner[: rng.randint(0, min(20, len(inner)))]
    flags = rng.choice((0, 0x80, 0xF7)) if _seldom(rng) else rng.choice((0x08, 0x08, 0xFF))
    data = packets.vxlan_header(rng.choice(pool.VNIS), flags=flags, reserved=rng.choice((0, 0, 255))) + inner
    if _seldom(rng):
        data = data[: rng.randint(0, 8)]
    port = rng.choice(pool.PORTS) if _seldom(rng) else rng.choice((4789, 4789, 4789, 8472))
    return packets.udp(data, sport=rng.choice(pool.PORTS), dport=port, length=_udp_length(rng, len(data)))


def _udp_length(rng: Random, data: int) -> int | None:
    return _near(rng, 8 + data, (0, 7, 8, 9, 0xFFFF)) if _seldom(rng) else None


def _near(rng: Random, sound: int, others: tuple[int, ...]) -> int:
    """A length one off, or one of the others."""
    return min(max(rng.choice((sound - 1, sound + 1, *others)), 0), 0xFFFF)
