"""Frames cut at every byte: what a missing byte makes unknown, and what is false or true without it."""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.testing.cases import build_frame
from ebpfc.testing.encapsulated import geneve, mpls, pppoed, pppoes
from ebpfc.testing.packets import arp, authentication, ether, extension, ip4, ip6, raw, tag, tcp, udp
from ebpfc.testing.pcap_agreement import compare, read_by_libpcap, read_expression
from ebpfc.testing.pcap_frames import aimed_frames

EXPRESSIONS = (
    "tcp dst port 80",
    "port 53 or src host 10.0.0.1",
    "not udp port 53",
    "ether src and dst host 02:00:00:00:00:01",
    "host 10.0.0.1 or 2001:db8::1",
    "net 2001:db8::/32",
    "arp dst host 10.0.0.2",
    "ip6 proto 44 or icmp6",
    "icmp6[icmp6type] = icmp6-echo",
    "tcp[tcpflags] & (tcp-syn | tcp-ack) = tcp-syn",
    "ip[8] < 65 and not ip[6:2] & 0x1fff != 0",
    "ip[(ip[0] & 0xf) << 2:2] = 1",
    "sctp portrange 22-80 or ip broadcast",
    "vlan 5 and tcp port 80",
    "not vlan and ip",
    "vlan and vlan 7 or ether proto \\arp",
    "ether multicast or ip6 multicast",
    "len = 50 or tcp",
    "ip protochain 17 or ip6 protochain 6",
    "stp or pppoed",
    "mpls 16 and tcp dst port 80",
    "mpls and mpls 100 and not ip6",
    "pppoes 7 and host 10.0.0.1",
    "not pppoes or ip6",
    "geneve 5001 and udp port 53",
    "vlan 5 and geneve and vlan 7 and arp",
    "udp or (geneve and ether dst 02:00:00:00:00:02 and len > 60)",
)
TCP, UDP = ip4(tcp(dport=80)), ip4(udp(dport=53))
ENCAPSULATED = (
    ether(mpls(TCP, 16)),
    ether(tag(mpls(ip6(tcp(dport=80)), 16, 100), 5)),
    ether(mpls(UDP, 3, 100)),
    ether(mpls(TCP, 16, 100, 3, bottom=9)),
    ether(pppoes(TCP, 7)),
    ether(pppoes(ip6(udp()), 7)),
    ether(pppoed(bytes(4))),
    ether(ip4(geneve(ether(UDP), 5001, options=bytes(8)))),
    ether(ip6(extension(0, geneve(UDP, 5001)))),
    ether(tag(ip6(geneve(ether(tag(arp(), 7)), 1)), 5)),
    ether(ip4(authentication(udp()))),
    ether(raw(38, b"\x42\x42\x03" + bytes(35))),
)
FRAMES = (
    "ip 10.0.0.1 > 10.0.0.2 options=4 / tcp 1 > 80 flags=S",
    "ip 10.0.0.1 > 10.255.255.255 / udp 53 > 53 / data 4",
    "ip 10.0.0.1 > 10.0.0.2 offset=1 / data 20",
    "ip6 2001:db8::1 > ff02::1 / hopopts / dstopts / tcp 1 > 80 flags=SA",
    "ip6 2001:db8::1 > 2001:db8::2 / fragment more / icmp6 128",
    "ip6 2001:db8::1 > 2001:db8::2 / fragment offset=3 / udp 1 > 53",
    "ip6 2001:db8::1 > 2001:db8::2 / ah / sctp 22 > 5",
    "vlan 5 / ip 10.0.0.1 > 10.0.0.2 / tcp 80 > 80",
    "vlan 5 / vlan 7 / arp 10.0.0.1 > 10.0.0.2",
    "vlan 5 / vlan 7 / vlan 9 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80",
    "arp 10.0.0.1 > 10.0.0.2",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_cut(expression: str) -> None:
    match, theirs = read_expression(expression), read_by_libpcap(expression)
    whole = [*map(build_frame, FRAMES), *ENCAPSULATED, *aimed_frames(Random(5), match, 8)]
    tally = compare(expression, match, theirs, [frame[:end] for frame in whole for end in range(len(frame) + 1)])
    assert not tally.failures, "\n".join(tally.failures[:5])
    assert tally.compared > 600 and tally.matched and not tally.unjudged
