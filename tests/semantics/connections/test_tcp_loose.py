"""Connections taken up in the middle, by hand from ADR 0004, rules 8 and 11."""

from __future__ import annotations

from ebpfc.testing.conversations import Hosts
from ebpfc.testing.watching import Watch


def test_only_with_loose_is_a_connection_taken_up_in_the_middle() -> None:
    hosts = Hosts()
    frame = hosts.tcp("client", "A", 5000, 700)
    assert (Watch().state(frame), Watch("loose").state(frame)) == ("invalid", "new")
    for flags in ("SA", "R", "RA", "FA"):
        assert Watch("loose").state(hosts.tcp("client", flags, 5000, 700)) == "invalid"
    dropped = Watch("loose")
    assert dropped.state(hosts.tcp("client", "A", 5000, 700, ttl=9)) == "new"
    assert dropped.connections == ()


def test_what_is_taken_up_in_the_middle_has_the_largest_scale() -> None:
    hosts, watch = Hosts(), Watch("loose")
    assert watch.state(hosts.tcp("client", "A", 5000, 700, window=3)) == "new"
    assert watch.tcp_states == ["ESTABLISHED"]
    assert watch.state(hosts.tcp("server", "A", 123_456_789, 987_654_321, window=2)) == "established", "not seen before"
    hosts = Hosts(server_isn=hosts.server_isn + 123_456_789)
    watch, start = Watch("loose"), 700
    watch.state(hosts.tcp("client", "A", 5000, start, window=3))
    watch.state(hosts.tcp("server", "A", start, 5000, window=2))
    watch.state(hosts.tcp("client", "A", 5000, start, window=3))
    largest = start + (3 << 14)
    assert watch.state(hosts.tcp("server", "A", largest + 1, 5000)) == "invalid"
    assert watch.state(hosts.tcp("server", "A", largest, 5000)) == "established"
    assert watch.state(hosts.tcp("client", "A", 5000 + (2 << 14), start)) == "established"


def test_a_reset_or_a_fin_of_the_side_not_seen_ends_what_was_taken_up() -> None:
    hosts = Hosts()
    for flags, state in (("R", "CLOSE"), ("FA", "FIN_WAIT")):
        watch = Watch("loose")
        watch.state(hosts.tcp("client", "A", 5000, 700))
        assert watch.state(hosts.tcp("server", flags, 9, 9)) == "established"
        assert watch.tcp_states == [state]
