"""Frames aimed at one expression. In: its AST, a `random.Random`. Out: frames that hit its tests, and just miss them.

Addresses, ports, protocols, tags and lengths come from the expression, or from right beside its values; bytes that a
relation reads hold its numbers. About a third have tags, IPv4 options, extension headers or are fragments, some end at
any byte, and some are of `random_frames`, which go wrong in every way.
"""

from __future__ import annotations

from random import Random

from ebpfc.compiler.ast.nodes import Match
from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.testing import packets, pool
from ebpfc.testing.packets import Layer
from ebpfc.testing.pcap_targets import Targets, near, targets_of
from ebpfc.testing.pcap_tunnels import Wrapper, kinds_drawn
from ebpfc.testing.random_frames import random_frame

LONGEST = 1200  # bytes: as long as a test of the length makes a frame


def aimed_frames(rng: Random, match: Match, count: int) -> list[bytes]:
    """So many frames for an expression whose elisions are written out."""
    targets = targets_of(match)
    found: list[bytes] = []
    while len(found) < count:
        kind = rng.random()
        if kind < 0.15:
            found.append(random_frame(rng))
            continue
        frame = _frame(rng, targets)
        if kind > 0.88:
            frame = frame[: rng.randint(0, len(frame))]
        found.append(frame)
    return found


# -------------------------------------------------------------------------------------------------------------- frames


def _frame(rng: Random, targets: Targets) -> bytes:
    """A packet, perhaps in others, of a length that the expression asks for."""
    kinds = kinds_drawn(rng, targets)
    if not kinds:
        return _sized(rng, targets, _packet(rng, targets, _tags(rng, targets)))
    alone = kinds[-1] != "geneve" or rng.random() < 0.4
    packet = _packet(rng, targets, 0 if alone else _tags(rng, targets))
    wrapper = Wrapper(
        rng, targets, lambda layer: _in_ip(rng, targets, layer)[0], lambda layer: _linked(rng, targets, layer)
    )
    return _sized(rng, targets, wrapper.around(kinds, _without_ethernet(packet) if alone else packet))


def _packet(rng: Random, targets: Targets, tags: int) -> bytes:
    """A sound packet; then the bytes that relations read."""
    kind = _network_kind(rng, targets)
    before = 0
    if kind < 0.88:
        layer, before = _in_ip(rng, targets, _transport(rng, targets), kind)
    elif kind < 0.97:
        ethertype = rng.choice((0x0806, 0x0806, 0x8035))
        layer = packets.arp(sender=_ipv4(rng, targets), target=_ipv4(rng, targets), ethertype=ethertype)
    else:
        layer = _other(rng, targets)
    return _patched(rng, targets, _linked(rng, targets, layer, tags), 14 + 4 * tags, before)


def _in_ip(rng: Random, targets: Targets, transport: Layer, kind: float | None = None) -> tuple[Layer, int]:
    """An IP packet round the transport header, and the bytes before that; `kind` under 0.45 is IPv4."""
    if (rng.random() if kind is None else kind) < 0.45:
        options = bytes(rng.choice((4, 12))) if rng.random() < 0.12 else b""
        offset, more = _fragment(rng)
        layer = packets.ip4(
            transport, src=_ipv4(rng, targets), dst=_ipv4(rng, targets), options=options, offset=offset, more=more
        )
        return layer, 20 + len(options)
    layer = transport
    if rng.random() < 0.2:
        for _ in range(rng.choice((1, 1, 2, 8))):
            layer = _extension(rng, layer)
    before = 40 + len(layer.data) - len(transport.data)
    return packets.ip6(layer, src=_ipv6(rng, targets), dst=_ipv6(rng, targets)), before


def _other(rng: Random, targets: Targets) -> Layer:
    """Another EtherType, or a length and LLC (IEEE 802.2): of the spanning tree, mostly."""
    if rng.random() < 0.5:
        return packets.raw(rng.choice((38, 1500, 1501)), rng.choice((b"\x42", b"\x42", b"\xaa")) + rng.randbytes(20))
    return packets.raw(near(rng, targets.ethertypes, (0x88CC, 0x8847, 0x8863), 0xFFFF), rng.randbytes(30))


def _tags(rng: Random, targets: Targets) -> int:
    return rng.choices((0, 1, 2), (30, 50, 20) if targets.tagged else (80, 14, 6))[0]


def _linked(rng: Random, targets: Targets, layer: Layer, tags: int | None = None) -> bytes:
    """An Ethernet frame with so many tags."""
    for _ in range(_tags(rng, targets) if tags is None else tags):
        layer = packets.tag(layer, near(rng, targets.vids, pool.VIDS, 4095), tpid=rng.choice(pool.TPIDS))
    macs = [near(rng, targets.macs, pool.MACS, (1 << 48) - 1) for _ in range(2)]
    return packets.ether(layer, dst=macs[0], src=macs[1])


def _without_ethernet(frame: bytes) -> Layer:
    return packets.raw(int.from_bytes(frame[12:14], "big"), frame[14:])


def _network_kind(rng: Random, targets: Targets) -> float:
    """Under 0.45 IPv4, under 0.88 IPv6, under 0.97 ARP or RARP, else another: mostly what a relation reads."""
    if not targets.reads or rng.random() < 0.4:
        return rng.random()
    proto, *_ = rng.choice(targets.reads)
    only = PROTOCOLS[proto]
    if proto in ("arp", "rarp"):
        return 0.9
    if proto == "ip" or (only.level == "transport" and only.ipv6 is None):
        return 0.0
    return 0.5 if proto in ("ip6", "icmp6") else rng.choice((0.0, 0.0, 0.5))


def _transport(rng: Random, targets: Targets) -> Layer:
    data = rng.randbytes(rng.choice((0, 1, 12, 40)))
    sport, dport = (near(rng, targets.ports, pool.PORTS, 65535) for _ in range(2))
    read = [PROTOCOLS[name] for name, *_ in targets.reads if PROTOCOLS[name].level == "transport"]
    numbers = targets.protocols + [row.ipv4 or row.ipv6 or 0 for row in read]
    match near(rng, numbers, (6, 6, 6, 17, 17, 132, 1, 58, 2, 51, 50, 103, 112, 59), 255):
        case 6:
            return packets.tcp(data, sport=sport, dport=dport, flags=rng.choice((0x02, 0x12, 0x10, 0x11, 0x04, 0xFF)))
        case 17:
            return packets.udp(data, sport=sport, dport=dport)
        case 132:
            return packets.sctp(data, sport=sport, dport=dport)
        case 1:
            return packets.icmp(rng.choice((0, 3, 5, 8)), rng.choice((0, 1)), data=data)
        case 58:
            return packets.icmp6(rng.choice((1, 128, 129, 133, 135)), data=data)
        case number:
            return packets.raw(number, rng.randbytes(24) + data)


def _fragment(rng: Random) -> tuple[int, bool]:
    """Offset in units of 8 bytes, and whether more follow."""
    return rng.choice(((0, True), (1, True), (185, False))) if rng.random() < 0.12 else (0, False)


def _extension(rng: Random, carried: Layer) -> Layer:
    match rng.choice(pool.EXTENSIONS):
        case 44:
            offset, more = _fragment(rng)
            return packets.fragment(carried, offset=offset, more=more)
        case 51:
            return packets.authentication(carried)
        case kind:
            return packets.extension(kind, carried, size=rng.choice((8, 16)))


def _ipv4(rng: Random, targets: Targets) -> int:
    if targets.ipv4 and rng.random() < 0.15:
        return rng.choice(targets.ipv4) ^ 1 << rng.randrange(32)
    return near(rng, targets.ipv4, pool.IPV4, 0xFFFFFFFF)


def _ipv6(rng: Random, targets: Targets) -> int:
    if targets.ipv6 and rng.random() < 0.15:
        return rng.choice(targets.ipv6) ^ 1 << rng.randrange(128)
    return near(rng, targets.ipv6, pool.IPV6, (1 << 128) - 1)


def _patched(rng: Random, targets: Targets, frame: bytes, network: int, before: int) -> bytes:
    """With one relation's numbers where it reads; bytes of lengths and versions are left alone mostly."""
    if not targets.reads or rng.random() < 0.35:
        return frame
    proto, offset, size, numbers = rng.choice(targets.reads)
    level = PROTOCOLS[proto].level
    start = {"link": 0, "net": network}.get(level, network + before) + offset
    if not numbers or start + size > len(frame) or (level == "link" and start == 12 and rng.random() < 0.8):
        return frame
    number = (rng.choice(numbers) + rng.choice((0, 0, 1, -1))) & ((1 << 8 * size) - 1)
    return frame[:start] + number.to_bytes(size, "big") + frame[start + size :]


def _sized(rng: Random, targets: Targets, frame: bytes) -> bytes:
    """Padded or cut to a length that the expression asks for, one more or one less."""
    wanted = [length for length in targets.lengths if 0 < length < LONGEST]
    if not wanted or rng.random() < 0.6:
        return frame
    length = rng.choice(wanted) + rng.choice((-1, 0, 1))
    return frame.ljust(length, b"\0") if length > len(frame) or rng.random() < 0.3 else frame[:length]
