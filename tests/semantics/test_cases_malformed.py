"""What `malformed` is true of, and, beside each, the nearest packet that it is false of (ADR 0001, rule 22)."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import (
    arp,
    authentication,
    ether,
    extension,
    extensions,
    fragment,
    icmp,
    icmp6,
    ip4,
    ip6,
    raw,
    sctp,
    tag,
    tcp,
    udp,
    vxlan,
    vxlan_header,
)
from ebpfc.testing.semantics import Frame
from ebpfc.testing.truth import truth_of

SOUND = {
    "Ethernet alone": ether(raw(0x88CC)),
    "LLC": ether(raw(38, bytes(38))),
    "two tags": ether(tag(tag(raw(0x88CC)))),
    "ARP": ether(arp()),
    "ARP of short addresses": ether(arp(hlen=1, plen=1)),
    "IPv4 with all options": ether(ip4(tcp(), options=bytes(40))),
    "padding after the IP length": ether(ip4(udp())) + bytes(18),
    "IPv4 of no data": ether(ip4(raw(253))),
    "IPv6 of no next header": ether(ip6(raw(59))),
    "eight extension headers": ether(ip6(extensions(8, tcp()))),
    "AH of 12 bytes": ether(ip6(authentication(tcp(), size=12))),
    "a jumbogram's length of 0": ether(ip6(extension(0, tcp()), payload=0)),
    "TCP with options": ether(ip4(tcp(options=bytes(40)))),
    "UDP of no data": ether(ip4(udp())),
    "UDP shorter than its packet": ether(ip4(udp(bytes(9), length=8))),
    "the last fragment that fits": ether(ip4(raw(17, bytes(7)), offset=8191)),
    "the same of IPv6": ether(ip6(fragment(raw(17, bytes(7)), offset=8191))),
    "a later fragment has no transport header": ether(ip4(raw(6, bytes(8)), offset=1)),
    "a first fragment with its UDP header, whose length is the whole datagram's": ether(
        ip4(udp(bytes(8), length=1000), more=True)
    ),
    "UDP to 4789 without the I bit": ether(ip4(udp(b"\x00", dport=4789))),
    "a VXLAN header and no more": ether(ip4(udp(vxlan_header(1), dport=4789))),
    "a whole tunnel": ether(ip4(vxlan(ether(ip4(tcp()))))),
    "a later fragment that names an extension header": ether(ip6(fragment(extension(60, raw(59)), offset=1))),
    "protocol 58 over IPv4 is not ICMPv6": ether(ip4(raw(58))),
    "protocol 1 over IPv6 is not ICMP": ether(ip6(raw(1))),
}

BROKEN = {
    "no bytes at all": b"",
    "13 bytes": bytes(13),
    "a tag cut short": ether(tag(raw(0x88CC)))[:17],
    "a second tag cut short": ether(tag(tag(raw(0x88CC))))[:21],
    "a third tag": ether(tag(tag(tag(raw(0x88CC))))),
    "ARP of 7 bytes": ether(arp())[:21],
    "ARP of 27 bytes": ether(arp())[:41],
    "ARP whose addresses are longer than it": ether(arp(hlen=7)),
    "RARP too": ether(arp(ethertype=0x8035, plen=16)),
    "IPv4 of 19 bytes": ether(ip4(raw(253)))[:33],
    "IPv4's version 5": ether(ip4(tcp(), version=5)),
    "IHL 4": ether(ip4(tcp(), ihl=4)),
    "IPv4 options cut short": ether(ip4(raw(253), ihl=6, total=24)),
    "IPv4's total length under the header": ether(ip4(raw(253), options=bytes(4), total=20)),
    "IPv4's total length over the frame": ether(ip4(raw(253), total=21)),
    "IPv6 of 39 bytes": ether(ip6(raw(59)))[:53],
    "IPv6's version 4": ether(ip6(tcp(), version=4)),
    "IPv6's payload length over the frame": ether(ip6(raw(59), payload=1)),
    "nine extension headers": ether(ip6(extensions(9, tcp()))),
    "an extension header over the frame": ether(ip6(extension(60, raw(59), counted=1))),
    "an extension header over the IP end": ether(ip6(extension(60, raw(59)), payload=7)) + b"\x00",
    "an extension header behind the IP end": ether(ip6(extension(60, raw(59)), payload=0)),
    "AH over the frame": ether(ip6(authentication(raw(59), size=12, counted=2))),
    "a fragment header cut short": ether(ip6(fragment(raw(59)), payload=7))[:61],
    "a fragment that ends after 65,535": ether(ip4(raw(17, bytes(8)), offset=8191)),
    "the same of IPv6": ether(ip6(fragment(raw(17, bytes(8)), offset=8191))),
    "TCP of 19 bytes": ether(ip4(raw(6, tcp().data[:19]))),
    "TCP behind the IP end": ether(ip4(tcp(), total=39)),
    "TCP's data offset 4": ether(ip4(tcp(doff=4))),
    "TCP's data offset past the end": ether(ip4(tcp(doff=6))),
    "UDP of 7 bytes": ether(ip4(raw(17, bytes(7)))),
    "UDP's length 7": ether(ip4(udp(length=7))),
    "UDP's length over the IP end": ether(ip4(udp(length=9))) + b"\x00",
    "UDP's length over the IP end by 256": ether(ip4(udp(length=264))),
    "UDP's length 7 in a first fragment": ether(ip4(udp(length=7), more=True)),
    "a first fragment without its whole UDP header": ether(ip4(raw(17, bytes(7)), more=True)),
    "a first fragment without its whole TCP header": ether(ip6(fragment(raw(6, bytes(16)), more=True))),
    "SCTP of 11 bytes": ether(ip4(raw(132, sctp().data[:11]))),
    "ICMP of 7 bytes": ether(ip4(raw(1, icmp().data[:7]))),
    "ICMPv6 of 7 bytes": ether(ip6(raw(58, icmp6().data[:7]))),
    "UDP to 4789 of no data": ether(ip4(udp(dport=4789))),
    "VXLAN's flags behind the IP end": ether(ip4(udp(dport=4789))) + b"\x08",
    "VXLAN of 7 bytes": ether(ip4(udp(vxlan_header(1)[:7], dport=4789))),
}


@pytest.mark.parametrize("frame", [pytest.param(frame, id=name) for name, frame in SOUND.items()])
def test_sound(frame: bytes) -> None:
    assert truth_of("malformed", frame) is False


@pytest.mark.parametrize("frame", [pytest.param(frame, id=name) for name, frame in BROKEN.items()])
def test_broken(frame: bytes) -> None:
    assert truth_of("malformed", frame) is True


@pytest.mark.parametrize("frame", [pytest.param(frame, id=name) for name, frame in BROKEN.items()])
def test_of_the_open_packet_alone(frame: bytes) -> None:
    """A broken packet in a sound tunnel: `malformed` says so inside, and outside only of what is outside."""
    tunnel = ether(ip4(vxlan(frame)))
    assert truth_of("vxlan and malformed", tunnel) is True
    assert truth_of("malformed", tunnel) is False
    assert truth_of("vxlan and outer malformed", tunnel) is False


@pytest.mark.parametrize(
    "frame",
    [
        ether(ip4(tcp(), total=1000)),
        ether(ip6(tcp(), payload=1000)),
        ether(ip4(udp(length=1000))),
        ether(ip4(tcp(), total=20)),
    ],
)
def test_merged_segments_excuse_what_their_lengths_say(frame: bytes) -> None:
    assert truth_of("malformed", frame) is True
    assert truth_of("malformed", Frame(frame, merged=True)) is False


def test_merged_segments_excuse_nothing_else() -> None:
    for frame in (ether(ip4(tcp(doff=6))), ether(ip4(tcp(), ihl=4)), ether(ip4(udp(length=7)))):
        assert truth_of("malformed", Frame(frame, merged=True)) is True


def test_a_header_beyond_the_parsers_reach_is_cut_short() -> None:
    """RFC 8200's longest extension headers, 2048 bytes each: the eighth ends at byte 54 + 8 × 2048 = 16438."""
    frame = ether(ip6(extensions(8, tcp(), size=2048)))
    assert truth_of("malformed", frame) is True
    assert truth_of("tcp", frame) is True
    assert truth_of("tcp port 80", frame) is None
