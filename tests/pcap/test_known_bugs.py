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
IN_GENEVE = "ip 10.0.0.1 > 10.0.0.2 / geneve 7 / eth / ip 10.9.0.1 > 10.9.0.2 / tcp 1 > 80"
TAGGED_GENEVE = f"vlan 5 / {IN_GENEVE}"
TAGGED_INSIDE = "ip 10.0.0.1 > 10.0.0.2 / geneve 7 / eth / vlan 9 / ip 10.9.0.1 > 10.9.0.2 / tcp 1 > 80"
IN_MPLS = "mpls 16 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80"
IN_STACK = "mpls 16 17 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80"
IN_PPPOE = "pppoes 7 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80"
TCP = "ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80"
HOP_BY_HOP = "ip6 2001:db8::1 > 2001:db8::2 / hopopts / tcp 1 > 80 flags=S"

CASES = {
    "a tag does not leak through or": ("vlan 5 or udp port 53", UDP, True),
    "a tag does not leak through or, backwards": ("(vlan and ip) or (arp and ether[12:2] = 0x806)", TAGGED_ARP, False),
    "a tag in parentheses moves nothing behind them": ("(vlan or ip) and udp", UDP, True),
    "a tunnel does not leak through or": ("vxlan 5 or udp port 4789", IN_TUNNEL, True),
    "a tunnel in parentheses moves nothing behind them": ("(vxlan 7 or arp) and src host 10.0.0.1", IN_TUNNEL, True),
    "vxlan and arp reads the inner packet": ("vxlan and arp", IN_TUNNEL, False),
    "vxlan and arp finds ARP inside": ("vxlan and arp", "ip 1.1.1.1 > 1.1.1.2 / vxlan 7 / arp 1.1.1.3 > 1.1.1.4", True),
    "Geneve behind a tag": ("geneve 7 and tcp port 80", TAGGED_GENEVE, True),
    "Geneve behind a tag that is asked for": ("vlan 5 and geneve 7 and tcp port 80", TAGGED_GENEVE, True),
    "Geneve behind a tag, another network": ("geneve 8", TAGGED_GENEVE, False),
    "Geneve behind a tag, its own addresses": ("geneve and src host 10.0.0.1", TAGGED_GENEVE, False),
    "a tag inside Geneve": ("geneve and vlan 9 and tcp port 80", TAGGED_INSIDE, True),
    "a tag inside Geneve is not the frame's": ("vlan 9 and tcp port 80", TAGGED_INSIDE, False),
    "Geneve behind hop-by-hop options": (
        "geneve 7 and ip6",
        "ip6 2001:db8::1 > 2001:db8::2 / hopopts / geneve 7 / ip6 2001:db8::3 > 2001:db8::4 / udp 1 > 2",
        True,
    ),
    "Geneve does not leak through or": ("geneve 8 or udp port 6081", IN_GENEVE, True),
    "Geneve in parentheses moves nothing behind them": ("(geneve 7 or arp) and src host 10.0.0.1", IN_GENEVE, True),
    "not geneve leaves what follows in place": ("not geneve and udp port 53", UDP, True),
    "an empty geneve at the end": ("udp and geneve", IN_GENEVE, True),
    "an empty geneve at the end, on plain UDP": ("udp and geneve", UDP, False),
    "a label does not leak through or": ("mpls 5 or tcp port 80", TCP, True),
    "a label in parentheses moves nothing behind them": ("(mpls 5 or ip) and tcp port 80", TCP, True),
    "not mpls leaves what follows in place": ("not mpls and tcp port 80", TCP, True),
    "a label behind a tag": ("mpls 16 and tcp port 80", f"vlan 5 / {IN_MPLS}", True),
    "ip behind two labels": ("mpls 16 and ip", IN_STACK, True),
    "the second label": ("mpls 16 and mpls 17 and tcp port 80", IN_STACK, True),
    "the second label is not the first": ("mpls 17", IN_STACK, False),
    "a session does not leak through or": ("pppoes 5 or tcp port 80", TCP, True),
    "a session in parentheses moves nothing behind them": ("(pppoes 5 or ip) and tcp port 80", TCP, True),
    "not pppoes leaves what follows in place": ("not pppoes and tcp port 80", TCP, True),
    "a session behind a tag": ("pppoes 7 and host 10.0.0.2", f"vlan 5 / {IN_PPPOE}", True),
    "discovery opens nothing": ("not pppoed and tcp port 80", TCP, True),
    "a chain of two authentication headers ends": (
        "ip protochain 17",
        "ip 10.0.0.1 > 10.0.0.2 / ah size=20 / ah size=20 / udp 1 > 53",
        False,
    ),
    "a protocol behind one authentication header": (
        "ip protochain 17",
        "ip 10.0.0.1 > 10.0.0.2 / ah / udp 1 > 53",
        True,
    ),
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
