"""Frames in words: what `testing.cases` builds from them, and what it refuses."""

from __future__ import annotations

import pytest

from ebpfc.testing import encapsulated, packets
from ebpfc.testing.cases import CaseError, build_frame, parse_cases


def test_a_line_is_verdict_rule_and_frame() -> None:
    (case,) = parse_cases("# nothing\n\n  outbound drop dns   ip 10.0.0.1 > 10.0.0.9 / udp 1 > 53  # why\n")
    assert (case.line, case.direction, case.verdict, case.rule) == (3, "outbound", "drop", "dns")
    assert case.frame == packets.ether(packets.ip4(packets.udp(sport=1, dport=53), src="10.0.0.1", dst="10.0.0.9"))


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("arp 10.0.0.1 > 10.0.0.2 op=2", packets.ether(packets.arp(op=2))),
        ("eth 02:00:00:00:00:09 > ff:ff:ff:ff:ff:ff / arp 10.0.0.1 > 10.0.0.2",
         packets.ether(packets.arp(), src="02:00:00:00:00:09", dst="ff:ff:ff:ff:ff:ff")),
        ("vlan 5 pcp=3 / vlan 6 tpid=0x88a8 / ip 10.0.0.1 > 10.0.0.2 / icmp 3 1",
         packets.ether(packets.tag(packets.tag(packets.ip4(packets.icmp(3, 1)), 6, tpid=0x88A8), 5, pcp=3))),
        ("ip6 fd00::1 > fd00::2 / hopopts / fragment offset=2 more / ah / tcp 1 > 2 flags=SA",
         packets.ether(
             packets.ip6(
                 packets.extension(
                     0,
                     packets.fragment(
                         packets.authentication(packets.tcp(sport=1, dport=2, flags=0x12)), offset=2, more=True
                     ),
                 ),
                 src="fd00::1", dst="fd00::2",
             )
         )),
        ('ip 10.0.0.1 > 10.0.0.2 options=3 / udp 1 > 2 / data "hi / x"',
         packets.ether(packets.ip4(packets.udp(b"hi / x", sport=1, dport=2), options=b"\x01\x01\x01"))),
        ("ip 10.0.0.1 > 10.0.0.2 / vxlan 7 port=8472 / arp 10.0.0.1 > 10.0.0.2 / cut 60",
         packets.ether(packets.ip4(packets.vxlan(packets.ether(packets.arp()), 7, port=8472)))[:60]),
        ("ip 10.0.0.1 > 10.0.0.2 / gre 5 sequence=9 / ip 10.0.0.1 > 10.0.0.2 / gre / eth / arp 10.0.0.1 > 10.0.0.2",
         packets.ether(packets.ip4(
             encapsulated.gre(packets.ip4(encapsulated.gre(packets.ether(packets.arp()))), 5, sequence=9)))),
        ("mpls 16 17 tc=3 / ip 10.0.0.1 > 10.0.0.2 / ipip / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2",
         packets.ether(encapsulated.mpls(
             packets.ip4(encapsulated.ipip(packets.ip4(packets.tcp(sport=1, dport=2)))), 16, 17, tc=3))),
        ("pppoes 5 / ip 10.0.0.1 > 10.0.0.2 / geneve 7 options=4 / eth / vlan 5 / arp 10.0.0.1 > 10.0.0.2",
         packets.ether(encapsulated.pppoes(
             packets.ip4(encapsulated.geneve(
                 packets.ether(packets.tag(packets.arp(), 5)), 7, options=b"\x01" * 4)), 5))),
        ("ip 10.0.0.1 > 10.0.0.2 / gtp 7 sequence=1 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2",
         packets.ether(packets.ip4(encapsulated.gtp(packets.ip4(packets.tcp(sport=1, dport=2)), 7, sequence=1)))),
        ("pppoed code=7 / data 3", packets.ether(encapsulated.pppoed(bytes(3), code=7))),
    ],
)  # fmt: skip
def test_the_headers_from_the_outside_in(text: str, frame: bytes) -> None:
    assert build_frame(text) == frame


@pytest.mark.parametrize(
    "line",
    [
        "pass",
        "accept ssh ip 10.0.0.1 > 10.0.0.2",
        "pass ssh ip 10.0.0.1 > 10.0.0.256",
        "pass ssh ip 10.0.0.1",
        "pass ssh ip 10.0.0.1 > 10.0.0.2 hops=3",
        "pass ssh ip 10.0.0.1 > 10.0.0.2 / tcp http > 80",
        "pass ssh ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 flags=X",
        "pass ssh ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 / udp 1 > 2",
        "pass ssh ip 10.0.0.1 > 10.0.0.2 / / tcp 1 > 80",
        "pass ssh ipx 1 > 2",
        "pass ssh icmp 1 2 3",
        "pass ssh vlan 70000",
    ],
)
def test_what_is_no_case_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(CaseError, match=r"^line 2: "):
        parse_cases(f"# first\n{line}\n")


@pytest.mark.parametrize("kind", ["ip", "ip6", "fragment", "hopopts", "ah"])
def test_a_header_that_carries_nothing_asks_for_what_it_carries(kind: str) -> None:
    with pytest.raises(CaseError, match=rf"^line 1: write what {kind} carries: `/ data 0`"):
        parse_cases(f"pass default {kind}\n")
    assert parse_cases(f"pass default {kind} / data 0\n")


def test_a_header_that_carries_nothing_may_say_what_would_follow() -> None:
    (case,) = parse_cases("pass default ip 10.0.0.1 > 10.0.0.2 protocol=6\n")
    assert case.frame == packets.ether(packets.ip4(packets.raw(6), src="10.0.0.1", dst="10.0.0.2"))
