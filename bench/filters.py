"""Twenty filters as people write them, and the packets that each is given. Out: `Filter`s.

The packets are those of which both sides must say the same: ours looks through tags, extension headers and IPv4's own
in more ways than libpcap's code does (docs/tcpdump.md), so of everyday traffic the frames that the two judge
differently are left out, filter by filter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.source import SLOT, Traffic, mixed, repeated
from bench.subjects import anyone, everyday

from ebpfc.testing.packets import arp, ether, icmp, icmp6, ip4, ip6, raw, tag, tcp, udp

Judge = Callable[[bytes], bool | None]
"""Whether a frame matches; None: the two sides differ."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`matched` are frames that the filter is true of, `missed` frames that only its last test refuses."""

    expression: str
    matched: tuple[bytes, ...]
    missed: tuple[bytes, ...]

    def traffic(self, judge: Judge) -> tuple[Traffic, ...]:
        """`match` is one packet again and again; so is `miss`; a fifth of `mix` is these, the rest everyday traffic."""
        own = (*self.matched, *self.missed)
        rest = tuple((weight, frame) for weight, frame in everyday() if judge(padded(frame)) is not None)
        return (
            repeated("match", self.matched[0]),
            repeated("miss", self.missed[0]),
            mixed(
                "mix",
                (*((20 // len(own), frame) for frame in own), *rest),
                lambda rng, frame: None if frame in own else anyone(rng, frame),
            ),
        )


def padded(frame: bytes) -> bytes:
    """As it stands in the packet source's last slot."""
    return frame.ljust(SLOT, b"\0")


def filters() -> tuple[Filter, ...]:
    web = ether(ip4(tcp(dport=80)))
    tls = ether(ip4(tcp(dport=443, flags=0x10)))
    dns = ether(ip4(udp(dport=53)))
    here, there = "192.0.2.1", "192.0.2.2"
    six = ether(ip6(tcp(dport=443)))
    group = "01:00:5e:00:00:01"
    return (
        Filter("tcp port 80", (web,), (tls,)),
        Filter("udp port 53", (dns,), (ether(ip4(udp(dport=123))),)),
        Filter("not port 22", (tls, dns), (ether(ip4(tcp(dport=22))),)),
        Filter("tcp dst portrange 8000-8080", (ether(ip4(tcp(dport=8080))),), (tls,)),
        Filter(f"host {here}", (ether(ip4(tcp(), dst=here)),), (tls,)),
        Filter("net 192.0.2.0/24", (ether(ip4(tcp(), dst=there)),), (tls,)),
        Filter(
            "src net 192.0.2.0/24 and tcp dst port 443",
            (ether(ip4(tcp(dport=443), src=here)),),
            (ether(ip4(tcp(dport=80), src=here)),),
        ),
        Filter(
            f"tcp port 80 and (host {here} or host {there})",
            (ether(ip4(tcp(dport=80), src=there)), ether(ip4(tcp(sport=80), dst=here))),
            (web,),
        ),
        Filter("udp and not port 53 and net 10.0.0.0/8", (ether(ip4(udp(dport=123))),), (dns,)),
        Filter("tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", (web,), (tls,)),
        Filter(
            "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
            (ether(ip4(tcp(b"GET / HTTP/1.1\r\n", options=bytes(12)))),),
            (ether(ip4(tcp(b"POST / HTTP/1.1\r\n", options=bytes(12)))),),
        ),
        Filter("icmp", (ether(ip4(icmp())),), (tls,)),
        Filter("icmp[icmptype] == icmp-echo", (ether(ip4(icmp())),), (ether(ip4(icmp(0))),)),
        Filter("arp", (ether(arp()),), (tls,)),
        Filter("ip6", (six, ether(ip6(icmp6()))), (tls,)),
        Filter("ip6 and tcp dst port 443", (six,), (ether(ip6(tcp(dport=80))),)),
        Filter("ip proto 47", (ether(ip4(raw(47, bytes(40)))),), (tls,)),
        Filter("ip multicast", (ether(ip4(udp(), dst="239.1.2.3"), dst=group),), (tls,)),
        Filter("ether host 02:00:00:00:00:0a", (ether(ip4(tcp()), src="02:00:00:00:00:0a"),), (tls,)),
        Filter(
            "vlan 100 and tcp port 443",
            (ether(tag(ip4(tcp(dport=443)), 100)),),
            (ether(tag(ip4(tcp(dport=80)), 100)),),
        ),
    )
