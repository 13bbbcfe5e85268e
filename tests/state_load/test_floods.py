"""Floods of sources that were never met: memory stays within its bounds, and what was there before stands as promised.

The same floods with ten million sources are in the bench.
"""

from __future__ import annotations

import pytest
from bench.state_flood import (
    LIMIT,
    ROOM,
    SETTLED,
    SYN,
    TRACK,
    flood_of_answered_syns,
    flood_of_limiter,
    flood_of_syns,
    flood_of_table,
    open_connections,
)
from bench.state_policy import StatefulPolicy, address_key
from bench.state_source import FlowSource, Plan

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.testing.packets import ether, icmp, ip4

pytestmark = pytest.mark.kernel

PACKETS = 500_000
PLACES = 4 * ROOM  # of a limiter: four for each key that `size` promises room for
FLOOD = Plan(SYN, PACKETS, "11.0.0.0")


def test_connections_outlive_a_flood_of_syns(source: FlowSource, compiler: Compiler) -> None:
    flood = flood_of_syns(source, compiler, PACKETS)
    assert (flood.kept, flood.settled) == (SETTLED, SETTLED)
    assert flood.entries <= ROOM
    assert flood.memory[0] == flood.memory[1] < 40 << 20
    assert (flood.passed, flood.dropped) == (PACKETS, 0)


def test_connections_outlive_a_flood_of_syns_that_are_answered(source: FlowSource, compiler: Compiler) -> None:
    """The server answers each SYN; whoever sent it never got the answer, and sends it again."""
    flood = flood_of_answered_syns(source, compiler, PACKETS)
    assert (flood.kept, flood.settled) == (SETTLED, SETTLED)


def test_connections_outlive_a_flood_of_pings(source: FlowSource, compiler: Compiler) -> None:
    """Echo requests open connections too, and an unanswered one takes no place of a connection that was answered."""
    with StatefulPolicy(TRACK + "pass icmp and state new\n", compiler) as policy:
        open_connections(source, policy.fd, SETTLED)
        before = policy.decided(0)
        source.drive(Plan(ether(ip4(icmp())), PACKETS, "11.0.0.0", port_at=0), policy.fd, PACKETS)
        assert policy.decided(2) == PACKETS
        assert len(policy.entries("pf_flows").read_all()) == SETTLED
        assert len(policy.entries("pf_opening").read_all()) <= ROOM
        source.drive(Plan(ether(ip4(icmp())), 1000, port_at=0), policy.fd, 1000)
        assert policy.decided(0) == before


def test_a_dropped_flood_leaves_no_entry(source: FlowSource, compiler: Compiler) -> None:
    rules = "hook xdp\ndefault drop\ntrack\npass state established\ndrop src net 11.0.0.0/8\npass tcp and state new\n"
    with StatefulPolicy(rules, compiler) as policy:
        source.drive(FLOOD, policy.fd, PACKETS)
        assert policy.decided(1) == PACKETS
        assert not policy.entries("pf_opening").read_all()


@pytest.mark.parametrize("kernel", [None, (5, 10)], ids=["6.18", "5.10"])
@pytest.mark.parametrize("full", ["over", "within"])
def test_a_limiter_without_room_says_what_it_was_told_to(
    full: str, kernel: tuple[int, int] | None, source: FlowSource, compiler: Compiler
) -> None:
    """Who has used his token stays over throughout; of those who come new, as many as there is room for have theirs."""
    flood = flood_of_limiter(source, compiler, PACKETS, full, kernel)
    assert (flood.kept, flood.settled) == (SETTLED, SETTLED)
    assert ROOM <= flood.entries <= PLACES
    assert flood.memory[0] == flood.memory[1] < 8 << 20
    assert flood.passed == (PACKETS if full == "within" else flood.entries - SETTLED)
    assert flood.passed + flood.dropped == PACKETS


def test_a_limiter_counts_those_without_room(source: FlowSource, compiler: Compiler) -> None:
    with StatefulPolicy(LIMIT.format(full="over"), compiler) as policy:
        source.drive(FLOOD, policy.fd, PACKETS)
        counted = [policy.counted(f"limiter 0 {what}") for what in ("within", "over", "full")]
        assert counted == [policy.decided(1), 0, policy.decided(0)]
        assert sum(counted) == PACKETS


def test_idle_sources_make_room(source: FlowSource, compiler: Compiler) -> None:
    """A hundred thousand a second: each source is idle again 10 us later, so even a small limiter is never full."""
    rules = "hook xdp\ndefault pass\ndrop over 100k/s per src burst 1 size 4k\n"
    with StatefulPolicy(rules, compiler) as policy:
        source.drive(FLOOD, policy.fd, PACKETS)
        assert policy.counted("limiter 0 within") == PACKETS
        assert policy.counted("limiter 0 full") == 0


def test_a_table_that_evicts_takes_every_new_source(source: FlowSource, compiler: Compiler) -> None:
    flood = flood_of_table(source, compiler, PACKETS, evict=True)
    assert flood.entries <= ROOM
    assert flood.entries > ROOM * 0.9
    assert flood.memory[0] == flood.memory[1]
    assert flood.passed == PACKETS


def test_bans_are_kept_where_nothing_may_be_evicted(source: FlowSource, compiler: Compiler) -> None:
    flood = flood_of_table(source, compiler, PACKETS, evict=False)
    assert (flood.kept, flood.settled) == (SETTLED, SETTLED)
    assert flood.entries == ROOM
    assert flood.memory[1] < 16 << 20


@pytest.mark.parametrize("table", ["timeout 1d evict no", ""])
def test_what_a_full_table_refuses_is_counted(table: str, source: FlowSource, compiler: Compiler) -> None:
    rules = f"hook xdp\ndefault pass\ntable met key src {table} size 1k\npass then add src to met\n"
    with StatefulPolicy(rules, compiler) as policy:
        source.drive(FLOOD, policy.fd, PACKETS)
        assert policy.counted("table met added") == 1024
        assert policy.counted("table met refused") == PACKETS - 1024
        assert policy.entries("t_met").read_all().keys() == {address_key(FLOOD.address(flow)) for flow in range(1024)}


def test_an_expired_ban_makes_room_in_a_table_that_evicts_nothing(source: FlowSource, compiler: Compiler) -> None:
    """Renewing what is there needs no room, be its time up or not."""
    rules = "hook xdp\ndefault pass\ntable met key src timeout 1s evict no size 1k\npass then add src to met for 1ms\n"
    few = Plan(SYN, 1024)
    with StatefulPolicy(rules, compiler) as policy:
        source.drive(few, policy.fd, 1024)
        source.drive(few, policy.fd, PACKETS)
        assert policy.counted("table met added") == PACKETS + 1024
