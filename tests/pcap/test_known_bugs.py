"""Filters that other compilers are known to get wrong, each with the frame that shows it; reference and kernel."""

from __future__ import annotations

import pytest

from ebpfc.testing.cases import build_frame
from ebpfc.testing.pcap_agreement import read_expression
from ebpfc.testing.pcap_batch import Question, ask_the_kernel
from ebpfc.testing.truth import truth_of

UDP = "ip 10.0.0.1 > 10.0.0.2 / udp 1 > 53"
TAGGED_ARP = "vlan 5 / arp 10.0.0.1 > 10.0.0.2"
IN_TUNNEL = "ip 10.0.0.1 > 10.0.0.2 / vxlan 7 / ip 10.9.0.1 > 10.9.0.2 / tcp 1 > 80"
HOP_BY_HOP = "ip6 2001:db8::1 > 2001:db8::2 / hopopts / tcp 1 > 80 flags=S"

CASES = {
    "a tag does not leak through or": ("vlan 5 or udp port 53", UDP, True),
    "a tag does not leak through or, backwards": ("(vlan and ip) or (arp and ether[12:2] = 0x806)", TAGGED_ARP, False),
    "a tag in parentheses moves nothing behind them": ("(vlan or ip) and udp", UDP, True),
    "a tunnel does not leak through or": ("vxlan 5 or udp port 4789", IN_TUNNEL, True),
    "a tunnel in parentheses moves nothing behind them": ("(vxlan 7 or arp) and src host 10.0.0.1", IN_TUNNEL, True),
    "vxlan and arp reads the inner packet": ("vxlan and arp", IN_TUNNEL, False),
    "vxlan and arp finds ARP inside": ("vxlan and arp", "ip 1.1.1.1 > 1.1.1.2 / vxlan 7 / arp 1.1.1.3 > 1.1.1.4", True),
    "a port behind hop-by-hop options": ("tcp port 80", HOP_BY_HOP, True),
    "a denied port behind hop-by-hop options": ("not tcp port 80", HOP_BY_HOP, False),
    "flags over IPv6": ("tcp[tcpflags] & tcp-syn != 0", "ip6 2001:db8::1 > 2001:db8::2 / tcp 1 > 80 flags=S", True),
    "flags over IPv6 behind hop-by-hop options": ("tcp[tcpflags] = tcp-syn", HOP_BY_HOP, True),
    "an empty vlan at the end": ("ip and vlan", "vlan 5 / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 53", True),
    "an empty vlan at the end, untagged": ("ip and vlan", UDP, False),
    "not vlan and ip, tagged": ("not vlan and ip", "vlan 5 / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 53", False),
    "not vlan and ip, untagged": ("not vlan and ip", UDP, True),
    "not vlan leaves what follows in place": ("not vlan and udp port 53", UDP, True),
    "a short tag is no way past": ("tcp dst port 22", "vlan 0 / vlan 0 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 22", True),
    "a protocol to the right of an operator": ("len + sctp[0] > 0", UDP, False),
    "a net and not the same net": ("src net 2001:db8::/48 and not src net 2001:db8::/48", HOP_BY_HOP, False),
}


@pytest.mark.parametrize("name", CASES)
def test_the_reference(name: str) -> None:
    expression, frame, matches = CASES[name]
    assert (truth_of(expression, build_frame(frame)) is True) is matches


@pytest.mark.kernel
def test_the_kernel() -> None:
    questions = [Question(text, read_expression(text), (build_frame(frame),)) for text, frame, _ in CASES.values()]
    answers = ask_the_kernel(questions)
    assert not answers.failures and answers.compared == len(CASES)
    assert answers.matched == sum(matches for *_, matches in CASES.values())
