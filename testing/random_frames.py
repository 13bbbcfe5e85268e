"""Random frames, quickly. In: a `random.Random`. Out: the bytes of one frame, sound or contradictory or cut short.

All may have up to three tags, IPv4 options, up to ten extension headers of all kinds and several fragment headers,
fragments, tunnels in tunnels: VXLAN, with `wide` every kind. Half of the frames hold nothing wrong; a third have about
one wrong version, length or place, so that it shows by itself; the others have many. One in five ends at any byte.
"""

from __future__ import annotations

from random import Random

from ebpfc.testing import packets, pool
from ebpfc.testing.packets import Layer
from ebpfc.testing.random_draw import Draw
from ebpfc.testing.random_encapsulated import ON_ETHERNET, ON_IP, Insides, behind_ethernet, behind_ip

LONGEST = 1500  # bytes: what the kernel's test run takes with room to spare
BEHIND_ETHERNET = (0.15, 0.1, 0.05, 0.0)
BEHIND_IP = (0.35, 0.25, 0.1, 0.0)
"""Chances of an encapsulation, by how many are round it."""


def random_frame(rng: Random, *, wide: bool = False, wished: tuple[str, ...] = ()) -> bytes:
    """One frame, of 0 to about `LONGEST` bytes; with `wide` the encapsulations wished are in it, from the outermost."""
    draw = Draw(rng, rng.choices((0.0, 0.1, 0.35), (50, 35, 15))[0], wide, wished)
    frame = _packet(draw, depth=0)[:LONGEST]
    if rng.random() < 0.15:
        frame += rng.randbytes(rng.choice((1, 4, 46)))  # padding
    if rng.random() < 0.2:
        frame = frame[: rng.randint(0, len(frame))]
    return frame


def _packet(draw: Draw, depth: int) -> bytes:
    """An Ethernet frame; `depth` counts the tunnels round it."""
    layer = _network(draw, depth)
    for _ in range(draw.rng.choices((0, 1, 2, 3), (60, 22, 13, 5))[0]):
        vid = draw.rng.choice(pool.VIDS)
        layer = packets.tag(
            layer, vid, pcp=draw.rng.choice((0, 0, 5)), dei=draw.rng.random() < 0.1, tpid=draw.rng.choice(pool.TPIDS)
        )
    number = draw.rng.choice((0x0800, 0x86DD, 0x0806, 0x8100, 0, 1500, 0x88CC)) if draw.goes_wrong() else None
    return packets.ether(layer, dst=draw.rng.choice(pool.MACS), src=draw.rng.choice(pool.MACS), ethertype=number)


def _insides(draw: Draw, depth: int) -> Insides:
    """What a tunnel inside `depth` others carries."""
    return Insides(lambda: _packet(draw, depth + 1), lambda: _alone(draw, depth + 1))


def _alone(draw: Draw, depth: int) -> Layer:
    return draw.rng.choice((_ipv4, _ipv6))(draw, depth)


def _network(draw: Draw, depth: int) -> Layer:
    wish = draw.wish(depth)
    if wish in ON_ETHERNET:
        return behind_ethernet(draw, _insides(draw, depth), wish)
    if wish is not None:
        return _alone(draw, depth)
    if draw.wide and draw.rng.random() < BEHIND_ETHERNET[depth]:
        return behind_ethernet(draw, _insides(draw, depth))
    match draw.rng.choices(("ip4", "ip6", "arp", "rarp", "llc", "other"), (44, 40, 8, 3, 2, 3))[0]:
        case "ip4":
            return _ipv4(draw, depth)
        case "ip6":
            return _ipv6(draw, depth)
        case "llc":
            return packets.raw(38, b"\x42\x42\x03" + bytes(35))
        case "other":
            return packets.raw(
                draw.rng.choice((0x88CC, 0x8847, 0xFFFF)), draw.rng.randbytes(draw.rng.choice((0, 4, 40)))
            )
        case name:
            return _arp(draw, 0x8035 if name == "rarp" else 0x0806)


def _arp(draw: Draw, ethertype: int) -> Layer:
    return packets.arp(
        op=draw.rng.choice((0, 1, 2, 0xFFFF)),
        sender=draw.rng.choice(pool.IPV4),
        target=draw.rng.choice(pool.IPV4),
        sender_mac=draw.rng.choice(pool.MACS),
        hlen=draw.rng.choice((0, 8, 255)) if draw.goes_wrong() else 6,
        plen=draw.rng.choice((0, 16, 255)) if draw.goes_wrong() else 4,
        ethertype=ethertype,
    )


def _ipv4(draw: Draw, depth: int) -> Layer:
    carried = _transport(draw, depth, 4)
    offset, more = _fragment_place(draw) if draw.rng.random() < 0.15 else (0, False)
    if more and not offset and carried.number == 17 and draw.rng.random() < 0.5:
        carried = packets.raw(17, carried.data[:4] + b"\x02\x00" + carried.data[6:])  # the whole datagram's length
    options = draw.rng.randbytes(draw.rng.choice((4, 8, 40))) if draw.rng.random() < 0.15 else b""
    sound = 20 + len(options) + len(carried.data)
    return packets.ip4(
        carried,
        src=draw.rng.choice(pool.IPV4),
        dst=draw.rng.choice(pool.IPV4),
        options=options,
        version=draw.rng.choice((0, 3, 5, 6, 15)) if draw.goes_wrong() else 4,
        ihl=draw.rng.choice((0, 1, 4, 5, 6, 15)) if draw.goes_wrong() else None,
        tos=draw.rng.choice((0, 0, 0, 46 << 2, 1, 255)),
        total=draw.near(sound, (0, 19, 20, 24, 28, 0xFFFF)) if draw.goes_wrong() else None,
        offset=offset,
        more=more,
        dont=not offset and not more and draw.rng.random() < 0.5,
        ttl=draw.rng.choice((0, 1, 5, 64, 255)),
        protocol=draw.rng.choice(pool.PROTOCOLS) if draw.goes_wrong() else None,
    )


def _ipv6(draw: Draw, depth: int) -> Layer:
    carried = _transport(draw, depth, 6)
    if draw.rng.random() < 0.35:
        for _ in range(draw.rng.choice((1, 1, 2, 3, 7, 8, 9, 10))):
            carried = _extension(draw, carried)
    return packets.ip6(
        carried,
        src=draw.rng.choice(pool.IPV6),
        dst=draw.rng.choice(pool.IPV6),
        version=draw.rng.choice((0, 4, 5, 7, 15)) if draw.goes_wrong() else 6,
        traffic_class=draw.rng.choice((0, 0, 46 << 2, 3, 255)),
        flow=draw.rng.choice((0, 1, 0xFFFFF)),
        payload=_payload(draw, carried),
        following=draw.rng.choice((0, 4, 41, 44, 59, *pool.PROTOCOLS)) if draw.goes_wrong() else None,
        hops=draw.rng.choice((0, 1, 5, 64, 255)),
    )


def _payload(draw: Draw, carried: Layer) -> int | None:
    """IPv6's payload length: None for the right one; 0 before hop-by-hop options is a jumbogram's (RFC 2675)."""
    if carried.number == 0 and draw.rng.random() < 0.15:
        return 0
    return draw.near(len(carried.data), (0, 7, 8, 20, 0xFFFF)) if draw.goes_wrong() else None


def _extension(draw: Draw, carried: Layer) -> Layer:
    """One extension header of any kind, now and then with a length that leads elsewhere."""
    kind = draw.rng.choice(pool.EXTENSIONS)
    wrong = draw.rng.choice((0, 1, 2, 30, 255)) if draw.goes_wrong() else None
    match kind:
        case 44:
            offset, more = _fragment_place(draw) if draw.rng.random() < 0.6 else (0, False)
            return packets.fragment(carried, offset=offset, more=more)
        case 51:
            return packets.authentication(carried, size=draw.rng.choice((8, 12, 16, 24)), counted=wrong)
        case _:
            return packets.extension(kind, carried, size=draw.rng.choice((8, 8, 16, 24)), counted=wrong)


def _fragment_place(draw: Draw) -> tuple[int, bool]:
    """Offset in units of 8 bytes, and whether more follow: of first, middle and last fragments, up to the largest."""
    return draw.rng.choice((0, 0, 0, 1, 2, 185, 8186, 8191)), draw.rng.random() < 0.6


def _transport(draw: Draw, depth: int, family: int) -> Layer:
    wish = draw.wish(depth)
    if wish == "vxlan":
        return _vxlan(draw, depth)
    if wish in ON_IP:
        return behind_ip(draw, _insides(draw, depth), wish)
    if draw.wide and draw.rng.random() < BEHIND_IP[depth]:
        return behind_ip(draw, _insides(draw, depth))
    data = draw.rng.randbytes(draw.rng.choice((0, 1, 8, 40)))
    ports = {"sport": draw.rng.choice(pool.PORTS), "dport": draw.rng.choice(pool.PORTS)}
    kinds = ("tcp", "udp", "vxlan", "sctp", "icmp", "other")
    match draw.rng.choices(kinds, (30, 15, (45, 14, 0, 0)[depth], 8, 11, 7))[0]:
        case "tcp":
            return _tcp(draw, data, ports)
        case "udp":
            return packets.udp(data, **ports, length=_udp_length(draw, len(data)))
        case "vxlan":
            return _vxlan(draw, depth)
        case "sctp":
            return packets.sctp(data, **ports, vtag=draw.rng.choice((0, 1, 0xFFFFFFFF)))
        case "icmp":
            return _icmp(draw, family, data)
        case _:
            return packets.raw(draw.rng.choice(pool.PROTOCOLS), data)


def _tcp(draw: Draw, data: bytes, ports: dict[str, int]) -> Layer:
    return packets.tcp(
        data,
        **ports,
        flags=draw.rng.choice((0, 0x02, 0x12, 0x10, 0x18, 0x04, 0x11, 0x29, 0xFF)),
        sequence=draw.rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)),
        window=draw.rng.choice((0, 1, 0xFFFF)),
        options=draw.rng.randbytes(draw.rng.choice((4, 12, 40))) if draw.rng.random() < 0.2 else b"",
        doff=draw.rng.choice((0, 1, 4, 5, 6, 8, 15)) if draw.goes_wrong() else None,
    )


def _icmp(draw: Draw, family: int, data: bytes) -> Layer:
    """ICMP or ICMPv6, seldom over the other family."""
    kind, code, rest = (
        draw.rng.choice((0, 3, 5, 8, 128, 129, 133, 135)),
        draw.rng.choice((0, 1, 4)),
        draw.rng.getrandbits(32),
    )
    if (family == 6) != draw.goes_wrong():
        return packets.icmp6(kind, code, rest=rest, data=data)
    return packets.icmp(kind, code, rest=rest, data=data)


def _vxlan(draw: Draw, depth: int) -> Layer:
    """A tunnel whose inner packet is as rich as the outer one, and may end at any byte."""
    inner = _packet(draw, depth + 1)
    if draw.rng.random() < 0.1:
        inner = inner[: draw.rng.randint(0, min(20, len(inner)))]
    flags = draw.rng.choice((0, 0x80, 0xF7)) if draw.goes_wrong() else draw.rng.choice((0x08, 0x08, 0xFF))
    data = packets.vxlan_header(draw.rng.choice(pool.VNIS), flags=flags, reserved=draw.rng.choice((0, 0, 255))) + inner
    if draw.goes_wrong():
        data = data[: draw.rng.randint(0, 8)]
    port = draw.rng.choice(pool.PORTS) if draw.goes_wrong() else draw.rng.choice((4789, 4789, 4789, 8472))
    return packets.udp(data, sport=draw.rng.choice(pool.PORTS), dport=port, length=_udp_length(draw, len(data)))


def _udp_length(draw: Draw, data: int) -> int | None:
    return draw.near(8 + data, (0, 7, 8, 9, 0xFFFF)) if draw.goes_wrong() else None
