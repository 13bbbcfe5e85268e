"""What is compared: the six policies, the C by hand beside each, and the packets that they are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.objects import BENCH, read_prefixes
from bench.source import SOURCE_ADDRESS, Patch, Traffic, mixed, repeated

from ebpfc.testing import packets
from ebpfc.testing.packets import arp, ether, extension, icmp, icmp6, ip4, ip6, tag, tcp, udp, vxlan

Weighted = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One policy. `by_hand` are the ways in which an expert may write it (names to define), the fastest of which
    counts; `match` are packets that its rules decide, `mix` those among everyday traffic."""

    name: str
    words: str
    match: Traffic
    mix: Traffic
    by_hand: tuple[tuple[str, ...], ...] = ((),)
    policy_file: Path | None = None

    @property
    def policy(self) -> Path:
        return self.policy_file or BENCH / "policies" / f"{self.name}.pf"


def cases() -> tuple[Case, ...]:
    last = _tuple_frame(9)
    web = ether(ip4(tcp(dport=443, flags=0x10)))
    source = ether(ip4(tcp(), src="192.0.2.1"))
    shell = ether(tag(ip4(tcp(dport=22)), 100))
    inner = ether(ip4(vxlan(ether(ip4(tcp(dport=80))), 10)))
    return (
        Case("source", "one source dropped", repeated("match", source), _mix((source,), anyone)),
        Case(
            "prefixes",
            "a set of 100 prefixes",
            mixed("match", ((1, source),), _listed),
            _mix((source,), _listed_or_anyone),
            by_hand=((), ("HASH",), ("LPM",), ("LINEAR",)),
        ),
        Case(
            "five_tuples",
            "10 five-tuple rules",
            repeated("match", last),
            _mix(tuple(_tuple_frame(n) for n in (0, 3, 6, 9)), _strangers),
        ),
        Case("vlan", "VLAN 100 and TCP port 22", repeated("match", shell), _mix((shell,), anyone)),
        Case("vxlan", "VXLAN 10 and inner TCP port 80", repeated("match", inner), _mix((inner,), anyone)),
        Case(
            "edge",
            "the example",
            repeated("match", web),
            _mix((web,), anyone),
            policy_file=BENCH.parent / "examples" / "edge.pf",
        ),
    )


_TUPLE_PORTS = (80, 443, 22, 25, 8080, 3306, 5432, 6379, 8443, 11211)


def _tuple_frame(n: int) -> bytes:
    """A packet of rule n of five_tuples.pf."""
    segment = tcp(sport=1024 + 613 * n, dport=_TUPLE_PORTS[n])
    return ether(ip4(segment, src=f"172.16.{25 * n}.{7 * n + 1}", dst=f"198.51.100.{11 * n + 10}"))


def everyday() -> Weighted:
    """What a server's link carries, in parts of a hundred; every header that the language looks through is in it."""
    return (
        (22, ether(ip4(tcp(dport=443, flags=0x10)))),
        (10, ether(ip4(tcp(dport=80)))),
        (6, ether(ip4(tcp(sport=443, dport=40000, flags=0x10)))),
        (12, ether(ip4(udp(dport=53)))),
        (10, ether(ip6(tcp(dport=443, flags=0x10)))),
        (4, ether(ip6(udp(dport=443)))),
        (2, ether(ip6(extension(0, icmp6(143))))),
        (3, ether(ip4(icmp()))),
        (2, ether(arp())),
        (1, ether(ip4(tcp(dport=443), options=bytes(8)))),
        (2, ether(tag(ip4(tcp(dport=443)), 100))),
        (1, ether(tag(tag(ip4(tcp(dport=443)), 20), 10, tpid=0x88A8))),
        (5, ether(ip4(vxlan(ether(ip4(tcp(dport=443))), 5001)))),
    )


def _mix(matched: tuple[bytes, ...], patch: object) -> Traffic:
    """Everyday traffic, and as a fifth of all what the policy decides."""
    share = 20 // len(matched)
    return mixed("mix", (*((share, frame) for frame in matched), *everyday()), patch)  # type: ignore[arg-type]


def _is_plain(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00"


def anyone(rng: Random, frame: bytes) -> Patch | None:
    """Any source, but for the frames that a rule names by theirs."""
    if not _is_plain(frame) or frame[26:30] == packets.ipv4("192.0.2.1"):
        return None
    return SOURCE_ADDRESS, rng.randrange(0x01000000, 0xE0000000).to_bytes(4, "big")


def _strangers(rng: Random, frame: bytes) -> Patch | None:
    """Any source, but for those of 172.16.0.0/16, which the rules name."""
    return None if frame[26:28] == b"\xac\x10" else anyone(rng, frame)


def _listed(rng: Random, _frame: bytes) -> Patch:
    """A source of one of the hundred prefixes."""
    network = rng.choice(_PREFIXES)
    return SOURCE_ADDRESS, (int(network.network_address) + rng.randrange(network.num_addresses)).to_bytes(4, "big")


def _listed_or_anyone(rng: Random, frame: bytes) -> Patch | None:
    return _listed(rng, frame) if frame[26:30] == packets.ipv4("192.0.2.1") else anyone(rng, frame)


_PREFIXES = read_prefixes()
