"""Runs of rules that are looked up, one shape each: reference and kernel decide alike, at every hook."""

from __future__ import annotations

import pytest

from ebpfc.testing.agreement import build_traced, disagreements
from ebpfc.testing.packets import arp, ether, icmp, ip4, ip6, tag, tcp, udp, vxlan


def several(rule: str, count: int, first: int) -> str:
    return "".join(rule.format(port=port) for port in range(first, first + count))


WEB, DNS, PING = tcp(dport=80), udp(dport=53), icmp()
PACKETS = [
    ether(network)
    for carried in (WEB, DNS, PING, tcp(dport=81, flags=0x10), udp(dport=7), tcp(dport=9, sport=9))
    for network in (
        ip4(carried),
        ip4(carried, src="10.0.0.2"),
        ip4(carried, src="192.0.2.7", dst="10.0.0.1"),
        ip4(carried, offset=5),
        ip4(carried, ihl=4),
        ip6(carried),
        ip6(carried, src="2001:db8:0:1::1"),
        ip6(carried, src="2001:db8::ffff:ffff"),
        tag(ip4(carried), 5),
        tag(ip6(carried), 6),
        tag(tag(ip4(carried), 7), 5),
        ip4(vxlan(ether(ip4(carried)), 5)),
        ip4(vxlan(ether(tag(ip6(carried), 9)), 6)),
    )
]
PACKETS += [
    ether(arp()),
    ether(arp(sender="10.0.0.2", op=2)),
    *(frame[:length] for frame in PACKETS for length in (33,)),
]

BY_HAND = {
    "a block with else": """\
if ip {
    drop tcp dst port 80
} else {
    pass tcp dst port 80
}
drop udp
""",
    "else of what is not known": """\
if tcp dst port 80 {
    pass tcp
} else {
    drop ip
}
pass ip6
""",
    "else of a conjunction": """\
if src net 10.0.0.0/24 and (tcp dst port {80-90} or udp) {
    drop ip
} else {
    pass tcp
    drop udp
}
drop icmp
""",
    "else of a negation": """\
if not tcp dst port 80 {
    drop tcp
} else {
    pass ip
}
pass ip6
""",
    "else if": """\
if vlan 5 {
    drop udp
} else if vlan {
    pass tcp
    drop udp
} else if ip {
    drop tcp dst port 80
} else {
    pass arp
}
drop ip6
""",
    "blocks in blocks": """\
if ip {
    if src host 10.0.0.1 {
        if tcp {
            drop dst port 80
        } else {
            pass icmp
        }
    } else {
        drop tcp
    }
    pass udp
} else {
    if ip6 {
        drop src net 2001:db8::/64
    } else {
        pass arp
    }
}
drop ip6
""",
    "a block that never holds": """\
if tcp and udp {
    drop ip
} else {
    pass tcp
    drop ip
}
pass ip6
""",
    "a block without rules that hold": """\
if ip {
    drop ip6
}
pass tcp
drop udp
""",
    "a tunnel with else": """\
if vxlan 5 {
    drop tcp dst port 80
    pass udp
} else {
    drop udp
    pass tcp
}
pass icmp
""",
    "inside beside outside": """\
drop vxlan and tcp dst port 80
pass tcp dst port 80
drop vxlan and ip6 and src net 2001:db8::/32
drop src net 2001:db8::/32
pass vxlan {5, 7-9} and vlan
drop vlan 5
""",
    "rules that always hold": """\
drop tcp dst port 81
pass ip
pass ip
drop ip or not ip
drop udp
pass
""",
    "rules that never hold": """\
drop tcp and udp
pass ip and ip6
drop tcp and udp
pass tcp dst port 80 and udp
pass ip6
drop udp
""",
    "one rule that can hold": """\
drop tcp and udp
pass ip and ip6
if ip {
    drop ip6
    pass arp
}
pass udp dst port 53
drop tcp dst port 80
""",
    "duplicates": """\
drop tcp dst port 80
pass tcp dst port 80
drop tcp dst port 80
pass udp
drop udp
""",
    "nothing but a counter between": """\
drop tcp dst port 80
count "x" ip
count "y" tcp
pass tcp
drop udp
""",
    "counters at the ends": """\
count "x" ip
count "y" ip6
drop tcp dst port 80
pass udp
count "x" ip
""",
    "payload between": """\
drop tcp dst port 81
pass ip and ip[20 + ip[0] - ip[0]] == 0x9c
drop udp
pass tcp
""",
    "families together": """\
let both = {10.0.0.0/31, 2001:db8::/64}
drop src net both and tcp
pass dst net both and udp
drop src net {192.0.2.0-192.0.2.7, 2001:db8::ffff:fff0-2001:db8::1:0:0}
""",
    "malformed": "drop malformed\npass tcp dst port 80\ndrop ip\n",
    "ports of either kind": "drop port {80-81, 9}\npass src port 40000 and dst portrange 50-60\ndrop dst port 7\n",
    "flags": "drop tcp flags S/SA\npass tcp flags A/SA\ndrop ip.ttl == 64\n",
}
IN_A_ROW = {
    "counters": several('count "p{port}" dst port {port}\n', 50, 40) + "drop udp\npass ip\n",
    "counters among others": several('count "p{port}" dst port {port}\npass tcp dst port {port}\n', 14, 70)
    + "drop udp\n",
    "far bytes": several("drop dst port {port} and ip[20 + ip[0] - ip[0]] == 0x9c\npass udp\n", 8, 75) + "pass ip\n",
    "far bytes among others": several("drop ip[20 + ip[0] - ip[0]] == {port} and tcp\npass port {port}\n", 14, 70)
    + "drop ip\n",
}


@pytest.mark.kernel
@pytest.mark.usefixtures("every_run")
@pytest.mark.parametrize("text", [*BY_HAND.values(), *IN_A_ROW.values()], ids=[*BY_HAND, *IN_A_ROW])
def test_reference_and_kernel_agree(text: str) -> None:
    compiled, built = build_traced(f"hook xdp, tc ingress, tc egress\n{text}")
    assert "GLOBAL int classify_" in compiled.c_text
    found = disagreements(compiled.policy, built, PACKETS)
    assert not found, str(found[0])
