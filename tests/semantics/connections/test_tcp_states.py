"""Every cell of the TCP table, by hand from ADR 0004, rule 8: state, sender, class, both families, either closer."""

from __future__ import annotations

import pytest

from ebpfc.testing.conversations import IPV6_HOSTS, Hosts, Side
from ebpfc.testing.simulator import SECOND
from ebpfc.testing.watching import Watch

DAY = 86_400 * SECOND
CLASSES = ("S", "SA", "R", "RA", "FA", "A")

# For each state: what the next packet of the client, then of the server, leads to, in the order of CLASSES.
# `.` invalid, `=` established and the state stays, `i` established and nothing changes, `new`, or the next state.
OPENING = {
    "none": ("new . . . . .", "new . . . . ."),
    "SYN_SENT": ("= . CLOSE CLOSE . .", "SYN_SENT2 SYN_RECV . CLOSE . ."),
    "SYN_SENT2": ("= SYN_RECV CLOSE CLOSE . ESTABLISHED", "= SYN_RECV CLOSE CLOSE . ESTABLISHED"),
    "SYN_RECV": ("= = CLOSE CLOSE FIN_WAIT ESTABLISHED", ". = CLOSE CLOSE FIN_WAIT ="),
    "ESTABLISHED": ("i i CLOSE CLOSE FIN_WAIT =", "i i CLOSE CLOSE FIN_WAIT ="),
    "CLOSE": ("new i i i i i", "new i i i i i"),
}
# The same, of the side that sent the first FIN, then of the other.
CLOSING = {
    "FIN_WAIT": ("i i CLOSE CLOSE = =", "i i CLOSE CLOSE LAST_ACK CLOSE_WAIT"),
    "CLOSE_WAIT": ("i i CLOSE CLOSE = =", "i i CLOSE CLOSE LAST_ACK ="),
    "LAST_ACK": ("i i CLOSE CLOSE = TIME_WAIT", "i i CLOSE CLOSE = ="),
    "TIME_WAIT": ("new i i i = =", "new i i i = ="),
}
TIMEOUTS = {
    "SYN_SENT": 120, "SYN_SENT2": 120, "SYN_RECV": 60, "ESTABLISHED": 432_000, "FIN_WAIT": 120, "CLOSE_WAIT": 60,
    "LAST_ACK": 30, "TIME_WAIT": 120, "CLOSE": 10,
}  # fmt: skip


def other(side: Side) -> Side:
    return "server" if side == "client" else "client"


def reach(watch: Watch, hosts: Hosts, state: str, closer: Side = "client") -> None:
    """Goes there by an honest conversation; the sides end with the sequence numbers that `send` goes on from."""
    handshake = [hosts.tcp("client", "S"), hosts.tcp("server", "SA", 0, 1), hosts.tcp("client", "A", 1, 1)]
    closing = [
        hosts.tcp(closer, "FA", 1, 1),
        hosts.tcp(other(closer), "A", 1, 2),
        hosts.tcp(other(closer), "FA", 1, 2),
        hosts.tcp(closer, "A", 2, 2),
    ]
    frames = {
        "none": [],
        "SYN_SENT": handshake[:1],
        "SYN_SENT2": [handshake[0], hosts.tcp("server", "S")],
        "SYN_RECV": handshake[:2],
        "ESTABLISHED": handshake,
        "CLOSE": [handshake[0], hosts.tcp("server", "RA", 0, 1)],
        "FIN_WAIT": [*handshake, *closing[:1]],
        "CLOSE_WAIT": [*handshake, *closing[:2]],
        "LAST_ACK": [*handshake, *closing[:3]],
        "TIME_WAIT": [*handshake, *closing],
    }[state]
    for frame in frames:
        assert watch.state(frame) in ("new", "established")
    assert watch.tcp_states == ([] if state == "none" else [state])


def check(watch: Watch, state: str, frame: bytes, cell: str) -> None:
    """One packet a second later: its state, the connection's, and when that expires."""
    before, now = watch.connections, watch.simulator.time + SECOND
    said = watch.state(frame, now)
    match cell:
        case ".":
            assert (said, watch.connections) == ("invalid", before)
        case "i":
            assert (said, watch.connections) == ("established", before)
        case _:
            reached = {"=": state, "new": "SYN_SENT"}.get(cell, cell)
            assert said == ("new" if cell == "new" else "established")
            assert [(c.state, c.expires) for c in watch.connections] == [(reached, now + TIMEOUTS[reached] * SECOND)]


@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS, Hosts(client="10.0.0.9", client_isn=2**32 - 1)])
@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("state", OPENING)
def test_before_a_fin(state: str, side: Side, hosts: Hosts) -> None:
    """The third pair of hosts has the server at the smaller address, and numbers that begin anew after the SYN."""
    cells = OPENING[state][side == "server"].split()
    assert len(cells) == len(CLASSES)
    ack = {"SYN_SENT": {"client": 0, "server": 1}}.get(state, {}).get(side, 1)
    for flags, cell in zip(CLASSES, cells, strict=True):
        watch = Watch()
        reach(watch, hosts, state)
        sequence = 0 if "S" in flags else 1
        check(watch, state, hosts.tcp(side, flags, sequence, ack), cell)


@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS])
@pytest.mark.parametrize("closer", ["client", "server"])
@pytest.mark.parametrize("side", ["closer", "other"])
@pytest.mark.parametrize("state", CLOSING)
def test_after_a_fin(state: str, side: str, closer: Side, hosts: Hosts) -> None:
    sender = closer if side == "closer" else other(closer)
    own = 2 if side == "closer" or state in ("LAST_ACK", "TIME_WAIT") else 1
    acked = 2 if side == "other" or state in ("LAST_ACK", "TIME_WAIT") else 1
    for flags, cell in zip(CLASSES, CLOSING[state][side == "other"].split(), strict=True):
        watch = Watch()
        reach(watch, hosts, state, closer)
        sequence = {"S": 0, "SA": 0, "FA": 1}.get(flags, own)
        check(watch, state, hosts.tcp(sender, flags, sequence, acked), cell)


@pytest.mark.parametrize("flags", ["", "F", "P", "SF", "SR", "FR", "FRA", "SFA", "SRA", "SFRA", "SFRPAU", "FPU", "U"])
def test_flags_that_no_host_sends_are_invalid_with_and_without_a_connection(flags: str) -> None:
    hosts = Hosts()
    for state in ("none", "ESTABLISHED", "CLOSE"):
        watch = Watch()
        reach(watch, hosts, state)
        before = watch.connections
        assert watch.state(hosts.tcp("client", flags, 1, 1)) == "invalid"
        assert watch.connections == before


@pytest.mark.parametrize("flags", ["PA", "PAU", "AEW", "PAUEW"])
def test_other_flags_do_not_matter(flags: str) -> None:
    watch = Watch()
    reach(watch, Hosts(), "ESTABLISHED")
    assert watch.state(Hosts().tcp("client", flags, 1, 1)) == "established"
    assert watch.state(Hosts(client_port=40001).tcp("client", "SEW")) == "new"


def test_every_timeout_may_be_set() -> None:
    for state in TIMEOUTS:
        name = "tcp_syn_sent" if state == "SYN_SENT2" else f"tcp_{state.lower()}"
        watch = Watch(f"{name} 7s")
        reach(watch, Hosts(), state)
        assert watch.connections[0].expires == watch.simulator.time + 7 * SECOND


@pytest.mark.parametrize("state", ["TIME_WAIT", "CLOSE"])
def test_a_connection_begins_anew_from_either_side(state: str) -> None:
    """Its own direction, not assured, with windows of its own."""
    for side in ("client", "server"):
        watch, again = Watch(), Hosts(client_isn=900_000, server_isn=77)
        reach(watch, Hosts(), state)
        assert watch.state(again.tcp(side, "S", ttl=9)) == "new"
        assert watch.tcp_states == [state], "dropped: the old one stays"
        assert watch.state(again.tcp(side, "S")) == "new"
        (connection,) = watch.connections
        source = again.client if side == "client" else again.server
        assert (connection.source, connection.assured, connection.state) == (source, False, "SYN_SENT")
        assert watch.states(again.tcp(other(side), "SA", 0, 1), again.tcp(side, "A", 1, 1)) == ["established"] * 2
        assert watch.tcp_states == ["ESTABLISHED"]


def test_an_answer_that_is_ignored_does_not_assure() -> None:
    """A connection taken up in the middle; of the other side only a SYN is seen."""
    watch, hosts = Watch("loose"), Hosts()
    assert watch.states(hosts.tcp("client", "A", 1, 1), hosts.tcp("server", "SA", 0, 1)) == ["new", "established"]
    assert [c.assured for c in watch.connections] == [False]
    watch.state(hosts.tcp("server", "A", 1, 1))
    assert [c.assured for c in watch.connections] == [True]
