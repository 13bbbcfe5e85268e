"""Five-tuple rule sets as networks have them, and packets aimed at them. In: kind, size, seed. Out: `Rule`, `Packet`.

Mixes as ClassBench's seeds have them (Taylor and Turner, 2007): addresses from nested pools in which few are common,
prefix lengths, port ranges and protocols by kind, and rules for everything at the end. One seed gives one set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeAlias

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
ANY_PORT = (0, 65535)
_Ranges: TypeAlias = tuple[tuple[int, int], ...]
_HIGH, _LOW = (1024, 65535), (0, 1023)
_SERVICES = (80, 443, 22, 53, 25, 21, 23, 110, 123, 135, 139, 143, 161, 389, 445, 514, 1433, 1521, 3306, 3389, 8080)


_WIDE = 100
"""Rules of a set that name no address, at most."""


class Packet(NamedTuple):
    """Addresses as numbers of 32 or 128 bits. Ports are 0 where the protocol has none."""

    version: int
    src: int
    dst: int
    proto: int
    sport: int
    dport: int


class Net(NamedTuple):
    address: int
    length: int


@dataclass(frozen=True, slots=True)
class Rule:
    """`version`: 4 or 6. A net of length 0 is any address; `proto` None is any protocol; port ranges hold both ends."""

    action: str
    version: int
    src: Net
    dst: Net
    proto: int | None
    sport: tuple[int, int]
    dport: tuple[int, int]

    def matches(self, packet: Packet) -> bool:
        return (
            packet.version == self.version
            and all(_lies_in(address, net, self.version) for address, net in _addresses(packet, self))
            and (self.proto is None or packet.proto == self.proto)
            and self.sport[0] <= packet.sport <= self.sport[1]
            and self.dport[0] <= packet.dport <= self.dport[1]
        )

    def text(self) -> str:
        """The rule in ebpfc's language."""
        words = ["ip" if self.version == 4 else "ip6"]
        if self.proto is not None:
            words.append({TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6"}[self.proto])
        address = IPv4Address if self.version == 4 else IPv6Address
        for side, net in (("src", self.src), ("dst", self.dst)):
            if net.length:
                words.append(f"{side} net {address(net.address)}/{net.length}")
        for side, (low, high) in (("src", self.sport), ("dst", self.dport)):
            if low == high:
                words.append(f"{side} port {low}")
            elif (low, high) != ANY_PORT:
                words.append(f"{side} portrange {low}-{high}")
        return f"{self.action} {' and '.join(words)}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Chances. `lengths`: of prefix lengths, in sixteenths of the address; `services`, `sources`: of the kinds of port
    range that `_ports` knows; `protocols`: of TCP, UDP, ICMP, any."""

    any_src: float
    any_dst: float
    src_lengths: dict[int, int]
    dst_lengths: dict[int, int]
    sources: tuple[int, int, int, int]
    services: tuple[int, int, int, int]
    protocols: tuple[int, int, int, int]


_KINDS = {
    "acl": _Kind(
        0.12, 0.03, {8: 4, 12: 22, 14: 18, 16: 56}, {8: 2, 12: 18, 14: 15, 16: 65},
        (98, 1, 1, 0), (18, 62, 12, 8), (72, 18, 4, 6),
    ),
    "fw": _Kind(
        0.28, 0.22, {4: 4, 8: 12, 12: 40, 14: 10, 16: 34}, {4: 2, 8: 10, 12: 38, 14: 10, 16: 40},
        (74, 8, 4, 14), (24, 50, 14, 12), (60, 26, 5, 9),
    ),
    "ipc": _Kind(
        0.15, 0.10, {4: 3, 8: 14, 12: 32, 14: 12, 16: 39}, {4: 3, 8: 14, 12: 30, 14: 12, 16: 41},
        (62, 24, 6, 8), (36, 44, 10, 10), (50, 30, 6, 14),
    ),
}  # fmt: skip
KINDS = tuple(_KINDS)


def build_rules(kind: str, count: int, seed: int = 1, versions: tuple[int, ...] = (4,)) -> tuple[Rule, ...]:
    """`count` rules, at least one, no two the same, narrow ones rather before wide ones.

    `versions`: of IP, of which each rule draws one."""
    rng = Random(f"{kind} {count} {seed} {versions}")
    mix = _KINDS[kind]
    ports = tuple(_range(rng) for _ in range(20 + int(count**0.4)))
    pools = {version: (_Pool(rng, version, count), _Pool(rng, version, count)) for version in versions}
    last = [Rule("drop", version, Net(0, 0), Net(0, 0), None, ANY_PORT, ANY_PORT) for version in versions]
    last = last[: max(count // 4, 1)]
    drawn: dict[Rule, float] = {}
    wide = 0
    while len(drawn) < count - len(last):
        rule = _rule(rng, mix, pools, ports)
        if not rule.src.length and not rule.dst.length:
            if wide == _WIDE:
                continue
            wide += 1
        open_bits = sum(_bits(rule.version) - net.length for net in (rule.src, rule.dst)) / _bits(rule.version)
        drawn.setdefault(rule, open_bits + rng.random())
    return (*sorted(drawn, key=lambda rule: drawn[rule]), *last)


def build_packets(rules: tuple[Rule, ...], count: int, seed: int = 1) -> Iterator[Packet]:
    """70 of 100 inside a rule drawn evenly; the others take each number from another rule of the version."""
    rng = Random(seed)
    for _ in range(count):
        rule = rng.choice(rules)
        if rng.random() < 0.7:
            src = dst = sport = dport = rule
        else:
            src, dst, sport, dport = (_of_version(rng, rules, rule) for _ in range(4))
        proto = rule.proto or rng.choice((TCP, TCP, UDP))
        ports = proto in (TCP, UDP)
        yield Packet(
            rule.version,
            _inside(rng, src.src, rule.version),
            _inside(rng, dst.dst, rule.version),
            proto,
            rng.randint(*sport.sport) if ports else 0,
            rng.randint(*dport.dport) if ports else 0,
        )


def _of_version(rng: Random, rules: tuple[Rule, ...], like: Rule) -> Rule:
    for _ in range(20):
        other = rng.choice(rules)
        if other.version == like.version:
            return other
    return like


def _inside(rng: Random, net: Net, version: int) -> int:
    return net.address | rng.getrandbits(_bits(version)) & ((1 << (_bits(version) - net.length)) - 1)


def _bits(version: int) -> int:
    return 32 if version == 4 else 128


def _addresses(packet: Packet, rule: Rule) -> tuple[tuple[int, Net], ...]:
    return (packet.src, rule.src), (packet.dst, rule.dst)


def _lies_in(address: int, net: Net, version: int) -> bool:
    return (address ^ net.address) >> (_bits(version) - net.length) == 0


class _Pool:
    """Addresses that nest: few of the wide nets hold most of the narrow ones."""

    def __init__(self, rng: Random, version: int, rules: int) -> None:
        self._rng, self._version = rng, version
        size = max(4, int(rules**0.75))
        nets = [Net(0 if version == 4 else 0x2000 << 112, 0 if version == 4 else 3)]
        for length in (8, 16, 24, 32) if version == 4 else (32, 48, 64, 128):
            wanted = max(2, int(size ** (length / _bits(version)) if version == 4 else size ** (min(length, 80) / 80)))
            draw = _zipf(rng, len(nets))
            nets = [self._narrower(nets[draw()], length) for _ in range(wanted)]
        self._hosts, self._draw = nets, _zipf(rng, len(nets))

    def net(self, length: int) -> Net:
        host = self._hosts[self._draw()].address
        below = _bits(self._version) - length
        return Net(host >> below << below, length)

    def _narrower(self, net: Net, length: int) -> Net:
        more = self._rng.getrandbits(length - net.length)
        return Net(net.address | more << (_bits(self._version) - length), length)


def _zipf(rng: Random, count: int) -> Callable[[], int]:
    """Draws 0..count - 1, the first more often."""
    weights = list(accumulate(1 / (place + 1) ** 0.7 for place in range(count)))
    places = range(count)
    return lambda: rng.choices(places, cum_weights=weights)[0]


def _rule(rng: Random, mix: _Kind, pools: dict[int, tuple[_Pool, _Pool]], ranges: _Ranges) -> Rule:
    version = rng.choice(tuple(pools))
    any_src, any_dst = rng.random() < mix.any_src, rng.random() < mix.any_dst
    src = Net(0, 0) if any_src else pools[version][0].net(_length(rng, mix.src_lengths, version))
    dst = Net(0, 0) if any_dst else pools[version][1].net(_length(rng, mix.dst_lengths, version))
    proto = rng.choices((TCP, UDP, ICMP if version == 4 else ICMP6, None), mix.protocols)[0]
    if any_src and any_dst:
        proto = rng.choice((TCP, UDP))
    sport = dport = ANY_PORT
    if proto in (TCP, UDP):
        sport, dport = _ports(rng, mix.sources, ranges), _ports(rng, mix.services, ranges)
        if any_src and any_dst and dport in (ANY_PORT, _HIGH, _LOW):
            dport = _ports(rng, (0, 1, 1, 0), ranges)
    return Rule(rng.choice(("drop", "pass")), version, src, dst, proto, sport, dport)


def _length(rng: Random, lengths: dict[int, int], version: int) -> int:
    sixteenths = rng.choices(tuple(lengths), tuple(lengths.values()))[0]
    if version == 4:
        exact = sixteenths * 2
        return exact if exact in (8, 16, 24, 32) else rng.randint(25, 31)
    return {4: 32, 8: 48, 12: 64, 14: rng.choice((56, 60, 96, 112)), 16: 128}[sixteenths]


def _ports(rng: Random, chances: tuple[int, int, int, int], ranges: _Ranges) -> tuple[int, int]:
    """Any, one, one of the ranges, or one half of the range that systems know (below 1024, from 1024 on)."""
    kind = rng.choices(("any", "one", "range", "half"), chances)[0]
    if kind == "any":
        return ANY_PORT
    if kind == "half":
        return rng.choice((_HIGH, _HIGH, _LOW))
    if kind == "one":
        port = rng.choice(_SERVICES) if rng.random() < 0.6 else min(int(rng.paretovariate(0.4)), 65535)
        return port, port
    return rng.choice(ranges)


def _range(rng: Random) -> tuple[int, int]:
    low = rng.choice(_SERVICES) if rng.random() < 0.3 else rng.randint(1, 65000)
    return low, min(low + rng.choice((1, 3, 9, 99, 255, 1000, 5000)), 65535)
