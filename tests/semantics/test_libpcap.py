"""Where both speak of the same packets, the reference and libpcap agree: pcap expressions, sound untagged frames.

The differences on purpose are kept out of the frames: tags, extension headers and fragments of IPv6, malformed ones,
and missing bytes (libpcap rejects a packet at the first one): all are padded so far that every byte is there.
`proto[...]` of a transport protocol is IPv4's in libpcap, so frames of IPv6 go without it.
"""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.testing import pool, random_values
from ebpfc.testing.libpcap import LibpcapFilter, libpcap_reason
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_matches import PROTOCOLS
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.malformed import malformed
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.truth import truth_of

pytestmark = pytest.mark.skipif(libpcap_reason() is not None, reason=str(libpcap_reason()))

DIRECTIONS = ("", "src ", "dst ", "src or dst ", "src and dst ")
ACCESS = ("ether", "ip", "ip6", "arp", "tcp", "udp", "icmp")
PADDING = 128  # bytes: more than an expression here reads behind any header
OPERATORS = ("+", "-", "*", "&", "|", "<<", ">>", "/")


def atom(rng: Random) -> str:
    direction = rng.choice(DIRECTIONS)
    four = rng.random() < 0.6
    address = random_values.ipv4(rng) if four else random_values.ipv6(rng)
    family = rng.choice(("", "", "ip ", "arp ") if four else ("", "", "ip6 "))
    net = random_values.ipv4_net(rng) if four else random_values.ipv6_net(rng)
    return rng.choice(
        (
            rng.choice(PROTOCOLS),
            f"{family}{direction}host {address}",
            f"{family}{direction}net {net}",
            f"{family}{direction}net {random_values.short_net(rng)}" if four else f"{direction}{address}",
            f"{rng.choice(('', 'tcp ', 'udp ', 'sctp '))}{direction}port {rng.choice(pool.PORTS)}",
            f"{direction}portrange {random_values.number_range(rng, pool.PORTS)}",
            f"{rng.choice(('ip ', 'ip6 ', ''))}proto {rng.choice((1, 6, 17, 50, 58, 59, 132))}",
            f"ether proto {rng.choice(('0x0800', '0x0806', '0x86dd', '0x88cc'))}",
            f"ether {direction}host {rng.choice(pool.MACS):012x}",
            rng.choice(("broadcast", "multicast", "ip broadcast", "ip multicast", "ip6 multicast", "ether multicast")),
            rng.choice(("less 190", "greater 210", "len <= 230", "len > 182")),
            relation(rng),
            f"tcp[tcpflags] & (tcp-syn | tcp-ack) {rng.choice(('=', '!='))} tcp-syn",
        )
    )


def relation(rng: Random) -> str:
    left = f"{rng.choice(ACCESS)}[{rng.randint(0, 20)}{rng.choice(('', ':2', ':4'))}]"
    if rng.random() < 0.5:
        left = f"({left} {rng.choice(OPERATORS)} {rng.choice((1, 2, 15, 31))})"
    if rng.random() < 0.15:
        left = f"ip[(ip[0] & 0xf) * 4 + {rng.randint(0, 7)}]"
    return f"{left} {rng.choice(('=', '!=', '<', '>', '<=', '>='))} {rng.choice((0, 1, 2, 6, 64, 80, 0xFFFF))}"


def expression(rng: Random, depth: int = 2) -> str:
    kind = rng.random()
    if depth == 0 or kind < 0.3:
        return atom(rng)
    if kind < 0.45:
        return f"not ({expression(rng, depth - 1)})"
    if kind < 0.55:
        ports = [str(rng.choice(pool.PORTS)) for _ in range(3)]
        return f"(tcp {rng.choice(DIRECTIONS)}port {ports[0]} or ({ports[1]} or not {ports[2]}))"
    operator = rng.choice((" and ", " or "))
    return operator.join(f"({expression(rng, depth - 1)})" for _ in range(2))


def sound_frames(rng: Random, count: int) -> list[bytes]:
    """Frames that both read alike, padded."""
    found: list[bytes] = []
    while len(found) < count:
        frame = random_frame(rng)
        packet = decode(Frame(frame))
        if malformed(packet) or len(packet.ethertypes) > 1 or (packet.ip and packet.ip.walked):
            continue
        found.append(frame + bytes(PADDING))
    return found


def test_the_reference_and_libpcap_agree() -> None:
    rng = Random(41)
    frames = sound_frames(rng, 250)
    compared = matched = 0
    for _ in range(400):
        text = expression(rng)
        uses_transport_bytes = any(f"{name}[" in text for name in ("tcp", "udp", "icmp"))
        try:
            read = LibpcapFilter(text, pool.NETMASK)
            truth_of(text, b"", netmask=pool.NETMASK)
        except (PolicyError, ValueError):
            continue  # one of the two refuses it: `less` of a nonsense, an elision that libpcap reads otherwise
        for frame in rng.sample(frames, 40):
            if uses_transport_bytes and decode(Frame(frame)).ethertype == 0x86DD:
                continue
            truth = truth_of(text, frame, netmask=pool.NETMASK)
            assert read.matches(frame) is truth, f"{text}\n{frame.hex()}"
            compared += 1
            matched += truth
    assert compared > 8000
    assert compared / 10 < matched < compared * 9 / 10
