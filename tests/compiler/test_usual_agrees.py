"""Usual packets are answered at once, and as the reference answers them; so are those that are nearly usual.

Small policies, of which most get the program for usual packets, before frames with one byte changed or cut short where
that program looks: version, length and protocol of the IP header, fragments, tags, the last byte that a rule reads.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.testing import pool
from ebpfc.testing.agreement import build_traced, disagreements
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.packets import (
    Layer,
    arp,
    authentication,
    ether,
    extension,
    fragment,
    icmp,
    ip4,
    ip6,
    sctp,
    tag,
    tcp,
    udp,
)
from ebpfc.testing.random_policies import random_policy

FRAMES = 150
LOOKED_AT = (0, 6, 12, 13, 14, 15, 16, 17, 18, 20, 21, 23, 24, 25, 26, 27, 30, 34, 36, 38, 40, 42, 46, 47, 54, 56, 60)
BYTES = (0, 1, 4, 5, 6, 8, 17, 44, 51, 58, 60, 0x06, 0x08, 0x20, 0x40, 0x45, 0x46, 0x55, 0x60, 0x70, 0x80, 0x81, 0x86)


def usual(rng: Random) -> bytes:
    """Whole and plain, or with one thing that is not: tags, options, a fragment, an extension header."""
    here, there = rng.choice(pool.PORTS), rng.choice(pool.PORTS)
    over = rng.choice((tcp, udp, sctp))
    carried = rng.choice((over(sport=here, dport=there), over(sport=here, dport=there), icmp(rng.choice((0, 8)))))
    layer = rng.choice((_ip4, _ip4, _ip6, _ip6, _arp))(rng, carried)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        layer = tag(layer, rng.choice(pool.VIDS), tpid=rng.choice(pool.TPIDS))
    return ether(layer, dst=rng.choice(pool.MACS), src=rng.choice(pool.MACS))


def _ip4(rng: Random, carried: Layer) -> Layer:
    options, offset, more = rng.choice((*[(b"", 0, False)] * 3, (bytes(4), 0, False), (b"", 3, False), (b"", 0, True)))
    here, there = rng.choice(pool.IPV4), rng.choice(pool.IPV4)
    return ip4(carried, src=here, dst=there, options=options, offset=offset, more=more)


def _ip6(rng: Random, carried: Layer) -> Layer:
    odd = rng.choice((carried, carried, carried, extension(60, carried), fragment(carried), authentication(carried)))
    return ip6(odd, src=rng.choice(pool.IPV6), dst=rng.choice(pool.IPV6))


def _arp(rng: Random, _carried: Layer) -> Layer:
    return arp(sender=rng.choice(pool.IPV4), target=rng.choice(pool.IPV4), ethertype=rng.choice((0x0806, 0x8035)))


def nearly(rng: Random, frame: bytes) -> bytes:
    """Some byte that is looked at changed, or the frame cut anywhere (15 bytes are the least that a test run takes)."""
    changed = bytearray(frame)
    if rng.random() < 0.4:
        at = rng.choice(LOOKED_AT)
        if at < len(changed):
            changed[at] = rng.choice(BYTES)
    return bytes(changed[: rng.randint(15, len(changed))] if rng.random() < 0.3 else changed)


def check(text: str, rng: Random) -> None:
    """No disagreement between reference and kernel."""
    compiled, built = build_traced(text, netmask=pool.NETMASK)
    frames = [nearly(rng, usual(rng)) for _ in range(FRAMES)]
    found = disagreements(compiled.policy, built, [*frames, *frames_for(rng, compiled.policy, FRAMES // 3)])
    assert not found, "\n".join([*(str(one) for one in found[:3]), "", text])


def answered_at_once(text: str) -> bool:
    return "pf_xdp_any" in compile_text(text, Options(netmask=pool.NETMASK)).c_text


@pytest.mark.kernel
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), rules=st.integers(1, 3), wide=st.booleans())
def test_reference_and_kernel_agree(seed: int, rules: int, wide: bool) -> None:
    text, _ = random_policy(Random(seed), ("xdp",), rules, netmask=True, wide=wide)
    assume(answered_at_once(text))
    check(text, Random(seed))


@pytest.mark.kernel
@pytest.mark.parametrize(
    "text",
    [
        "drop not port 22",
        "drop udp src port 9 and 7 = udp[ip[6] + 1:2]",
        "drop not (tcp src port 80 and ip proto 2)",
        "drop not ah[0] = 6",
        "drop tcp[((tcp[12] & 0xf0) >> 2):4] = 0",
        "drop not ip[ip[0] & 0xf:4] = 0",
        "drop ip[2:2] / ip[4:2] = 1 or not arp",
        "drop fragment and not udp port 53",
        "pass ip6 proto 51 or ip proto 44",
        'drop vlan and tcp port 80\ncount "a" not vlan\npass not port 443',
        "drop not vlan 100",
        "drop (tcp or udp) and src net 10.0.0.0/8 and port 53",
        "drop tcp port 80 and (host 10.0.0.1 or host 2001:db8::1)",
        'default drop\ncount "a" ip\npass ether host 02:00:00:00:00:01 or not multicast',
        "pass ip6[6] = 44 or icmp6[0] = 128",
        "drop arp src host 10.0.0.1 or rarp or ether proto 0x88cc",
        'count "a" tcp\ndrop len < 60\npass',
    ],
)  # fmt: skip
def test_they_agree_on_what_may_go_wrong(text: str) -> None:
    assert answered_at_once(text)
    for seed in range(3):
        check(text, Random(seed))
