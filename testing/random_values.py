"""Random values in every spelling. In: a `random.Random`. Out: text of an address, a port, a number or a set of them.

All come from `pool`, or from right beside one of its values, so that random frames hit and just miss them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from random import Random

from ebpfc.testing import pool

SERVICES = ("http", "https", "ssh", "domain")
PROTOCOL_NAMES = ("tcp", "udp", "icmp", "sctp", "ah", "esp", "igmp", "pim")
MANY = 44  # members of a large set: more than straight code is made of


def number(rng: Random, values: Sequence[int]) -> str:
    """One of the values, decimal or hexadecimal."""
    value = rng.choice(values)
    return hex(value) if rng.random() < 0.15 else str(value)


def number_range(rng: Random, values: Sequence[int]) -> str:
    low, high = sorted((rng.choice(values), rng.choice(values)))
    return f"{low}-{high}"


def numbers(rng: Random, values: Sequence[int], top: int) -> str:
    """A number, a range, or a set of them; `top` is the largest allowed."""
    kind = rng.random()
    if kind < 0.5:
        return number(rng, values)
    if kind < 0.65:
        return number_range(rng, values)
    return number_set(rng, values, top)


def number_set(rng: Random, values: Sequence[int], top: int) -> str:
    def one() -> str:
        return number(rng, values) if rng.random() < 0.7 else number_range(rng, values)

    first = 1000 if top > 1000 + MANY else 190
    return _set(rng, one, [str(value) for value in range(first, first + MANY) if value <= top])


def ports(rng: Random) -> str:
    if rng.random() < 0.1:
        return rng.choice(SERVICES)
    return numbers(rng, pool.PORTS, 0xFFFF)


def _set(rng: Random, one: Callable[[], str], filler: list[str]) -> str:
    """`{a, b}`; one in eight is large."""
    members = [one() for _ in range(rng.randint(1, 5))]
    if rng.random() < 0.12:
        members = filler + members
        rng.shuffle(members)
    return "{" + ", ".join(dict.fromkeys(members)) + "}"


# ----------------------------------------------------------------------------------------------------------- addresses


def ipv4(rng: Random) -> str:
    return str(IPv4Address(rng.choice(pool.IPV4)))


def ipv6(rng: Random) -> str:
    address = IPv6Address(rng.choice(pool.IPV6))
    return address.exploded if rng.random() < 0.1 else str(address)


def ipv4_range(rng: Random) -> str:
    low, high = sorted((rng.choice(pool.IPV4), rng.choice(pool.IPV4)))
    return f"{IPv4Address(low)}-{IPv4Address(high)}"


def ipv6_range(rng: Random) -> str:
    low, high = sorted((rng.choice(pool.IPV6), rng.choice(pool.IPV6)))
    return f"{IPv6Address(low)}-{IPv6Address(high)}"


def ipv4_net(rng: Random) -> str:
    length = rng.choice((0, 1, 8, 15, 16, 24, 31, 32))
    base = rng.choice(pool.IPV4) >> (32 - length) << (32 - length)
    return f"{IPv4Address(base)}/{length}"


def ipv6_net(rng: Random) -> str:
    length = rng.choice((0, 1, 7, 32, 48, 64, 65, 96, 127, 128))
    base = rng.choice(pool.IPV6) >> (128 - length) << (128 - length)
    return f"{IPv6Address(base)}/{length}"


def short_net(rng: Random) -> str:
    """tcpdump's old spellings, after `net`."""
    return rng.choice(("10", "10.1", "192.168", "10.0.1", "10.0.0.0 mask 255.0.0.0", "10.0.0.1 mask 255.0.0.255"))


def hosts(rng: Random, family: str) -> str:
    """What may stand after `host`; `family` is "4", "6" or "46" (a set of both)."""
    if rng.random() < 0.6 and family != "46":
        return ipv4(rng) if family == "4" else ipv6(rng)
    return _address_set(rng, family, (ipv4, ipv4, ipv4_range), (ipv6, ipv6, ipv6_range))


def nets(rng: Random, family: str) -> str:
    """What may stand after `net`, and as the members of an address set."""
    if rng.random() < 0.6 and family != "46":
        return rng.choice((ipv4_net, ipv4) if family == "4" else (ipv6_net, ipv6))(rng)
    return address_set(rng, family)


def address_set(rng: Random, family: str) -> str:
    return _address_set(rng, family, (ipv4, ipv4_net, ipv4_range), (ipv6, ipv6_net, ipv6_range))


def _address_set(
    rng: Random,
    family: str,
    four: Sequence[Callable[[Random], str]],
    six: Sequence[Callable[[Random], str]],
) -> str:
    def one() -> str:
        kinds = four if family == "4" else six if family == "6" else (*four, *six)
        return rng.choice(kinds)(rng)

    far = [str(IPv4Address(0x0A000100 + 3 * n)) for n in range(MANY)]
    far6 = [str(IPv6Address((0x20010DB8 << 96) + 5 * n)) for n in range(MANY)]
    return _set(rng, one, far if family == "4" else far6 if family == "6" else far[::2] + far6[::2])


def mac(rng: Random) -> str:
    """In one of the spellings that tcpdump takes."""
    digits = f"{rng.choice(pool.MACS):012x}"
    pairs = [digits[at : at + 2] for at in range(0, 12, 2)]
    return rng.choice((":".join(pairs), ":".join(pairs), "-".join(pairs), ".".join(pairs), digits))


def macs(rng: Random) -> str:
    if rng.random() < 0.7:
        return mac(rng)
    return "{" + ", ".join(dict.fromkeys(mac(rng) for _ in range(rng.randint(1, 4)))) + "}"
