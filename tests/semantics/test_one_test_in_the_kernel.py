"""Each kind of test alone in a policy, bare and negated: the kernel tells true, false, unknown as the reference does.

A policy of many tests asks for nearly every fact of a packet; one test alone shows whether its own plan asks for all
that its negation needs.
"""

from __future__ import annotations

import pytest

from ebpfc.testing.agreement import build_traced, disagreements
from ebpfc.testing.encapsulated import geneve, gre, gtp, ipip, mpls, pppoed, pppoes
from ebpfc.testing.packets import arp, authentication, ether, extension, fragment, ip4, ip6, raw, tag, tcp, udp, vxlan
from ebpfc.testing.random_policies import checked_policy

WHOLE = (
    ether(arp()),
    ether(ip4(tcp(dport=80), options=bytes(8))),
    ether(ip4(udp(dport=53), more=True)),
    ether(ip4(tcp(dport=80), ihl=4)),
    ether(tag(tag(ip4(tcp(dport=80), offset=1), 7), 5)),
    ether(ip6(tcp(dport=80))),
    ether(ip6(tcp(dport=80), version=4)),
    ether(ip6(extension(0, authentication(fragment(tcp(dport=80), more=True))))),
    ether(ip6(extension(60, fragment(extension(43, udp(dport=53)), offset=1)))),
    ether(ip4(vxlan(ether(tag(ip6(extension(0, tcp(dport=80))), 9)), 5))),
    ether(ip4(geneve(ether(tag(ip4(tcp(dport=80)), 9)), 5, options=bytes(4)))),
    ether(tag(ip6(gre(ip4(tcp(dport=80)), 5)), 4)),
    ether(ip4(gtp(ip6(tcp(dport=80)), 5, extensions=((0x85, bytes(2)),)))),
    ether(ip4(ipip(ip4(gre(ether(ip6(tcp(dport=80)))))))),
    ether(mpls(ip4(ipip(ip6(tcp(dport=80)))), 5, 6, 7)),
    ether(pppoes(ip6(tcp(dport=80)), 5)),
    ether(pppoed()),
    ether(raw(38, b"\x42\x42\x03")),
    ether(ip4(authentication(tcp()))),
)
FRAMES = [frame[:length] for frame in WHOLE for length in range(14, len(frame) + 1)]
TESTS = (
    "ip6 proto 0",
    "ip6 proto 6",
    "ip proto 6",
    "proto 51",
    "ah",
    "tcp",
    "icmp6",
    "tcp port 80",
    "fragment",
    "last fragment",
    "malformed",
    "vlan 5",
    "src host 10.0.0.1",
    "ip6.daddr == 2001:db8::2",
    "ether proto 0x86dd",
    "vxlan 5",
    "vxlan and ip6 proto 0",
    "vxlan and vlan 9 and tcp port 80",
    "geneve 5",
    "geneve and vlan 9 and tcp port 80",
    "gre",
    "gre 5",
    "gre.key = 5",
    "gre and ip",
    "gre and ether multicast",
    "gtp and ip6",
    "gtp 5 and malformed",
    "ipip",
    "ipip and ip",
    "ipip and gre and malformed",
    "mpls 5 and mpls 6",
    "mpls and not mpls 5",
    "mpls and ipip and tcp port 80",
    "pppoes 5 and ip6",
    "pppoed",
    "stp",
    "protochain 6",
)


@pytest.mark.kernel
@pytest.mark.parametrize("test", TESTS)
def test_alone(test: str) -> None:
    text = f"pass {test}\ndrop not ({test})\n"
    policy, sink = checked_policy(text)
    assert policy is not None, sink.items
    assert not disagreements(policy, build_traced(text)[1], FRAMES)
