"""What has no state, what is invalid at once, which packets are one connection's: ADR 0004, rules 1 to 5, by hand."""

from __future__ import annotations

import pytest

from ebpfc.testing import encapsulated, packets
from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.packets import Layer, ether, ip4, ip6, tag
from ebpfc.testing.watching import Watch

# --------------------------------------------------------------------------------------------------- stateless, invalid


def to4(destination: str) -> bytes:
    return ether(ip4(packets.udp(), dst=destination))


def to6(destination: str) -> bytes:
    return ether(ip6(packets.udp(), dst=destination))


def udp_frame(**link: str) -> bytes:
    return ether(ip4(packets.udp()), **link)


@pytest.mark.parametrize(
    "frame",
    [
        ether(packets.arp()),
        ether(Layer(0x88CC, b"")),
        ether(tag(packets.arp(), 5)),
        ether(encapsulated.pppoed()),
        to4("224.0.0.0"),
        to4("239.255.255.255"),
        to4("255.255.255.255"),
        to6("ff00::"),
        to6("ff02::1"),
        udp_frame(dst="ff:ff:ff:ff:ff:ff"),
        udp_frame(dst="01:00:5e:00:00:01"),
        udp_frame(dst="01:00:5e:00:00:01")[:34],  # its addresses are the last that is there
        to4("224.0.0.1")[:34],
        *(IPV6_HOSTS.icmp("client", kind) for kind in (*range(130, 138), 143)),
    ],
)
def test_what_has_no_state(frame: bytes) -> None:
    watch = Watch("loose")
    assert watch.state(frame) == "none"
    assert watch.connections == ()


@pytest.mark.parametrize(
    "frame",
    [
        to4("223.255.255.255"),
        to4("240.0.0.0"),
        to4("255.255.255.254"),
        to6("fe80::1"),
        udp_frame(dst="02:00:00:00:00:ff"),
        udp_frame(src="03:00:00:00:00:ff"),
        ether(ip4(packets.udp(), src="224.0.0.1")),
    ],
)
def test_what_has_one(frame: bytes) -> None:
    assert Watch().state(frame) == "new"


UDP4, TCP4, ECHO4 = Hosts().udp("client"), Hosts().tcp("client", "S"), Hosts().echo("client")
UDP6, TCP6 = IPV6_HOSTS.udp("client"), IPV6_HOSTS.tcp("client", "S")


@pytest.mark.parametrize(
    ("frame", "needed"),
    [
        (UDP4, 14 + 20 + 4),
        (TCP4, 14 + 20 + 16),
        (ECHO4, 14 + 20 + 6),
        (Hosts().sctp("client"), 14 + 20 + 4),
        (Hosts().frame("client", Layer(47)), 14 + 20),
        (UDP6, 14 + 40 + 4),
        (TCP6, 14 + 40 + 16),
        (IPV6_HOSTS.echo("client"), 14 + 40 + 6),
        (IPV6_HOSTS.frame("client", Layer(47)), 14 + 40),
        (Hosts(vids=(5, 6)).udp("client"), 22 + 20 + 4),
    ],
)
def test_cut_before_its_last_byte_a_packet_is_invalid(frame: bytes, needed: int) -> None:
    for kept in range(13, needed):
        assert Watch("loose").state(frame[:kept]) == "invalid", kept
    assert Watch().state(frame[:needed]) == "new"


@pytest.mark.parametrize(
    "frame",
    [
        ether(tag(tag(tag(ip4(packets.udp()), 1), 2), 3)),
        ether(tag(tag(tag(ip4(packets.udp()), 1), 2), 3), dst="ff:ff:ff:ff:ff:ff"),
        udp_frame(dst="01:00:5e:00:00:01")[:13],
        udp_frame(dst="01:00:5e:00:00:01")[:33],
        ether(ip6(packets.udp()), dst="33:33:00:00:00:01")[:53],
        ether(ip4(packets.udp(), version=5)),
        ether(ip4(packets.udp(), ihl=4)),
        ether(ip4(Layer(47), version=6)),
        ether(ip6(packets.udp(), version=4)),
        ether(ip6(Layer(0, b""))),
        *(Hosts().icmp("client", kind) for kind in (1, 2, 5, 6, 7, 9, 10, 13, 14, 15, 17, 18, 255)),
        *(IPV6_HOSTS.icmp("client", kind) for kind in (0, 5, 127, 138, 142, 144, 255)),
    ],
)
def test_what_is_invalid_at_once(frame: bytes) -> None:
    watch = Watch("loose")
    assert watch.state(frame) == "invalid"
    assert watch.connections == ()


def test_extension_headers_and_options_are_looked_through() -> None:
    watch = Watch()
    long6 = packets.extension(0, packets.extension(60, packets.udp(sport=40000, dport=80)))
    assert watch.state(ether(ip6(long6))) == "new"
    assert watch.state(IPV6_HOSTS.udp("server")) == "established"
    assert watch.state(ether(ip4(packets.udp(sport=80, dport=40000), src="10.0.0.2", dst="10.0.0.1"))) == "new"
    assert watch.state(ether(ip4(packets.udp(sport=40000, dport=80), options=bytes(8)))) == "established"


# -------------------------------------------------------------------------------------------------------------- tenants


def test_the_same_addresses_behind_other_tags_are_others() -> None:
    """VID 0 is none; the order of two tags counts, their priority and kind do not."""
    watch = Watch()
    for vids in ((), (5,), (6,), (5, 6), (6, 5)):
        assert watch.state(Hosts(vids=vids).udp("client")) == "new", vids
        assert watch.state(Hosts(vids=vids).udp("server")) == "established", vids
    assert watch.state(Hosts(vids=(0,)).udp("client")) == "established"
    assert watch.state(Hosts(vids=(0, 0)).udp("client")) == "established"
    assert watch.state(Hosts(vids=(5, 0)).udp("client")) == "established"
    assert watch.state(Hosts(vids=(0, 5)).udp("client")) == "new"
    assert watch.state(ether(tag(ip4(packets.udp(dport=80)), 5, pcp=7, dei=1, tpid=0x88A8))) == "established"
    assert sorted(c.vids for c in watch.connections) == [(0, 0), (0, 5), (5, 0), (5, 6), (6, 0), (6, 5)]


def test_the_same_addresses_in_other_vxlans_are_others() -> None:
    watch = Watch(inside="vxlan")
    for vni in (1, 2):
        hosts = Hosts(vni=vni)
        assert watch.inside(hosts.tcp("client", "S")) == "new"
        assert watch.inside(hosts.tcp("server", "SA", 0, 1)) == "established"
    assert watch.inside(Hosts(vni=1, vids=(7,)).tcp("client", "S")) == "new"
    assert watch.state(Hosts().tcp("client", "S")) == "new", "outside it is another again"
    assert {(c.inside, c.vni, c.vids) for c in watch.connections if c.protocol == 6} == {
        ("vxlan", 1, (0, 0)), ("vxlan", 2, (0, 0)), ("vxlan", 1, (7, 0)), (None, 0, (0, 0)),
    }  # fmt: skip


def test_the_frames_own_packet_is_tracked_beside_what_is_inside() -> None:
    watch, hosts = Watch(inside="vxlan"), Hosts(vni=1)
    frame = hosts.tcp("client", "S")
    assert (watch.inside(frame), watch.state(frame)) == ("new", "established")
    outside = [(c.protocol, c.source) for c in watch.connections if c.inside is None]
    assert outside == [(17, "192.0.2.1")]


def test_inside_is_tracked_only_where_a_rule_asks_and_then_whatever_the_number() -> None:
    hosts = Hosts(vni=1)
    unasked = Watch()
    unasked.state(hosts.tcp("client", "S"))
    assert [c.inside for c in unasked.connections] == [None]
    five = Watch(inside="vxlan 5")
    five.state(hosts.tcp("client", "S"))
    assert [(c.inside, c.vni) for c in five.connections] == [(None, 0), ("vxlan", 1)]
    elsewhere = Watch(inside="vxlan port 8472")
    elsewhere.state(hosts.tcp("client", "S"))
    assert [c.inside for c in elsewhere.connections] == [None]


INNER = ip4(packets.udp(sport=40000, dport=80))


@pytest.mark.parametrize(
    ("words", "frame", "vni"),
    [
        ("geneve", ether(ip4(encapsulated.geneve(INNER, 77))), 77),
        ("geneve", ether(ip4(encapsulated.geneve(ether(INNER), 78))), 78),
        ("gre", ether(ip4(encapsulated.gre(INNER, 9))), 0),
        ("ipip", ether(ip6(encapsulated.ipip(INNER))), 0),
        ("gtp", ether(ip4(encapsulated.gtp(INNER, 9))), 0),
        ("mpls", ether(encapsulated.mpls(INNER, 16, 17)), 0),
        ("mpls and mpls", ether(encapsulated.mpls(INNER, 16, 17)), 0),
        ("pppoes", ether(encapsulated.pppoes(INNER, 9)), 0),
    ],
)
def test_every_encapsulation(words: str, frame: bytes, vni: int) -> None:
    watch = Watch(inside=words)
    assert [watch.inside(frame), watch.inside(frame)] == ["new", "established"]
    inner = [c for c in watch.connections if c.inside]
    kind = words.split(maxsplit=1)[0]
    assert [(c.inside, c.vni, c.source, c.source_port) for c in inner] == [(kind, vni, "10.0.0.1", 40000)]


def test_inside_an_encapsulation_cut_short_is_invalid() -> None:
    frame = Hosts(vni=1).udp("client")
    header = 14 + 20 + 8
    for kept in range(header + 1, len(frame) - 4):  # a UDP packet is known by its ports
        watch = Watch(inside="vxlan")
        assert watch.inside(frame[:kept]) == "invalid", kept
        assert [c.inside for c in watch.connections] == [None]
    group = ether(ip4(packets.vxlan(ether(packets.arp(), dst="ff:ff:ff:ff:ff:ff"), 1)))
    assert Watch(inside="vxlan").inside(group) == "none"
