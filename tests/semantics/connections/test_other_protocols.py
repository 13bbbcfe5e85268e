"""Connections that are not TCP's, by hand from ADR 0004: timeouts, echo, full tables, observing."""

from __future__ import annotations

import pytest

from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.packets import Layer
from ebpfc.testing.simulator import MINUTE, SECOND
from ebpfc.testing.tracked import TrackedConnection
from ebpfc.testing.watching import Watch

BOTH = (Hosts(), IPV6_HOSTS)


# ------------------------------------------------------------------------------------------------------------ UDP, echo


@pytest.mark.parametrize("hosts", BOTH)
def test_udp_is_kept_longer_once_it_was_answered(hosts: Hosts) -> None:
    watch = Watch()
    assert watch.state(hosts.udp("client"), 5) == "new"
    assert watch.connections == (
        TrackedConnection(17, hosts.client, hosts.server, 40000, 80, None, False, 5 + 30 * SECOND),
    )
    assert watch.state(hosts.udp("client"), 5 + 30 * SECOND - 1) == "established"
    assert watch.state(hosts.udp("client"), 5 + 60 * SECOND - 1) == "new", "its time was up"
    assert watch.state(hosts.udp("server"), MINUTE + SECOND) == "established"
    (connection,) = watch.connections
    assert (connection.assured, connection.expires) == (True, 3 * MINUTE + SECOND)
    assert watch.state(hosts.udp("client"), 2 * MINUTE) == "established"
    assert watch.connections[0].expires == 4 * MINUTE
    assert watch.state(hosts.udp("server"), 4 * MINUTE) == "new"
    assert watch.connections[0].source == hosts.server


@pytest.mark.parametrize("hosts", BOTH)
def test_a_dropped_packet_leaves_nothing(hosts: Hosts) -> None:
    watch = Watch()
    assert watch.state(hosts.udp("client", ttl=9)) == "new"
    assert watch.connections == ()
    watch.state(hosts.udp("client"), 0)
    before = watch.connections
    assert watch.state(hosts.udp("server", ttl=9), SECOND) == "established"
    assert watch.connections == before, "neither answered nor renewed"


@pytest.mark.parametrize("hosts", BOTH)
def test_only_a_request_opens_an_echo(hosts: Hosts) -> None:
    watch = Watch()
    assert watch.state(hosts.echo("server", reply=True)) == "invalid"
    assert watch.state(hosts.echo("client")) == "new"
    assert watch.state(hosts.echo("server", reply=True, identifier=40001)) == "invalid"
    assert watch.state(hosts.echo("server", reply=True)) == "established"
    assert watch.state(hosts.echo("client", reply=True)) == "established"
    assert watch.state(hosts.echo("server")) == "established"
    (connection,) = watch.connections
    assert (connection.source, connection.source_port, connection.destination_port) == (hosts.client, 40000, 40000)
    assert (connection.assured, connection.expires) == (True, 30 * SECOND)


@pytest.mark.parametrize(
    ("option", "hosts", "number"),
    [("icmp", Hosts(), 1), ("icmpv6", IPV6_HOSTS, 58), ("udp", Hosts(), 17), ("generic", IPV6_HOSTS, 132)],
)
def test_timeouts_may_be_set(option: str, hosts: Hosts, number: int) -> None:
    watch = Watch(f"{option} 7s")
    for frame in (hosts.udp("client"), hosts.echo("client"), hosts.sctp("client")):
        watch.state(frame)
    assert [c.protocol for c in watch.connections if c.expires == 7 * SECOND] == [number]


def test_a_stream_may_be_kept_shorter_than_a_first_packet() -> None:
    watch = Watch("udp_stream 7s")
    assert watch.states(Hosts().udp("client"), Hosts().udp("server")) == ["new", "established"]
    assert watch.connections[0].expires == 7 * SECOND


@pytest.mark.parametrize("hosts", BOTH)
def test_other_protocols_are_told_apart_by_their_number_and_addresses(hosts: Hosts) -> None:
    watch = Watch()
    assert watch.state(hosts.sctp("client")) == "new"
    assert watch.state(hosts.sctp("server")) == "established"
    assert watch.connections[0].expires == 10 * MINUTE
    for number in (47, 50, 89, 255):
        assert watch.state(hosts.frame("client", Layer(number, b"any"))) == "new"
        assert watch.state(hosts.frame("server", Layer(number))) == "established"
    other_icmp = 58 if hosts.family == 4 else 1  # ICMPv6 over IPv4 and the reverse: any other protocol
    assert watch.state(hosts.frame("server", Layer(other_icmp))) == "new"
    assert {(c.source_port, c.destination_port) for c in watch.connections} == {(40000, 80), (0, 0)}


def test_the_smaller_end_is_the_smaller_address_then_the_smaller_port() -> None:
    """One host on both sides: the ports tell the direction, and where they are alike too it is the first one's."""
    ports, watch = Hosts(server="10.0.0.1"), Watch()
    assert watch.states(ports.udp("client"), ports.udp("server")) == ["new", "established"]
    assert watch.connections[0].assured
    alike, watch = Hosts(server="10.0.0.1", server_port=40000), Watch()
    assert watch.states(alike.udp("client"), alike.udp("server")) == ["new", "established"]
    assert not watch.connections[0].assured


def test_a_mapped_address_is_another() -> None:
    mapped, watch = Hosts(family=6, client="::ffff:10.0.0.1", server="::ffff:10.0.0.2"), Watch()
    assert watch.states(Hosts().udp("client"), mapped.udp("client")) == ["new", "new"]


# ------------------------------------------------------------------------------------------------- full, the other side


def many(watch: Watch, count: int) -> None:
    for number in range(count):
        assert watch.state(Hosts(client_port=1000 + number).tcp("client", "S")) == "new"


def test_half_open_connections_push_out_the_oldest_and_never_an_assured_one() -> None:
    watch, old = Watch("size 3"), Hosts()
    watch.states(old.udp("client"), old.udp("server"))
    many(watch, 5)
    assert sorted((c.source_port, c.assured) for c in watch.connections) == [
        (1002, False), (1003, False), (1004, False), (40000, True),
    ]  # fmt: skip


def test_assured_ones_push_out_the_least_recently_used() -> None:
    watch, third = Watch("size 2"), Hosts(client_port=3)
    for port in (1, 2):
        watch.states(Hosts(client_port=port).udp("client"), Hosts(client_port=port).udp("server"))
    watch.state(Hosts(client_port=2).udp("client"))
    assert len(watch.connections) == 2, "what is used again needs no room"
    watch.state(Hosts(client_port=1).udp("server"))
    watch.state(Hosts(client_port=2).udp("client", ttl=9))  # dropped: no use
    assert watch.states(third.udp("client"), third.udp("server")) == ["new", "established"]
    assert sorted(c.source_port for c in watch.connections) == [1, 3]


def test_an_expired_connection_makes_room_first() -> None:
    watch = Watch("size 2 udp 1s")
    watch.state(Hosts().tcp("client", "S"), 0)
    watch.state(Hosts().udp("client"), 0)
    assert watch.state(Hosts(client_port=1).udp("client"), 2 * SECOND) == "new"
    assert [(c.protocol, c.source_port) for c in watch.connections] == [(6, 40000), (17, 1)]


def test_a_connection_begun_anew_is_half_open_again() -> None:
    watch, hosts = Watch("size 2"), Hosts(client_isn=70)
    frames = (hosts.tcp("client", "S"), hosts.tcp("server", "SA", 0, 1), hosts.tcp("client", "R", 1))
    assert watch.states(*frames) == ["new", "established", "established"]
    assert watch.connections[0].assured
    assert watch.state(hosts.tcp("server", "S")) == "new"
    many(watch, 2)
    assert sorted(c.source_port for c in watch.connections) == [1000, 1001]


def test_the_side_that_no_hook_sees_is_tracked_alone() -> None:
    """What goes out opens connections, and their answers may come in; rules, tables and counters see none of it."""
    watch, hosts = Watch(), Hosts()
    text = "hook xdp\ndefault drop\ntrack\ntable t key src\nlog then add src to t\npass state established\n"
    simulator = watch.simulator.of_text(text)
    assert simulator.decide(hosts.udp("server"), 0).verdict == "drop"
    simulator.observe(hosts.udp("client"), 1)
    assert list(simulator.tables["t"]) == [hosts.server]
    assert [(c.source, c.assured) for c in simulator.connections] == [(hosts.client, False)]
    assert simulator.decide(hosts.udp("server"), 2).verdict == "pass"
    assert simulator.connections[0].assured
    simulator.observe(hosts.tcp("client", "A", 1, 1), 3)
    assert len(simulator.connections) == 1, "what is invalid opens nothing there either"
    with pytest.raises(ValueError, match="inbound"):
        simulator.observe(hosts.udp("client"), 4, "inbound")
