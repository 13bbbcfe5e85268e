"""Each kind of test alone in a policy, bare and negated: the kernel tells true, false, unknown as the reference does.

A policy of many tests asks for nearly every fact of a packet; one test alone shows whether its own plan asks for all
that its negation needs.
"""

from __future__ import annotations

import pytest

from ebpfc.testing.agreement import build_traced, disagreements
from ebpfc.testing.packets import arp, authentication, ether, extension, fragment, ip4, ip6, tag, tcp, udp, vxlan
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
)


@pytest.mark.kernel
@pytest.mark.parametrize("test", TESTS)
def test_alone(test: str) -> None:
    text = f"pass {test}\ndrop not ({test})\n"
    policy, sink = checked_policy(text)
    assert policy is not None, sink.items
    assert not disagreements(policy, build_traced(text)[1], FRAMES)
