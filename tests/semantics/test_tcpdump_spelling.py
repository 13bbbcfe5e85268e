"""The spelling that is offered for tcpdump means the same: libpcap on it, and the reference on the match as written.

Frames have up to two tags and nothing that the other differences are about: no fragments or extension headers of IPv6,
nothing malformed, every byte there. A random match holds what tags and their scope can go wrong with.
"""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.compiler.analysis.pcap_spelling import plain_spelling, tcpdump_spelling
from ebpfc.compiler.ast.build import parse_expression
from ebpfc.compiler.ast.nodes import Match
from ebpfc.compiler.diagnostics.model import PolicyError, Sink
from ebpfc.compiler.sema import build_expression_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.testing import packets, pool
from ebpfc.testing.libpcap import LibpcapFilter, libpcap_reason
from ebpfc.testing.packets import Layer
from ebpfc.testing.selection import judge_of
from ebpfc.testing.semantics import Frame

pytestmark = pytest.mark.skipif(libpcap_reason() is not None, reason=str(libpcap_reason()))

ATOMS = (
    "tcp", "udp", "ip", "ip6", "arp", "tcp dst port 22", "port {22, 80-89}", "udp port 53", "host 10.0.0.1",
    "src net 10.0.0.0/8", "dst {10.0.0.2, 2001:db8::/32}", "ip.ttl < 64", "ip.dscp == 0", "tcp flags S/SA",
    "ether proto 0x0800", "ether proto 0x8100", "ether host 02:00:00:00:00:01", "less 100", "ip[8] != 64",
    "vlan", "vlan 5", "vlan {5, 7-9}", "tcp.dport in {22, 443}", "tcp dst port in {22, 443}", "ip6 proto 6",
)  # fmt: skip


def resolved(text: str) -> Match:
    sources, sink = SourceMap(), Sink()
    match = parse_expression(text, sources, sink)
    policy = None if match is None else build_expression_policy(match, sources, sink)
    sink.raise_if_errors()
    assert policy is not None and policy.rules[0].match is not None
    return policy.rules[0].match


def random_text(rng: Random, depth: int = 2) -> str:
    if depth == 0 or rng.random() < 0.25:
        return rng.choice(ATOMS)
    match rng.randrange(3):
        case 0:
            return f"not ({random_text(rng, depth - 1)})"
        case 1:
            return " or ".join(f"({random_text(rng, depth - 1)})" for _ in range(2))
        case _:
            parts = [random_text(rng, depth - 1) for _ in range(rng.choice((2, 3)))]
            return " and ".join(f"({part})" if " or " in part or rng.random() < 0.3 else part for part in parts)


def frame(rng: Random) -> bytes:
    sport, dport = rng.choice((22, 80, 443, 5000)), rng.choice((22, 53, 85, 443))
    carried = rng.choice((packets.tcp(sport=sport, dport=dport), packets.udp(sport=sport, dport=dport)))
    layer: Layer = rng.choice(
        (
            packets.ip4(carried, src=rng.choice(pool.IPV4), ttl=rng.choice((1, 64))),
            packets.ip6(packets.udp(sport=sport, dport=dport)),  # tcp[...] of IPv6 is another difference
            packets.arp(),
            packets.ip4(packets.icmp()),
        )
    )
    for _ in range(rng.choice((0, 1, 2))):
        layer = packets.tag(layer, rng.choice((0, 5, 6, 8)), tpid=rng.choice((0x8100, 0x88A8, 0x9100)))
    return packets.ether(layer, src=rng.choice(("02:00:00:00:00:01", "02:00:00:00:00:07"))) + bytes(64)


def test_the_spelling_means_the_same_to_libpcap() -> None:
    rng = Random(3)
    frames = [frame(rng) for _ in range(60)]
    compared = true = 0
    for _ in range(300):
        text = random_text(rng)
        try:
            spelling = tcpdump_spelling(resolved(text))
        except PolicyError:
            continue
        if spelling is None:
            continue
        judge = judge_of(text, SourceMap())
        libpcap = LibpcapFilter(spelling, optimize=False)  # which refuses what it finds never true
        for data in frames:
            expected = judge.decide(Frame(data), "inbound").verdict == "pass"
            assert libpcap.matches(data) is expected, f"{text}\n{spelling}\n{data.hex()}"
            compared += 1
            true += expected
    assert compared > 8_000 and true > 800


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("vlan 5 and tcp", "vlan 5 and (tcp or (vlan and tcp))"),
        ("tcp", "tcp or (vlan and (tcp or (vlan and tcp)))"),
        ("not vlan and tcp", "tcp"),
        ("vlan 5 or vlan 6", "vlan and (ether[14:2] & 4095 == 5 or ether[14:2] & 4095 == 6)"),
        ("(vlan) or arp", "arp or vlan"),
        ("vxlan 5", None),
        ("outer tcp", None),
        ("fragment", None),
    ],
)
def test_spellings(text: str, spelling: str | None) -> None:
    assert tcpdump_spelling(resolved(text)) == spelling


def test_a_spelling_too_long_to_be_read_is_none() -> None:
    assert tcpdump_spelling(resolved(" or ".join(["tcp dst port 22"] * 60))) is None


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("dst port {22, 80-89}", "dst port 22 or dst portrange 80-89"),
        ("ip.dscp == 46 and tcp flags S/SA", "((ip[1] >> 2) & 63) == 46 and tcp[13] & 18 == 2"),
        ("src {10.0.0.1, 10.1.0.0/16}", "src host 10.0.0.1 or src net 10.1.0.0/16"),
        ("host 10.0.0.1-10.0.0.9", None),
    ],
)
def test_plain_spellings(text: str, spelling: str | None) -> None:
    assert plain_spelling(resolved(text)) == spelling
