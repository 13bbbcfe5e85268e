"""Random pairs of hosts that talk: addresses, ports, tags, tunnels. In: a `random.Random`, the policy. Out: `Hosts`.

Few of each, so that conversations meet: the same addresses behind other tags and in other tunnels.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ebpfc.testing import encapsulated, packets, pool
from ebpfc.testing.conversations import Hosts, Side
from ebpfc.testing.packets import Layer
from ebpfc.testing.semantics.connections.layers import Opening

IPV4 = ("10.0.0.1", "10.0.0.2", "10.0.1.1")
IPV6 = ("2001:db8::1", "2001:db8::2", "::ffff:10.0.0.1")
SERVER_PORTS = (22, 53, 80, 80)
CLIENT_PORTS = (40_000, 40_001, 22, 0)
TAGS = ((), (), (), (), (1,), (2,), (0,), (1, 2), (2, 1), (0, 1))
NUMBERS = {
    "vxlan": pool.VNIS[:3], "geneve": pool.VNIS[:3], "gre": pool.KEYS[:3], "gtp": pool.TEIDS[:3],
    "mpls": pool.LABELS[:3], "pppoes": pool.SESSIONS[:3],
}  # fmt: skip
WITH_FRAME = ("vxlan", "geneve", "gre")
"""Kinds that may carry a whole frame."""


def random_hosts(rng: Random, openings: tuple[Opening, ...]) -> Hosts:
    """Often inside one of the encapsulations in which the policy asks `state`."""
    inside = rng.choice(openings) if openings and rng.random() < 0.6 else None
    vids = rng.choice(TAGS)
    wrap = None if inside is None else _wrapper(rng, inside, vids)
    addresses = IPV4 if rng.random() < 0.6 else IPV6
    client = rng.choice(addresses)
    server = rng.choice([address for address in addresses if address != client] + [client] * (rng.random() < 0.03))
    return Hosts(
        family=4 if addresses is IPV4 else 6,
        client=client,
        server=server,
        client_port=rng.choice(CLIENT_PORTS),
        server_port=rng.choice(SERVER_PORTS),
        vids=vids,
        wrap=wrap,
    )


def _wrapper(rng: Random, opening: Opening, vids: tuple[int, ...]) -> Callable[[Side, Layer], bytes]:
    """Puts an IP packet into the encapsulation; where that carries a frame, with the tags inside, else outside."""
    number = rng.choice(NUMBERS.get(opening.kind, (0,)))
    whole = opening.kind == "vxlan" or (opening.kind in WITH_FRAME and rng.random() < 0.5)
    family = rng.choice((4, 4, 6))

    def wrap(side: Side, carried: Layer) -> bytes:
        inside = packets.ether(_tagged(carried, vids)) if whole else carried
        outer = _encapsulated(opening, inside, number)
        if opening.kind not in ("mpls", "pppoes"):
            outer = _between_routers(side, outer, family)
        return packets.ether(outer if whole else _tagged(outer, vids))

    return wrap


def _tagged(layer: Layer, vids: tuple[int, ...]) -> Layer:
    for vid in reversed(vids):
        layer = packets.tag(layer, vid)
    return layer


def _between_routers(side: Side, layer: Layer, family: int) -> Layer:
    here, there = (1, 2) if side == "client" else (2, 1)
    if family == 4:
        return packets.ip4(layer, src=f"192.0.2.{here}", dst=f"192.0.2.{there}")
    return packets.ip6(layer, src=f"2001:db8:ffff::{here}", dst=f"2001:db8:ffff::{there}")


def _encapsulated(opening: Opening, inside: bytes | Layer, number: int) -> Layer:
    kind, port = opening
    if kind == "vxlan" and isinstance(inside, bytes):
        return packets.vxlan(inside, number, port=port)
    if kind == "geneve":
        return encapsulated.geneve(inside, number, port=port)
    if kind == "gre":
        return encapsulated.gre(inside, number)
    if isinstance(inside, bytes):
        raise ValueError(f"{kind} carries no frame")
    match kind:
        case "ipip":
            return encapsulated.ipip(inside)
        case "gtp":
            return encapsulated.gtp(inside, number, port=port)
        case "mpls":
            return encapsulated.mpls(inside, number, 16)
        case "pppoes":
            return encapsulated.pppoes(inside, number)
        case _:
            raise ValueError(f"{kind} opens no packet to track")
