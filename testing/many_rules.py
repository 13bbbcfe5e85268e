"""Rules aimed at the weak points of a look-up, frames at the ends of each. In: a `random.Random`. Out: `Aimed`, frames.

Prefixes that nest or are equal, ranges that overlap by one number, sets, rules that leave nearly all open; IPv4 beside
IPv6, tags, VXLAN and what is inside, negations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from random import Random

from ebpfc.testing.packets import ether, icmp, icmp6, ip4, ip6, tag, tcp, udp, vxlan

Range = tuple[int, int]
_BITS = {4: 32, 6: 128}
_BASES = {
    4: (0, 0x0A000000, 0x0A000001, 0x0A00FFFF, 0x0A010000, 0xC0A80101, 0xFFFFFFFF),
    6: (
        0, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1, (0x20010DB8 << 96) + (1 << 64) - 1, (0x20010DB9 << 96) - 1,
        0xFD << 120, (1 << 128) - 1,
    ),
}  # fmt: skip
_LENGTHS = {4: (0, 1, 8, 15, 16, 17, 24, 31, 32), 6: (0, 1, 32, 48, 63, 64, 65, 127, 128)}
_GRID = 16
"""Ranges begin where their neighbours end."""
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58}


@dataclass(frozen=True, slots=True)
class Aimed:
    """The match of a rule, and numbers that it holds, by what they are of: `vid`, `vni`, `src`, `dst`, `sport`,
    `dport`, `proto`. What it leaves open is not there; `version` is that of the addresses."""

    text: str
    version: int
    holds: dict[str, tuple[Range, ...]]


def aimed_match(rng: Random) -> Aimed:
    """A match of any of the fields, each of which most matches leave open."""
    wide = rng.choice((0.1, 0.3, 0.5, 0.8))
    words: list[str] = []
    holds: dict[str, tuple[Range, ...]] = {}
    if rng.random() < 0.2:
        holds["vid"], text = _numbers(rng, 4095)
        words.append(f"vlan {text}")
    if rng.random() < 0.2:
        holds["vni"], text = _numbers(rng, (1 << 24) - 1)
        words.append(f"vxlan {text}")
    version = rng.choice((4, 6))
    proto = rng.choice(("tcp", "tcp", "udp", "icmp" if version == 4 else "icmp6"))
    if rng.random() < 0.5:
        words.append("ip" if version == 4 else "ip6")
    for side in ("src", "dst"):
        if rng.random() > wide:
            holds[side], text = _addresses(rng, version)
            words.append(f"{'not ' if rng.random() < 0.08 else ''}{side} net {text}")
    if rng.random() > wide:
        holds["proto"] = ((_PROTOCOLS[proto],) * 2,)
        words.append(proto)
    for side, name in (("src", "sport"), ("dst", "dport")):
        if proto in ("tcp", "udp") and rng.random() > wide:
            holds[name], text = _numbers(rng, 0xFFFF)
            words.append(f"{'not ' if rng.random() < 0.08 else ''}{side} port {text}")
    return Aimed(" and ".join(words or ["(ip or ip6)"]), version, holds)


def aimed_frames(rng: Random, rules: Sequence[Aimed], count: int) -> Iterator[bytes]:
    """Each at an end of what a rule holds or beside it, some of it taken from another rule."""
    for _ in range(count):
        one, other = (rng.choice(rules) if rules else Aimed("", 4, {}) for _ in range(2))
        version = one.version

        def number(name: str, bits: int, one: Aimed = one, other: Aimed = other, version: int = version) -> int:
            """Of the rule, or sometimes of the other one; any where they leave it open."""
            from_other = rng.random() < 0.15 and other.version == version
            ranges = (other if from_other else one).holds.get(name)
            return _near(rng, ranges, bits) if ranges else rng.choice((0, 1, 22, 80, rng.getrandbits(bits)))

        src, dst = (number(name, _BITS[version]) for name in ("src", "dst"))
        sport, dport = number("sport", 16), number("dport", 16)
        proto = one.holds.get("proto", ((rng.choice((6, 17, 1, 58)), 0),))[0][0]
        carried = {6: tcp(sport=sport, dport=dport), 17: udp(sport=sport, dport=dport), 1: icmp(), 58: icmp6()}[proto]
        network = ip4(carried, src=src, dst=dst) if version == 4 else ip6(carried, src=src, dst=dst)
        if ("vni" in one.holds) != (rng.random() < 0.1):
            network = ip4(vxlan(ether(network), number("vni", 24)))
        yield ether(tag(network, number("vid", 12)) if ("vid" in one.holds) != (rng.random() < 0.1) else network)


def _near(rng: Random, ranges: Sequence[Range], bits: int) -> int:
    low, high = rng.choice(ranges)
    return min(max(rng.choice((low, high, low - 1, high + 1, rng.randint(low, high))), 0), (1 << bits) - 1)


def _numbers(rng: Random, last: int) -> tuple[tuple[Range, ...], str]:
    """One number, a range of a grid, or a set of both."""
    kind = rng.choice(("one", "range", "range", "set"))
    ranges = tuple(_range(rng, last, single=kind == "one") for _ in range(rng.randint(2, 5) if kind == "set" else 1))
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    return ranges, texts[0] if kind == "one" else f"{{{', '.join(texts)}}}"


def _range(rng: Random, last: int, *, single: bool) -> Range:
    low = rng.choice((0, 22, 80, last - _GRID, *(_GRID * n for n in range(8))))
    return (low, low) if single or rng.random() < 0.3 else (low, min(low + rng.choice((1, _GRID, 3 * _GRID)), last))


def _addresses(rng: Random, version: int) -> tuple[tuple[Range, ...], str]:
    """A prefix, a range of any ends, or a set of both."""
    bits = _BITS[version]
    address = IPv4Address if version == 4 else IPv6Address
    ranges, texts = [], []
    for _ in range(1 if rng.random() < 0.8 else rng.randint(2, 4)):
        base = rng.choice(_BASES[version])
        if rng.random() < 0.75:
            free = bits - rng.choice(_LENGTHS[version])
            low, high = base >> free << free, (base >> free << free) | (1 << free) - 1
            texts.append(f"{address(low)}/{bits - free}")
        else:
            low, high = sorted((base, rng.choice(_BASES[version])))
            texts.append(f"{address(low)}-{address(high)}")
        ranges.append((low, high))
    return tuple(ranges), f"{{{', '.join(texts)}}}"
