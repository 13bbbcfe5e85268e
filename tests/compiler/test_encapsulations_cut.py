"""Encapsulations, sound and wrong, cut at every other byte: kernel and reference say the same of what is inside."""

from __future__ import annotations

import pytest

from ebpfc.testing.agreement import build_traced, disagreements
from ebpfc.testing.encapsulated import Inside, geneve, gre, gtp, ipip, mpls, pppoed, pppoes
from ebpfc.testing.packets import Layer, ether, extension, fragment, ip4, ip6, tag, tcp, vxlan

pytestmark = pytest.mark.kernel

INSIDES = (ip4(tcp(dport=80)), ip6(extension(0, tcp(dport=80))))


def _headers(inside: Layer) -> tuple[Layer, ...]:
    """What an IP header carries, with the packet inside alone or in a frame with a tag."""
    either: tuple[Inside, ...] = (inside, ether(tag(inside, 5)))
    return (
        vxlan(ether(inside), 7),
        *(geneve(one, 7, options=bytes(4)) for one in either),
        geneve(inside, 7, version=1),
        *(gre(one, 7, checksum=1, sequence=2) for one in either),
        gre(inside),
        gre(inside, version=1),
        gtp(inside, 7, sequence=1, extensions=((0x85, bytes(2)), (0xC0, bytes(6)))),
        gtp(inside, 7),
        gtp(inside, 7, kind=254),
        ipip(inside),
    )


def _frames() -> list[bytes]:
    found: list[bytes] = []
    for inside in INSIDES:
        for header in _headers(inside):
            found += [ether(ip4(header)), ether(tag(ip6(header), 5)), ether(ip6(extension(60, header)))]
            found += [ether(ip4(header, ihl=4)), ether(ip6(header, version=5)), ether(ip4(header, offset=1))]
            found += [ether(ip6(fragment(header, more=True))), ether(ip6(fragment(header, offset=1)))]
        for layer in (mpls(inside, 16), mpls(inside, 16, 17, ethertype=0x8848), mpls(inside, 1, 2, 3, 4, 5)):
            found += [ether(layer), ether(tag(layer, 5)), ether(ip4(gre(ether(layer))))]
        found += [ether(pppoes(inside, 7)), ether(tag(pppoes(inside, 7, protocol=0xC021), 5)), ether(pppoed(bytes(4)))]
    return found


KINDS = ("vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "mpls and mpls", "pppoes", "geneve and gre", "gre and mpls")
PROBES = ("ip", "ip6", "tcp dst port 80", "vlan", "ether[0] = 2", "mpls", "malformed")
VALUES = ("geneve 7", "gre 7", "gtp 7", "mpls 16", "mpls and mpls 17", "pppoes 7", "pppoed", "gre.key == 7", "ipip")


def _agree(text: str) -> None:
    compiled, built = build_traced(text)
    frames = [frame[:end] for at, frame in enumerate(_frames()) for end in range(14 + at % 2, len(frame) + 1, 2)]
    found = disagreements(compiled.policy, built, frames)
    assert not found, "\n".join([*map(str, found[:3]), text])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_inside(kind: str) -> None:
    for probe in PROBES if " and " not in kind else ("ip", "tcp dst port 80", "malformed"):
        _agree(f"default drop\nif {kind} {{\n    pass {probe}\n    drop not {probe}\n}}\n")


@pytest.mark.parametrize("test", VALUES)
def test_what_is_there(test: str) -> None:
    _agree(f"default drop\npass {test}\ndrop not ({test})\n")
