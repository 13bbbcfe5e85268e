"""Random matches of the whole working language. In: a `random.Random`, and where they stand. Out: text.

Chains of `and`, alternatives, negation, parentheses, elided qualifiers, encapsulation and its scope, and every atom in
every spelling. An `and` never stands to the right of an `or` at one level.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ebpfc.testing import pool, random_values
from ebpfc.testing.random_openings import opening
from ebpfc.testing.random_place import Place
from ebpfc.testing.random_relations import member, relation

DIRECTIONS = ("", "", "src ", "src ", "dst ", "dst ", "src or dst ", "dst or src ", "src and dst ", "dst and src ")
PROTOCOLS = (
    "ip",
    "ip6",
    "arp",
    "rarp",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "igmp",
    "pim",
    "ah",
    "esp",
    "vrrp",
    "carp",
)
FLAGS = ("S/SA", "A/A", "/FSRPAUEW", "SA/SA", "F/FR", "FSRPAUEW/FSRPAUEW", "S/S")


def random_match(rng: Random, place: Place, depth: int = 2) -> str:
    """A match of up to `depth` levels of parentheses."""
    if depth and rng.random() < 0.3:
        return _alternatives(rng, place, depth)
    return random_chain(rng, place, depth)[0]


def random_chain(rng: Random, place: Place, depth: int = 1) -> tuple[str, Place]:
    """Members joined by `and`, and the place at its end: what its encapsulations opened."""
    members: list[str] = []
    opened = 0.25
    for _ in range(rng.choices((1, 2, 3, 4), (55, 31, 10, 4))[0]):
        if rng.random() < opened:
            text, place = _encapsulation(rng, place)
            opened = 0.4
        else:
            text = _member(rng, place, depth)
        members.append(text)
    return rng.choice((" and ", " and ", " && ")).join(members), place


def _alternatives(rng: Random, place: Place, depth: int) -> str:
    """Members joined by `or`; only the first may be a chain without parentheses."""
    first = random_chain(rng, place, depth - 1)[0] if rng.random() < 0.4 else _member(rng, place, depth - 1)
    others = [_alternative(rng, place, depth) for _ in range(rng.randint(1, 2))]
    return rng.choice((" or ", " || ")).join((first, *others))


def _alternative(rng: Random, place: Place, depth: int) -> str:
    if rng.random() < 0.25:
        return f"({random_chain(rng, place, depth - 1)[0]})"
    return _member(rng, place, depth - 1)


def _member(rng: Random, place: Place, depth: int) -> str:
    """What opens nothing for its neighbours."""
    kind = rng.random()
    if depth and kind < 0.12:
        return f"({random_match(rng, place, depth - 1)})"
    if kind < 0.24:
        return f"{rng.choice(('not ', '! ', 'not not '))}{_member(rng, place, max(depth - 1, 0))}"
    if depth and kind < 0.27:
        return f"not {_encapsulation(rng, place)[0]}"
    if kind < 0.37:
        return f"({_elided(rng, place)})"
    if place.matches and kind < 0.45:
        return rng.choice(place.matches)
    return _atom(rng, place)


def _encapsulation(rng: Random, place: Place) -> tuple[str, Place]:
    """What opens something, where one may stand; else an atom."""
    if place.wide and rng.random() < 0.7:
        return opening(rng, place) or (_atom(rng, place), place)
    tunnel = place.takes_tunnel and rng.random() < 0.5
    if not tunnel and not place.takes_tag:
        return _atom(rng, place), place
    if not tunnel:
        wanted = "" if rng.random() < 0.4 else " " + _ids(rng, place, "vlan")
        return f"vlan{wanted}", place.inside_tag()
    wanted = "" if rng.random() < 0.5 else " " + _ids(rng, place, "vxlan")
    port = f" port {rng.choice(pool.VXLAN_PORTS)}" if rng.random() < 0.2 else ""
    return f"vxlan{wanted}{port}", place.inside_tunnel()


def _ids(rng: Random, place: Place, kind: str) -> str:
    if kind == "vlan":
        return place.named_set(rng, "vlan") or random_values.numbers(rng, pool.VIDS, 4095)
    return place.named_set(rng, "vxlan") or random_values.numbers(rng, pool.VNIS, 0xFFFFFF)


# ---------------------------------------------------------------------------------------------------------------- atoms


def _atom(rng: Random, place: Place) -> str:
    kinds: tuple[tuple[int, Callable[[Random, Place], str]], ...] = (
        (14, _protocol),
        (16, _address),
        (3, _ether_address),
        (16, _port),
        (6, _protocol_number),
        (3, _cast),
        (16, _flag_tests),
        (3, _frame_test),
        (20, relation),
        (14, member),
        (8 if place.tags else 1, _tag_test),
    )
    return rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0](rng, place)


def _outer(rng: Random, place: Place) -> str:
    return "outer " if rng.random() < (0.15 if place.tunnels else 0.04) else ""


def _protocol(rng: Random, place: Place) -> str:
    if place.wide and rng.random() < 0.15:
        return rng.choice(("stp", "pppoed"))
    common = ("ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6")
    return _outer(rng, place) + rng.choice(common if rng.random() < 0.8 else PROTOCOLS)


def _qualifiers(rng: Random, place: Place, family: str) -> str:
    proto = {"4": ("", "", "ip ", "arp ", "rarp "), "6": ("", "", "ip6 "), "46": ("",)}[family]
    return _outer(rng, place) + rng.choice(proto)


def _address(rng: Random, place: Place) -> str:
    """`host`, `net`, or a direction alone."""
    family = rng.choices(("4", "6", "46"), (5, 4, 1))[0]
    words, direction = _qualifiers(rng, place, family), rng.choice(DIRECTIONS)
    match rng.choice(("host", "net", "net", "old", "bare")):
        case "host" if rng.random() < 0.15 and family != "46":
            return f"{words}{direction}host {_id_spelling(rng, lambda: _one_address(rng, family))}"
        case "host":
            return f"{words}{direction}host {random_values.hosts(rng, family)}"
        case "old" if family == "4":
            return f"{words}{direction}net {random_values.short_net(rng)}"
        case "bare" if direction:
            named = place.named_set(rng, "address") if words in ("", "outer ") else None
            return f"{words}{direction}{named or random_values.nets(rng, family)}"
        case _:
            named = place.named_set(rng, "address") if words in ("", "outer ") else None
            return f"{words}{direction}net {named or random_values.nets(rng, family)}"


def _one_address(rng: Random, family: str) -> str:
    return random_values.ipv4(rng) if family == "4" else random_values.ipv6(rng)


def _id_spelling(rng: Random, one: Callable[[], str]) -> str:
    """tcpdump's `not X` and `(X or Y)` after the qualifiers."""
    return rng.choice((f"not {one()}", f"({one()} or {one()})", f"({one()} or not {one()})"))


def _ether_address(rng: Random, place: Place) -> str:
    return f"{_outer(rng, place)}ether {rng.choice(DIRECTIONS)}host {random_values.macs(rng)}"


def _port(rng: Random, place: Place) -> str:
    words = f"{_outer(rng, place)}{rng.choice(('', 'tcp ', 'tcp ', 'udp ', 'sctp '))}{rng.choice(DIRECTIONS)}"
    kind = rng.random()
    if kind < 0.1:
        return f"{words}portrange {random_values.number_range(rng, pool.PORTS)}"
    if kind < 0.2:
        return f"{words}port {_id_spelling(rng, lambda: random_values.number(rng, pool.PORTS))}"
    return f"{words}port {place.named_set(rng, 'port') or random_values.ports(rng)}"


def _protocol_number(rng: Random, place: Place) -> str:
    if rng.random() < 0.3:
        wanted = rng.choice(("0x0800", "0x0806", "0x86dd", "0x8100", "\\ip", "\\arp", "ip6", "{0x0800, 0x86dd}"))
        return f"{_outer(rng, place)}ether proto {wanted}"
    words = _outer(rng, place) + rng.choice(("", "ip ", "ip6 "))
    if place.wide and rng.random() < 0.4:
        return f"{words}protochain {random_values.numbers(rng, (*pool.PROTOCOLS, *pool.EXTENSIONS), 255)}"
    if rng.random() < 0.4:
        return f"{words}proto {rng.choice(('', chr(92)))}{rng.choice(random_values.PROTOCOL_NAMES)}"
    return f"{words}proto {random_values.numbers(rng, (*pool.PROTOCOLS, *pool.EXTENSIONS), 255)}"


def _tag_test(rng: Random, place: Place) -> str:
    """What hangs on the tag that is open."""
    value = rng.choice((0, 1, 2, 5, 100))
    return rng.choice(
        (
            f"{_outer(rng, place)}vlan.id {rng.choice(('==', '!=', '<'))} {value}",
            f"vlan in {{{value}, 4095}}",
            f"vlan.type == {rng.choice(('0x0800', '0x86dd', '0x8100'))}",
            f"vlan.pcp > {value % 8}",
            f"ether proto {rng.choice(('0x0800', '0x86dd', '0x8100', '0x88a8'))}",
            "not vlan" if place.takes_tag else "vlan.dei == 0",
        )
    )


def _cast(rng: Random, place: Place) -> str:
    casts = ["broadcast", "multicast", "ether broadcast", "ether multicast", "ip multicast", "ip6 multicast"]
    if place.netmask:
        casts.append("ip broadcast")
    return _outer(rng, place) + rng.choice(casts)


def _flag_tests(rng: Random, place: Place) -> str:
    kinds = ("fragment", "first fragment", "last fragment", "malformed", "malformed", "malformed")
    tests = (*kinds, f"tcp flags {rng.choice(FLAGS)}")
    return _outer(rng, place) + rng.choice(tests)


def _frame_test(rng: Random, _place: Place) -> str:
    size = rng.choice((0, 14, 34, 54, 60, 100, 0xFFFF))
    return rng.choice((f"less {size}", f"greater {size}", "inbound", "outbound", f"ifindex {rng.choice((1, 2))}"))


def _elided(rng: Random, place: Place) -> str:
    """A primitive and values that take its qualifiers, through parentheses too."""
    direction = rng.choice(DIRECTIONS)
    if rng.random() < 0.5:
        words = f"{rng.choice(('', 'tcp ', 'udp '))}{direction}port"
        values = [random_values.number(rng, pool.PORTS) for _ in range(4)]
    else:
        words = f"{direction}{rng.choice(('host', 'net'))}"
        values = [random_values.ipv4(rng) if rng.random() < 0.6 else random_values.ipv6(rng) for _ in range(4)]
    first, second, third, fourth = values
    words = _outer(rng, place) + words
    return rng.choice(
        (
            f"{words} {first} or {second}",
            f"{words} {first} or ({second} or {third})",
            f"{words} {first} and not {second}",
            f"{words} {first} or (not {second} and {third}) or {fourth}",
        )
    )
