"""Fragments, by hand from ADR 0004, rule 13: the later ones take the state of the first, for 30 s, in order or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ebpfc.testing import packets
from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.packets import Layer, ether, extension, fragment, ip4, ip6
from ebpfc.testing.simulator import SECOND
from ebpfc.testing.watching import Watch

BOTH = (Hosts(), IPV6_HOSTS)


def datagram(hosts: Hosts) -> Layer:
    return packets.udp(bytes(40), sport=hosts.client_port, dport=hosts.server_port)


def split(hosts: Hosts, ident: int = 1) -> tuple[bytes, bytes]:
    return hosts.fragments("client", datagram(hosts), 16, ident=ident)


@pytest.mark.parametrize("hosts", BOTH)
def test_in_order(hosts: Hosts) -> None:
    watch = Watch()
    first, second = split(hosts)
    assert watch.states(first, second) == ["new", "new"]
    assert len(watch.connections) == 1
    assert watch.states(second, first, second) == ["new", "established", "established"]


@pytest.mark.parametrize("hosts", BOTH)
def test_before_its_first_a_fragment_is_invalid(hosts: Hosts) -> None:
    watch = Watch("loose")
    first, second = split(hosts)
    assert watch.states(second, first, second) == ["invalid", "new", "new"]


@pytest.mark.parametrize("hosts", BOTH)
def test_it_is_known_for_thirty_seconds_behind_the_last_first_one(hosts: Hosts) -> None:
    first, second = split(hosts)
    for late, state in ((30 * SECOND - 1, "new"), (30 * SECOND, "invalid")):
        watch = Watch()
        watch.state(first, 5)
        assert watch.state(second, 5 + late) == state
    watch = Watch()
    watch.state(first, 0)
    watch.state(first, 20 * SECOND)
    assert watch.state(second, 50 * SECOND - 1) == "established"


@pytest.mark.parametrize("hosts", BOTH)
def test_a_later_one_renews_nothing(hosts: Hosts) -> None:
    watch = Watch()
    first, second = split(hosts)
    watch.state(first, 0)
    before = watch.connections
    assert watch.state(second, 20 * SECOND) == "new"
    assert watch.connections == before
    assert watch.state(second, 40 * SECOND) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_of_a_dropped_first_one_nothing_is_known(hosts: Hosts) -> None:
    watch = Watch()
    head = Layer(17, datagram(hosts).data[:16])
    dropped = hosts.link("client", hosts.network("client", head, more=True, ttl=9))
    assert watch.states(dropped, split(hosts)[1]) == ["new", "invalid"]


@pytest.mark.parametrize("hosts", BOTH)
def test_it_is_of_the_same_packet(hosts: Hosts) -> None:
    """Another identification, the other direction, other addresses, tags: another packet."""
    watch = Watch()
    watch.state(split(hosts)[0])
    back = replace(hosts, client=hosts.server, server=hosts.client)
    for other in (
        split(hosts, ident=2)[1],
        split(back)[1],
        split(replace(hosts, vids=(5,)))[1],
        split(replace(hosts, client="10.0.0.7" if hosts.family == 4 else "2001:db8::7"))[1],
    ):
        assert watch.state(other) == "invalid"
    assert watch.state(split(hosts)[1]) == "new"


def test_the_protocol_belongs_to_ipv4s_key_and_not_to_ipv6s() -> None:
    """RFC 8200 section 4.5: the next header of a later fragment may be another."""
    for hosts, state in ((Hosts(), "invalid"), (IPV6_HOSTS, "new")):
        watch = Watch()
        watch.state(split(hosts)[0])
        later = hosts.link("client", hosts.network("client", Layer(99, bytes(8)), offset=2))
        assert watch.state(later) == state


def test_the_identification_of_ipv6_is_the_last_headers() -> None:
    watch = Watch()
    carried = datagram(IPV6_HOSTS)
    first = ip6(fragment(fragment(carried, more=True, ident=8), ident=7))
    assert watch.state(ether(first)) == "new"
    for idents, state in (((7, 8), "new"), ((8, 7), "invalid")):
        later = ip6(fragment(fragment(Layer(17, bytes(8)), offset=2, ident=idents[1]), ident=idents[0]))
        assert watch.state(ether(later)) == state
    assert watch.state(ether(ip6(fragment(Layer(17, bytes(8)), offset=2, ident=8)))) == "new"


def test_a_whole_packet_in_a_fragment_header_is_a_packet() -> None:
    watch = Watch()
    atomic = ether(ip6(fragment(datagram(IPV6_HOSTS))))
    assert watch.state(atomic) == "new"
    assert watch.state(split(IPV6_HOSTS)[1]) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_established_and_invalid_first_ones(hosts: Hosts) -> None:
    watch = Watch()
    watch.state(hosts.udp("client"))
    assert watch.states(*split(hosts)) == ["established", "established"]
    segment = hosts.segment("client", "A", 1, 1, bytes(40))
    first, second = hosts.fragments("client", segment, 32, ident=9)
    assert watch.states(first, second) == ["invalid", "invalid"]


def test_an_invalid_first_one_takes_nothing_away() -> None:
    """The same identification again, of ports that fit no connection."""
    watch, hosts = Watch(), Hosts()
    first, second = hosts.fragments("client", hosts.segment("client", "S", 0, 0, bytes(40)), 32)
    other, _ = hosts.fragments("client", hosts.segment("client", "A", 9, 9, bytes(40)), 32)
    assert watch.state(first) == "new"
    assert watch.state(other) == "invalid"
    assert watch.state(second) == "new"


def test_related_ones() -> None:
    watch, hosts = Watch(), Hosts()
    watch.state(hosts.udp("client"))
    quoted = hosts.network("client", packets.udp(bytes(40), sport=40000, dport=80))
    error = packets.icmp(3, 4, data=quoted.data)
    head, tail = Layer(1, error.data[:40]), Layer(1, error.data[40:])
    first = ether(ip4(head, src="192.0.2.9", dst=hosts.client, more=True))
    later = ether(ip4(tail, src="192.0.2.9", dst=hosts.client, offset=5))
    assert watch.states(later, first, later) == ["invalid", "related", "related"]


def test_stateless_ones() -> None:
    """Of neighbour discovery the later fragments do not say that they are; what goes to many says so itself."""
    watch, hosts = Watch(), IPV6_HOSTS
    first, second = hosts.fragments("client", packets.icmp6(135, data=bytes(40)), 16)
    assert watch.states(second, first, second) == ["invalid", "none", "none"]
    assert watch.state(ether(ip4(Layer(17, bytes(8)), dst="224.0.0.1", offset=2))) == "none"


def test_cut_before_what_they_share_is_there() -> None:
    watch = Watch()
    for hosts, needed in ((Hosts(), 14 + 20), (IPV6_HOSTS, 14 + 40 + 8)):
        first, second = split(hosts)
        watch.state(first)
        assert watch.state(second[:needed]) == "new"
        for kept in range(14, needed):
            assert watch.state(second[:kept]) == "invalid", kept


def test_behind_extension_headers() -> None:
    watch = Watch()
    head, tail = Layer(17, datagram(IPV6_HOSTS).data[:16]), Layer(17, bytes(8))
    assert watch.state(ether(ip6(extension(0, fragment(head, more=True))))) == "new"
    assert watch.state(ether(ip6(extension(0, fragment(tail, offset=2))))) == "new"
    assert watch.state(ether(ip6(fragment(extension(60, tail), offset=2)))) == "new"


def test_inside_a_tunnel_they_are_the_tunnels() -> None:
    watch = Watch(inside="vxlan")
    first, second = split(Hosts(vni=7))
    assert watch.inside(second) == "invalid"
    assert watch.inside(first) == "new"
    assert watch.inside(split(Hosts(vni=8))[1]) == "invalid"
    assert watch.inside(second) == "new"
    assert watch.state(split(Hosts())[1]) == "invalid"
