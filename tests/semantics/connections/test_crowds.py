"""`connections > N`, by hand from ADR 0004, rule 18: what is counted, for how long, in which place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ebpfc.testing import Simulator, packets
from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.packets import ether, ip4
from ebpfc.testing.simulator import SECOND
from ebpfc.testing.watching import WatchedGuard, answer_from, open_to

UDP_TIMEOUT = 30 * SECOND
CLOSE_TIMEOUT = 10 * SECOND


def lists(crowds: WatchedGuard) -> list[list[int | None]]:
    """The server's port of each place."""
    return [
        [None if place is None else min(end.port for end in place.ends) for place in places]
        for places in crowds.simulator.crowds[0].lists.values()
    ]


# ------------------------------------------------------------------------------------------------------------- how many


@pytest.mark.parametrize("most", [0, 1, 2, 5, 255])
@pytest.mark.parametrize("key", ["", " per src", " per (src, dst)"])
def test_it_holds_from_the_one_behind_n_plus_one(most: int, key: str) -> None:
    crowds = WatchedGuard(f"connections > {most}{key}")
    assert crowds.overs(*(open_to(1000 + number) for number in range(most + 4))) == [False] * (most + 1) + [True] * 3
    assert crowds.taken() == most + 1


def test_it_holds_for_every_packet_of_the_key_and_takes_nothing() -> None:
    crowds = WatchedGuard("connections > 1 per src")
    assert crowds.overs(open_to(1), open_to(1), open_to(2)) == [False] * 3
    assert crowds.overs(open_to(1), open_to(2), open_to(2), ether(ip4(packets.icmp(3)))) == [True] * 4
    assert crowds.over(answer_from(1)) is False
    assert crowds.taken() == 2


def test_what_is_new_is_kept_out_and_what_is_there_goes_on() -> None:
    simulator = Simulator.of_text("track\ndrop state new connections > 1 per src\n")
    frames = (open_to(1), open_to(2), open_to(3), open_to(1), answer_from(2), open_to(3))
    assert "".join(simulator.decide(frame, 0).verdict[0] for frame in frames) == "ppdppd"
    assert len(simulator.connections) == 2


def test_connections_of_all_protocols_are_counted_and_both_families_apart() -> None:
    crowds = WatchedGuard("connections > 3 per src")
    hosts = Hosts()
    made = (hosts.udp("client"), hosts.tcp("client", "S"), hosts.echo("client"), hosts.sctp("client"))
    assert crowds.overs(*made) == [False] * 4
    assert crowds.over(open_to(7)) is True
    assert crowds.over(IPV6_HOSTS.udp("client")) is False
    assert crowds.taken() == 5


# ------------------------------------------------------------------------------------------------------ what is counted


def test_a_dropped_packet_is_not_counted() -> None:
    crowds = WatchedGuard("connections > 0 per src")
    assert crowds.overs(open_to(9), open_to(9), open_to(8)) == [False] * 3
    assert crowds.over(open_to(9)) is True


def test_only_what_makes_a_connection_is_counted() -> None:
    """No answer, no error about one, no later fragment, nothing invalid, nothing without a state."""
    hosts = Hosts()
    crowds = WatchedGuard("connections > 9 per src")
    first, later = hosts.fragments("client", packets.udp(bytes(40), sport=hosts.client_port, dport=80), 16)
    about = hosts.quoting(
        hosts.network("client", packets.udp(sport=hosts.client_port, dport=80)),
        kind=3,
        source="10.0.0.3",
        to=hosts.client,
    )
    crowds.overs(later, first, later, first, hosts.udp("server"), about, hosts.tcp("client", "A"))
    crowds.overs(ether(ip4(packets.udp(), dst="224.0.0.1")), ether(packets.arp()))
    assert crowds.taken() == 1
    assert list(crowds.simulator.crowds[0].lists) == [(4, 0x0A000001, 0, 0, 0)]


def test_beyond_its_places_a_connection_is_not_counted_nor_later() -> None:
    """The third outlives the first two, is renewed, and leaves room for two more."""
    crowds = WatchedGuard("connections > 1 per src")
    crowds.overs(open_to(1), open_to(2), open_to(3), time=0)
    assert crowds.over(open_to(3), UDP_TIMEOUT - 1) is True
    assert crowds.over(open_to(3), UDP_TIMEOUT) is False
    assert crowds.taken() == 0
    assert crowds.overs(open_to(4), open_to(5), open_to(3), time=UDP_TIMEOUT) == [False, False, True]


def test_a_key_is_read_from_the_packet_that_makes_it() -> None:
    crowds = WatchedGuard("connections > 0 per dst")
    crowds.over(answer_from(1))
    assert list(crowds.simulator.crowds[0].lists) == [(4, 0x0A000001, 0, 0, 0)]
    assert crowds.overs(open_to(1), answer_from(2)) == [False, True]


def test_without_key_it_is_not_counted_and_does_not_hold() -> None:
    crowds = WatchedGuard("connections > 0 per tcp dst port")
    assert crowds.overs(open_to(1), open_to(2), ether(packets.arp())) == [False] * 3
    assert crowds.simulator.crowds[0].lists == {}
    for_all = WatchedGuard("connections > 0")
    assert for_all.overs(open_to(1), ether(packets.arp())) == [False, True]


@pytest.mark.parametrize(
    ("mask", "family", "client", "other", "same"),
    [
        ("/24", 4, "10.0.0.1", "10.0.0.200", True),
        ("/24", 4, "10.0.0.1", "10.0.1.1", False),
        ("/24/64", 6, "2001:db8::1", "2001:db8::ffff:0:0:1", True),
        ("/24/64", 6, "2001:db8::1", "2001:db8:0:1::1", False),
        ("/24", 6, "2001:db8::1", "2001:db8::3", False),
    ],
)
def test_masks(mask: str, family: int, client: str, other: str, same: bool) -> None:
    hosts = Hosts() if family == 4 else IPV6_HOSTS
    crowds = WatchedGuard(f"connections > 0 per src{mask}")
    frames = (replace(hosts, client=source).udp("client") for source in (client, other))
    assert crowds.overs(*frames) == [False, same]


# ------------------------------------------------------------------------------------------------------------- how long


def test_a_place_is_free_at_the_instant_its_connection_expires() -> None:
    for late, over in ((-1, True), (0, False)):
        crowds = WatchedGuard("connections > 0 per src")
        crowds.over(open_to(1), 5)
        assert crowds.over(open_to(2), 5 + UDP_TIMEOUT + late) is over


def test_a_connection_counts_as_long_as_it_is_renewed() -> None:
    crowds = WatchedGuard("connections > 0 per src")
    crowds.over(open_to(1), 0)
    assert crowds.over(answer_from(1), UDP_TIMEOUT - 1) is False
    assert crowds.over(open_to(2), UDP_TIMEOUT + 1) is True


def test_a_closed_connection_counts_until_it_is_gone() -> None:
    hosts = Hosts()
    crowds = WatchedGuard("connections > 0 per src")
    crowds.overs(hosts.tcp("client", "S"), hosts.tcp("server", "RA", 0, 1), time=0)
    assert crowds.over(open_to(1), CLOSE_TIMEOUT - 1) is True
    crowds.simulator.wait(1)
    assert crowds.taken() == 0


def test_begun_anew_it_keeps_its_place() -> None:
    hosts = Hosts()
    closing = (
        hosts.tcp("client", "S"), hosts.tcp("server", "SA", 0, 1), hosts.tcp("client", "A", 1, 1),
        hosts.tcp("client", "FA", 1, 1), hosts.tcp("server", "FA", 1, 2), hosts.tcp("client", "A", 2, 2),
    )  # fmt: skip
    crowds = WatchedGuard("connections > 1 per src")
    crowds.overs(*closing)
    assert [connection.state for connection in crowds.simulator.connections] == ["TIME_WAIT"]
    assert crowds.overs(replace(hosts, client_isn=900_000).tcp("client", "S"), open_to(1), open_to(2)) == [
        False, False, True,
    ]  # fmt: skip
    assert crowds.taken() == 2


def test_begun_anew_by_the_other_side_it_counts_for_both() -> None:
    hosts = Hosts()
    crowds = WatchedGuard("connections > 0 per src")
    crowds.overs(hosts.tcp("client", "S"), hosts.tcp("server", "RA", 0, 1))
    crowds.over(hosts.tcp("server", "S", 9))
    assert crowds.taken() == 2
    assert crowds.overs(open_to(1), answer_from(2)) == [True, True]


def test_a_connection_pushed_out_of_the_table_leaves_its_place() -> None:
    crowds = WatchedGuard("connections > 1 per src", track="track size 2")
    others = Hosts(client="10.0.0.9")
    assert crowds.overs(open_to(1), open_to(2), open_to(3)) == [False, False, True]
    assert lists(crowds) == [[3, 2]]
    crowds.over(open_to(4, others))
    assert crowds.over(open_to(3)) is False


# ----------------------------------------------------------------------------------------------------- places, in order


def test_the_first_free_place_is_taken() -> None:
    crowds = WatchedGuard("connections > 2 per src")
    crowds.overs(open_to(1), open_to(2), time=0)
    crowds.over(open_to(2), SECOND)
    assert lists(crowds) == [[1, 2, None]]
    crowds.over(open_to(3), UDP_TIMEOUT)
    assert lists(crowds) == [[3, 2, None]]
    crowds.overs(open_to(1), open_to(4), time=UDP_TIMEOUT)
    assert lists(crowds) == [[3, 2, 1]]
    crowds.over(open_to(4), UDP_TIMEOUT + SECOND)
    assert lists(crowds) == [[3, 2, 1]]
    crowds.over(open_to(5), UDP_TIMEOUT + SECOND)
    assert lists(crowds) == [[3, 5, 1]]


def test_what_is_gone_and_listed_comes_back_to_its_own_place() -> None:
    """Though one before it is free."""
    crowds = WatchedGuard("connections > 2 per src")
    crowds.overs(open_to(1), open_to(2), time=0)
    crowds.over(open_to(2), UDP_TIMEOUT)
    assert lists(crowds) == [[1, 2, None]]
    assert crowds.taken() == 1


def test_what_is_gone_and_listed_counts_again_whoever_makes_it() -> None:
    """A connection has one key for both its directions: the server begins what the client had begun."""
    crowds = WatchedGuard("connections > 0 per src")
    crowds.over(open_to(1), 0)
    assert crowds.over(answer_from(1), UDP_TIMEOUT) is False
    assert lists(crowds) == [[1], [1]]
    assert crowds.over(open_to(2), UDP_TIMEOUT) is True
    overwritten = WatchedGuard("connections > 0 per src")
    overwritten.over(open_to(1), 0)
    overwritten.over(open_to(2), UDP_TIMEOUT)
    overwritten.over(answer_from(1), UDP_TIMEOUT + 1)
    assert overwritten.over(open_to(3), 2 * UDP_TIMEOUT) is False


# ------------------------------------------------------------------------------------------------------------- the keys


def test_one_key_too_many_pushes_out_the_one_least_recently_used() -> None:
    one, two = Hosts(), Hosts(client="10.0.0.9")
    crowds = WatchedGuard("connections > 0 per src size 1")
    assert crowds.overs(open_to(1, one), open_to(1, two), open_to(2, two), open_to(2, one)) == [
        False,
        False,
        True,
        False,
    ]
    assert len(crowds.simulator.crowds[0].lists) == 1


def test_asking_keeps_a_key() -> None:
    hosts = [Hosts(client=f"10.0.0.{n}") for n in (7, 8, 9)]
    crowds = WatchedGuard("connections > 0 per src size 2")
    asked = [
        open_to(1, hosts[0]),
        open_to(1, hosts[1]),
        open_to(2, hosts[0]),
        open_to(1, hosts[2]),
        open_to(3, hosts[0]),
    ]
    assert crowds.overs(*asked) == [False, False, True, False, True]
