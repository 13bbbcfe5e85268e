"""Random keys of tables and limiters, as text. In: a `random.Random`. Out: fields in the language's words.

A table's key and those that are looked up, added and deleted have the same kinds of fields in the same order; which
field of a kind stands there is drawn anew each time, so that `src` is added and `dst` looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

KINDS: dict[str, tuple[str, ...]] = {
    "address": ("src", "src", "src", "dst", "ip src", "ip6 src", "ip6 dst"),
    "mac": ("ether src", "ether dst"),
    "port": ("src port", "dst port", "dst port", "tcp dst port", "udp src port"),
    "proto": ("proto", "proto", "ip.protocol"),
    "tag": ("vlan", "vlan.id"),
    "network": ("vxlan", "vxlan.vni"),
    "interface": ("ifindex",),
    "hops": ("ip.ttl", "ip6.hoplimit"),
    "flags": ("tcp.flags",),
    "length": ("meta.length",),
    "saddr": ("ip.saddr", "ip.daddr"),
}
"""Fields that may stand for one another."""
WITHOUT_OUTER = ("vlan", "vxlan", "ifindex", "meta.length")
"""Words that `outer` does not stand before."""
OFTEN = (40, 6, 16, 8, 8, 5, 2, 4, 3, 1, 3)


@dataclass(frozen=True, slots=True)
class Fields:
    """Kinds of the fields of a key; `net`: the last is a prefix."""

    kinds: tuple[str, ...]
    net: bool = False


def table_fields(rng: Random, *, net: bool = True) -> Fields:
    """One to three fields; without `net`, no prefix."""
    kinds = tuple(rng.choices(tuple(KINDS), OFTEN)[0] for _ in range(rng.choices((1, 2, 3), (60, 30, 10))[0]))
    return Fields(kinds, net and kinds[-1] == "address" and rng.random() < 0.35)


def key(rng: Random, fields: Fields, *, declared: bool = False, tunnel: bool = False) -> str:
    """The key in words. `declared`: on the table's own line; `tunnel`: something is open that `outer` reads past."""
    words = [_field(rng, kind, outer=tunnel and not declared) for kind in fields.kinds]
    if declared and fields.net:
        words[-1] = "src net"
    return words[0] if len(words) == 1 else f"({', '.join(words)})"


def mask(rng: Random, fields: Fields) -> str:
    """`/24/64` behind a key whose last field is an address, now and then."""
    if fields.kinds[-1] != "address" or rng.random() < 0.5:
        return ""
    mask4 = rng.choice((0, 1, 8, 24, 31, 32))
    return f"/{mask4}" + (f"/{rng.choice((0, 32, 48, 64, 127, 128))}" if rng.random() < 0.7 else "")


def _field(rng: Random, kind: str, *, outer: bool) -> str:
    word = rng.choice(KINDS[kind])
    return f"outer {word}" if outer and word not in WITHOUT_OUTER and rng.random() < 0.2 else word
