"""Arithmetic and relations: what is known, what is false, what wraps (ADR 0001, rule 21; LANGUAGE section 2)."""

from __future__ import annotations

import pytest

from ebpfc.testing.packets import ether, icmp, icmp6, ip4, ip6, sctp, tag, tcp, udp, vxlan
from ebpfc.testing.semantics import Frame, Truth
from ebpfc.testing.truth import truth_of

TCP4 = ether(ip4(tcp(dport=80, flags=0x12), ttl=5, tos=46 << 2 | 1))
UDP6 = ether(ip6(udp(b"\x00\x01\x02\x03", dport=53), flow=0xABCDE, traffic_class=46 << 2 | 2))

CASES: tuple[tuple[bytes, str, Truth], ...] = (
    # arithmetic is unsigned 32 bit and wraps
    (TCP4, "ip[8] - 6 = 0xffffffff", True),
    (TCP4, "- ip[8] = 4294967291", True),
    (TCP4, "ip[8] * 0x80000000 = 0x80000000", True),
    (TCP4, "0 - 1 > ip[8]", True),
    (TCP4, "ip[8] + 0xffffffff = 4", True),
    (TCP4, "(ip[8] ^ 0xff) = 250", True),
    (TCP4, "(ip[8] % 3) = 2", True),
    (TCP4, "ip[8] / 2 = 2", True),
    (TCP4, "ip[8] & 4 | 8 = 12", True),
    (TCP4, "ip[8] << 4 = 80", True),
    (TCP4, "ip[8] + 2 * 3 = 11", True),
    # shifts by 32 or more give 0
    (TCP4, "ip[8] << ip[9] + 26 = 0", True),
    (TCP4, "ip[0:4] >> ip[9] + 26 = 0", True),
    (TCP4, "ip[8] >> ip[9] = 0", True),
    # division by zero is unknown, also under a product with 0 and under `not`
    (TCP4, "ip[8] / ip[7] = 0", None),
    (TCP4, "(ip[8] % ip[7]) = 0", None),
    (TCP4, "not ip[8] / ip[7] = 0", None),
    (TCP4, "ip[8] / ip[7] * 0 = 0", None),
    # a byte that is not there is unknown, a protocol that is not there false, and false wins
    (TCP4, "ip[60] = 0", None),
    (TCP4, "not ip[60] = 0", None),
    (TCP4, "udp[0] = 0", False),
    (TCP4, "not udp[0] = 0", True),
    (TCP4, "udp[0] != 0", False),
    (TCP4, "ip[60] = udp[0]", False),
    (TCP4, "ip[8] / ip[7] = udp[0]", False),
    (TCP4, "tcp[0] * 0 = udp[0] * 0", False),
    (TCP4, "ip6[0] * 0 = 0", False),
    (TCP4, "vlan.id = 0", False),
    (TCP4, "vxlan.vni = 0", False),
    (TCP4, "tcp[udp[0]] = 0", False),
    (TCP4, "len = 54", True),
    (TCP4, "meta.length = len", True),
    # offsets from the packet, and those that wrap
    (TCP4, "ip[(ip[0] & 0xf) * 4 + 2 : 2] = 80", True),
    (TCP4, "tcp[ip[8] - 3 : 2] = 80", True),
    (TCP4, "ip[ip[8] - 6] = 0", None),
    (TCP4, "ether[ip[8] + 0xffffffff] = 0", True),
    (TCP4, "ether[16383] = 0", None),
    (TCP4, "ether[0xffffffff] = 0", None),
    # named fields are bits of their bytes
    (TCP4, "ip.version == 4", True),
    (TCP4, "ip.hdrlength == 5", True),
    (TCP4, "ip.dscp == ef", True),
    (TCP4, "ip.ecn == 1", True),
    (TCP4, "ip.protocol == tcp", True),
    (TCP4, "ip.ttl < 5", False),
    (TCP4, "ip.ttl <= 5", True),
    (TCP4, "tcp.doff = 5", True),
    (TCP4, "tcp.flags in {0x02, 0x12}", True),
    (TCP4, "tcp.dport == http", True),
    (TCP4, "ip.daddr == 10.0.0.2", True),
    (TCP4, "ip.daddr > 10.0.0.1", True),
    (TCP4, "ip.daddr in {10.0.0.0-10.0.0.1, 10.0.0.4/30}", False),
    (TCP4, "ether.daddr == 02:00:00:00:00:02", True),
    (TCP4, "ether.daddr != 02:00:00:00:00:02", False),
    (UDP6, "ip6.flowlabel == 0xabcde", True),
    (UDP6, "ip6.dscp == ef", True),
    (UDP6, "ip6.ecn == 2", True),
    (UDP6, "ip6.daddr in {2001:db8::/32}", True),
    (UDP6, "ip6.daddr != 2001:db8::2", False),
    (UDP6, "udp[8:4] = 0x00010203", True),
    (UDP6, "udp.length - 8 = 4", True),
    (UDP6, "icmp6[0] = 0", False),
    (ether(ip4(icmp(8))), "icmp[icmptype] = icmp-echo", True),
    (ether(ip4(icmp(8))), "icmp.type == echo-request", True),
    (ether(ip4(icmp(5, rest=0x0A000001))), "icmp.gateway == 10.0.0.1", True),
    (ether(ip6(icmp6(135))), "icmp6[icmp6type] in {2, 133-137}", True),
    (ether(ip6(icmp6(2, rest=1280))), "icmp6.mtu < 1281", True),
    (ether(ip4(sctp(vtag=7))), "sctp.vtag == 7", True),
    (ether(tag(ip4(tcp()), 5, pcp=6, dei=1)), "vlan.pcp = 6", True),
    (ether(tag(ip4(tcp()), 5, pcp=6, dei=1)), "vlan.dei = 1", True),
    (ether(tag(ip4(tcp()), 5, pcp=6, dei=1)), "vlan.id = 5", True),
    # in an open packet accessors and fields are the inner ones, with `outer` the frame's
    (ether(ip4(vxlan(TCP4))), "vxlan and ip[8] = 5", True),
    (ether(ip4(vxlan(TCP4))), "vxlan and outer ip[8] = 64", True),
    (ether(ip4(vxlan(TCP4))), "vxlan and ip[8] + outer ip.ttl = 69", True),
    (ether(ip4(vxlan(TCP4))), "vxlan and udp[0] = 0", False),
    (ether(ip4(vxlan(TCP4))), "vxlan and outer udp.dport = 4789", True),
)


@pytest.mark.parametrize(("frame", "expression", "expected"), CASES)
def test_truth(frame: bytes, expression: str, expected: Truth) -> None:
    assert truth_of(expression, frame) is expected


def test_packet_mark_and_interface_come_from_the_hook() -> None:
    frame = Frame(TCP4, ifindex=7)
    assert truth_of("ifindex 7", frame) is True
    assert truth_of("ifindex in {1-6}", frame) is False


def test_broadcast_needs_the_netmask() -> None:
    """libpcap's: the host bits of the destination are all 0 or all 1."""
    for last, expected in ((255, True), (0, True), (2, False)):
        frame = ether(ip4(tcp(), dst=f"10.0.0.{last}"))
        assert truth_of("ip broadcast", frame, netmask=0xFFFFFF00) is expected
