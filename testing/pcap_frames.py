"""Frames aimed at one expression. In: its AST, a `random.Random`. Out: frames that hit its tests, and just miss them.

Addresses, ports, protocols, tags and lengths come from the expression, or from right beside its values; bytes that a
relation reads hold its numbers. About a third have tags, IPv4 options, extension headers or are fragments, some end at
any byte, and some are of `random_frames`, which go wrong in every way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from random import Random

from ebpfc.compiler.ast.nodes import (
    Access,
    Const,
    Encap,
    IPv4,
    IPv6,
    LengthTest,
    Mac,
    Match,
    Number,
    NumberRange,
    Primitive,
    Relation,
)
from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.testing import packets, pool
from ebpfc.testing.packets import Layer
from ebpfc.testing.random_frames import random_frame

LONGEST = 1200  # bytes: as long as a test of the length makes a frame


@dataclass
class _Targets:
    """What the expression asks for; `reads` are (protocol, offset, size) with the numbers beside them."""

    ipv4: list[int] = field(default_factory=list)
    ipv6: list[int] = field(default_factory=list)
    macs: list[int] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    protocols: list[int] = field(default_factory=list)
    ethertypes: list[int] = field(default_factory=list)
    vids: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    reads: list[tuple[str, int, int, tuple[int, ...]]] = field(default_factory=list)
    tagged: bool = False


def aimed_frames(rng: Random, match: Match, count: int) -> list[bytes]:
    """So many frames for an expression whose elisions are written out."""
    targets = _targets(match)
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


def _targets(match: Match) -> _Targets:
    """Every value of the expression, by what it is compared with."""
    targets = _Targets()
    for node in _nodes(match):
        match node:
            case Primitive(type="port" | "portrange", value=value):
                targets.ports += _numbers(value)
            case Primitive(proto="ether", type="proto", value=value):
                targets.ethertypes += _numbers(value)
            case Primitive(type="proto", value=value):
                targets.protocols += _numbers(value)
            case Primitive(value=IPv4(address)):
                targets.ipv4.append(address)
            case Primitive(value=IPv6(address)):
                targets.ipv6.append(address)
            case Primitive(value=Mac(address)):
                targets.macs.append(address)
            case Encap(values=value):
                targets.tagged = True
                targets.vids += _numbers(value)
            case LengthTest(value=value):
                targets.lengths.append(value)
            case Relation():
                constants = tuple(part.value for part in _nodes(node) if isinstance(part, Const))
                targets.lengths += constants
                for part in _nodes(node):
                    if isinstance(part, Access) and isinstance(part.offset, Const):
                        targets.reads.append((part.proto, part.offset.value, part.size, constants))
            case _:
                pass
    return targets


def _nodes(node: object) -> Iterator[object]:
    """The record and all within it."""
    yield node
    if isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)
    elif is_dataclass(node):
        for part in fields(node):
            yield from _nodes(getattr(node, part.name))


def _numbers(value: object) -> list[int]:
    match value:
        case Number(number):
            return [number]
        case NumberRange(low, high):
            return [low, high]
        case _:
            return []


def _near(rng: Random, wanted: list[int], others: tuple[int, ...], top: int) -> int:
    """One of the wanted, or right beside it; else one of the others."""
    if not wanted or rng.random() < 0.25:
        return rng.choice(others)
    return min(max(rng.choice(wanted) + rng.choice((0, 0, 0, 1, -1)), 0), top)


# -------------------------------------------------------------------------------------------------------------- frames


def _frame(rng: Random, targets: _Targets) -> bytes:
    """A sound packet; then the bytes that relations read, and the length."""
    transport = _transport(rng, targets)
    before = 0
    kind = _network_kind(rng, targets)
    if kind < 0.45:
        options = bytes(rng.choice((4, 12))) if rng.random() < 0.12 else b""
        offset, more = _fragment(rng)
        layer = packets.ip4(
            transport, src=_ipv4(rng, targets), dst=_ipv4(rng, targets), options=options, offset=offset, more=more
        )
        before = 20 + len(options)
    elif kind < 0.88:
        layer = transport
        if rng.random() < 0.2:
            for _ in range(rng.choice((1, 1, 2, 8))):
                layer = _extension(rng, layer)
        before = 40 + len(layer.data) - len(transport.data)
        layer = packets.ip6(layer, src=_ipv6(rng, targets), dst=_ipv6(rng, targets))
    elif kind < 0.97:
        ethertype = rng.choice((0x0806, 0x0806, 0x8035))
        layer = packets.arp(sender=_ipv4(rng, targets), target=_ipv4(rng, targets), ethertype=ethertype)
    else:
        layer = packets.raw(_near(rng, targets.ethertypes, (0x88CC, 0x8847), 0xFFFF), rng.randbytes(30))
    tags = rng.choices((0, 1, 2), (30, 50, 20) if targets.tagged else (80, 14, 6))[0]
    for _ in range(tags):
        layer = packets.tag(layer, _near(rng, targets.vids, pool.VIDS, 4095), tpid=rng.choice(pool.TPIDS))
    macs = [_near(rng, targets.macs, pool.MACS, (1 << 48) - 1) for _ in range(2)]
    frame = packets.ether(layer, dst=macs[0], src=macs[1])
    return _sized(rng, targets, _patched(rng, targets, frame, 14 + 4 * tags, before))


def _network_kind(rng: Random, targets: _Targets) -> float:
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


def _transport(rng: Random, targets: _Targets) -> Layer:
    data = rng.randbytes(rng.choice((0, 1, 12, 40)))
    sport, dport = (_near(rng, targets.ports, pool.PORTS, 65535) for _ in range(2))
    read = [PROTOCOLS[name] for name, *_ in targets.reads if PROTOCOLS[name].level == "transport"]
    numbers = targets.protocols + [row.ipv4 or row.ipv6 or 0 for row in read]
    match _near(rng, numbers, (6, 6, 6, 17, 17, 132, 1, 58, 2, 51, 50, 103, 112, 59), 255):
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


def _ipv4(rng: Random, targets: _Targets) -> int:
    if targets.ipv4 and rng.random() < 0.15:
        return rng.choice(targets.ipv4) ^ 1 << rng.randrange(32)
    return _near(rng, targets.ipv4, pool.IPV4, 0xFFFFFFFF)


def _ipv6(rng: Random, targets: _Targets) -> int:
    if targets.ipv6 and rng.random() < 0.15:
        return rng.choice(targets.ipv6) ^ 1 << rng.randrange(128)
    return _near(rng, targets.ipv6, pool.IPV6, (1 << 128) - 1)


def _patched(rng: Random, targets: _Targets, frame: bytes, network: int, before: int) -> bytes:
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


def _sized(rng: Random, targets: _Targets, frame: bytes) -> bytes:
    """Padded or cut to a length that the expression asks for, one more or one less."""
    wanted = [length for length in targets.lengths if 0 < length < LONGEST]
    if not wanted or rng.random() < 0.6:
        return frame
    length = rng.choice(wanted) + rng.choice((-1, 0, 1))
    return frame.ljust(length, b"\0") if length > len(frame) or rng.random() < 0.3 else frame[:length]
