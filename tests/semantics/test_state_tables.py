"""Tables over time, by hand from ADR 0003, rules 2, 5 and 7 to 11: expiry, renewal, prefixes, full tables, counters."""

from __future__ import annotations

import pytest

from ebpfc.testing import Simulator
from ebpfc.testing.packets import arp, ether, ip4, ip6, tag, tcp, udp
from ebpfc.testing.simulator import HOUR, MINUTE, SECOND, TableEntry

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.1.1"


def tcp4(src: str = A, dst: str = "10.9.9.9", dport: int = 80) -> bytes:
    return ether(ip4(tcp(dport=dport), src=src, dst=dst))


def udp4(src: str = A) -> bytes:
    return ether(ip4(udp(), src=src))


BAN = "table banned key src timeout 10m\ndrop src in banned\nudp then add src to banned\n"


def test_an_entry_is_there_until_its_expiry_and_not_at_it() -> None:
    for late, verdict in ((10 * MINUTE - 1, "drop"), (10 * MINUTE, "pass"), (10 * MINUTE + 1, "pass")):
        simulator = Simulator.of_text(BAN)
        assert simulator.decide(udp4(), 5).verdict == "pass"
        assert simulator.decide(tcp4(), 5 + late).verdict == verdict, late


def test_a_lookup_does_not_renew_and_an_add_does() -> None:
    """The rule that bans is behind the one that drops: the second UDP packet is dropped before it."""
    simulator = Simulator.of_text(BAN)
    simulator.decide(udp4(), 0)
    assert simulator.decide(udp4(), 5 * MINUTE).verdict == "drop"
    assert simulator.tables["banned"] == {A: TableEntry(10 * MINUTE, 1, len(udp4()))}
    renewing = Simulator.of_text("table t key src timeout 10m\nudp then add src to t\npass src in t\n")
    renewing.decide(udp4(), 0)
    renewing.decide(udp4(), 5 * MINUTE)
    assert renewing.tables["t"][A].expires == 15 * MINUTE


def test_for_is_in_full_shorter_or_longer_and_without_either_it_is_for_ever() -> None:
    text = "table t key src timeout 10m\ntcp then add src to t for 1m\nudp then add src to t\n"
    simulator = Simulator.of_text(text)
    simulator.decide(udp4(), 7)
    assert simulator.tables["t"][A].expires == 7 + 10 * MINUTE
    simulator.decide(tcp4(), 8)
    assert simulator.tables["t"][A].expires == 8 + MINUTE
    simulator.decide(udp4(B), 9 + MINUTE)
    assert list(simulator.tables["t"]) == [B]
    endless = Simulator.of_text("table t key src\nudp then add src to t\ntcp then add src to t for 1m\n")
    endless.decide(udp4(), 0)
    assert endless.tables["t"][A].expires is None
    endless.decide(tcp4(), 1)
    assert endless.tables["t"][A].expires == 1 + MINUTE


def test_an_add_is_seen_by_the_rules_behind_it_for_the_same_packet() -> None:
    before = "table t key src\npass src in t\nudp then add src to t\n"
    behind = "table t key src\nudp then add src to t\npass src in t\n"
    assert Simulator.of_text("default drop\n" + before).decide(udp4(), 0).verdict == "drop"
    assert Simulator.of_text("default drop\n" + behind).decide(udp4(), 0).verdict == "pass"


def test_actions_run_in_order_those_behind_the_verdict_too() -> None:
    text = "table t key src\nudp then drop, add src to t, delete src from t\ntcp then delete src from t, add src to t\n"
    simulator = Simulator.of_text(text)
    assert simulator.decide(udp4(), 0).verdict == "drop"
    assert simulator.tables["t"] == {}
    simulator.decide(tcp4(), 0)
    assert list(simulator.tables["t"]) == [A]


def test_a_delete_takes_away_and_the_next_add_begins_anew() -> None:
    simulator = Simulator.of_text("table t key src\npass tcp and src in t\nudp then delete src from t\n")
    simulator.add("t", A)
    simulator.decide(tcp4(), 0)
    assert simulator.tables["t"][A].packets == 1
    simulator.decide(udp4(B), 1)
    assert simulator.decide(tcp4(), 1).rule == 0
    simulator.decide(udp4(), 2)
    assert simulator.decide(tcp4(), 2).rule is None
    simulator.add("t", A)
    assert simulator.tables["t"][A] == TableEntry(None, 0, 0)


def test_an_expired_entry_that_comes_again_counts_from_nothing() -> None:
    simulator = Simulator.of_text("table t key src timeout 1s\npass src in t\nthen add src to t\n")
    for time in (0, 1, 2):
        simulator.decide(udp4(), time)
    assert simulator.tables["t"][A] == TableEntry(SECOND, 2, 2 * len(udp4()))
    simulator.decide(udp4(), SECOND)
    assert simulator.tables["t"][A] == TableEntry(2 * SECOND, 0, 0)


def test_an_entry_counts_a_packet_once_and_the_whole_frame() -> None:
    simulator = Simulator.of_text('table t key src\nsrc in t then count "a"\nsrc in t then count "b"\n')
    simulator.add("t", A)
    frame = ether(tag(ip4(udp(b"abc"), src=A), 5))
    assert simulator.decide(frame, 0).counts == ("a", "b")
    assert simulator.tables["t"][A] == TableEntry(None, 1, len(frame))


# ----------------------------------------------------------------------------------------------------------------- keys


def test_the_family_is_part_of_the_key() -> None:
    simulator = Simulator.of_text("table t key src\ndrop src in t\n")
    simulator.add("t", A)
    assert simulator.decide(tcp4(), 0).verdict == "drop"
    assert simulator.decide(ether(ip6(tcp(), src=f"::ffff:{A}")), 0).verdict == "pass"
    assert simulator.decide(ether(ip6(tcp(), src=f"::{A}")), 0).verdict == "pass"
    simulator.add("t", f"::ffff:{A}")
    assert simulator.decide(ether(ip6(tcp(), src=f"::ffff:{A}")), 0).verdict == "drop"
    assert len(simulator.tables["t"]) == 2


def test_without_a_key_in_is_false_and_its_denial_true() -> None:
    """Not unknown, as a missing byte is elsewhere; ARP has no `src`, and a frame may end before the address does."""
    simulator = Simulator.of_text("table t key src\ndrop not src in t\n")
    simulator.add("t", A)
    whole = tcp4()
    assert simulator.decide(whole, 0).verdict == "pass"
    for frame in (ether(arp(sender=A)), whole[:29], whole[:13], b""):
        assert simulator.decide(frame, 0).verdict == "drop", frame


def test_without_a_key_nothing_is_added_or_deleted() -> None:
    simulator = Simulator.of_text("table t key (src, dst port)\nthen add (src, dst port) to t\n")
    first = ether(ip4(tcp(dport=80), src=A, more=True))
    later = ether(ip4(tcp(dport=80), src=A, offset=1))
    for frame in (ether(arp()), tcp4()[:37], later):
        simulator.decide(frame, 0)
        assert simulator.tables["t"] == {}
    simulator.decide(first, 0)
    assert list(simulator.tables["t"]) == [(A, 80)]
    deleting = Simulator.of_text("table t key src\nthen delete src from t\n")
    deleting.add("t", A)
    deleting.decide(tcp4()[:29], 0)
    assert list(deleting.tables["t"]) == [A]


def test_another_field_of_the_same_kind_looks_up() -> None:
    simulator = Simulator.of_text("table t key src\nudp then add src to t\ndrop dst in t\n")
    simulator.decide(udp4(A), 0)
    assert simulator.decide(tcp4(src=B, dst=A), 0).verdict == "drop"
    assert simulator.decide(tcp4(src=A, dst=B), 0).verdict == "pass"


# ------------------------------------------------------------------------------------------------------------- prefixes

FEEDS = "table feeds key src net size 3\ndrop src in feeds\n"


def test_prefixes_of_both_families_down_to_all() -> None:
    simulator = Simulator.of_text(FEEDS)
    simulator.add("feeds", "10.0.0.0/24")
    simulator.add("feeds", "2001:db8::/32")
    assert simulator.decide(tcp4(A), 0).verdict == "drop"
    assert simulator.decide(tcp4(C), 0).verdict == "pass"
    assert simulator.decide(ether(ip6(tcp(), src="2001:db8:ffff::1")), 0).verdict == "drop"
    assert simulator.decide(ether(ip6(tcp(), src="2001:db9::1")), 0).verdict == "pass"
    simulator.add("feeds", "0.0.0.0/0")
    assert simulator.decide(tcp4(C), 0).verdict == "drop"
    assert simulator.decide(ether(ip6(tcp(), src="2001:db9::1")), 0).verdict == "pass"


def test_only_the_longest_prefix_counts_even_expired() -> None:
    simulator = Simulator.of_text(FEEDS)
    simulator.add("feeds", "10.0.0.0/8")
    simulator.add("feeds", "10.0.0.0/24", SECOND)
    assert simulator.decide(tcp4(A), SECOND - 1).verdict == "drop"
    assert simulator.decide(tcp4(A), SECOND).verdict == "pass"
    assert simulator.decide(tcp4(C), SECOND).verdict == "drop"
    assert simulator.tables["feeds"] == {"10.0.0.0/8": TableEntry(None, 1, len(tcp4()))}
    simulator.delete("feeds", "10.0.0.0/24")
    assert simulator.decide(tcp4(A), SECOND).verdict == "drop"


def test_a_rule_adds_and_deletes_the_whole_address() -> None:
    simulator = Simulator.of_text("table t key src net\nudp then add src to t\ntcp then delete src from t\n")
    simulator.add("t", "10.0.0.0/8")
    simulator.decide(udp4(), 0)
    assert set(simulator.tables["t"]) == {"10.0.0.0/8", "10.0.0.1/32"}
    simulator.delete("t", "10.0.0.1/32")
    simulator.add("t", A)
    assert set(simulator.tables["t"]) == {"10.0.0.0/8", "10.0.0.1/32"}
    simulator.decide(tcp4(), 0)
    assert set(simulator.tables["t"]) == {"10.0.0.0/8"}


def test_what_stands_before_a_prefix_is_exact() -> None:
    simulator = Simulator.of_text("table t key (dst port, src net)\ndrop (dst port, src) in t\n")
    simulator.add("t", (80, "10.0.0.0/8"))
    assert simulator.decide(tcp4(dport=80), 0).verdict == "drop"
    assert simulator.decide(tcp4(dport=81), 0).verdict == "pass"
    simulator.add("t", (81, "0.0.0.0/0"))
    assert simulator.decide(tcp4(dport=81), 0).verdict == "drop"


# --------------------------------------------------------------------------------------------------------- full tables


def fill(text: str, *sources: str, gap: int = 1) -> Simulator:
    simulator = Simulator.of_text(text)
    for number, source in enumerate(sources):
        simulator.decide(udp4(source), number * gap)
    return simulator


def test_full_the_least_recently_used_goes() -> None:
    text = "table t key src timeout 1h size 2\nudp then add src to t\npass tcp and src in t\n"
    assert set(fill(text, A, B, C).tables["t"]) == {B, C}
    assert set(fill(text, A, B, A, C).tables["t"]) == {A, C}
    simulator = fill(text, A, B)
    simulator.decide(tcp4(A), 9)
    simulator.decide(udp4(C), 9)
    assert set(simulator.tables["t"]) == {A, C}
    assert simulator.memory.tables["t"].added == 3


@pytest.mark.parametrize("options", ["size 2", "timeout 1h size 2 evict no", "size 2 evict no"])
def test_full_what_is_new_is_refused(options: str) -> None:
    simulator = fill(f"table t key src {options}\nudp then add src to t\n", A, B, C, A)
    assert set(simulator.tables["t"]) == {A, B}
    assert (simulator.memory.tables["t"].added, simulator.memory.tables["t"].refused) == (3, 1)


def test_a_full_prefix_table_refuses() -> None:
    simulator = fill("table t key src net timeout 1h size 2\nudp then add src to t\n", A, B, C)
    assert set(simulator.tables["t"]) == {"10.0.0.1/32", "10.0.0.2/32"}
    assert simulator.memory.tables["t"].refused == 1


@pytest.mark.parametrize("options", ["timeout 1s size 2", "timeout 1s size 2 evict no"])
def test_what_is_expired_takes_no_room(options: str) -> None:
    simulator = fill(f"table t key src {options}\nudp then add src to t\n", A, B, C, gap=SECOND)
    assert set(simulator.tables["t"]) == {C}
    assert simulator.memory.tables["t"].refused == 0
    simulator.decide(udp4(A), 2 * SECOND + 1)
    assert set(simulator.tables["t"]) == {A, C}


# ---------------------------------------------------------------------------------------------------------------- clock


def test_the_clock_only_goes_forward() -> None:
    simulator = Simulator.of_text(BAN)
    simulator.decide(udp4(), 5)
    simulator.decide(udp4(), 5)
    with pytest.raises(ValueError, match="time goes back from 5 to 4 ns"):
        simulator.decide(udp4(), 4)
    assert simulator.wait(HOUR) == 5 + HOUR
    assert simulator.tables["banned"] == {}


def test_an_operator_adds_for_the_timeout_or_as_said() -> None:
    simulator = Simulator.of_text("table t key (ether src, ifindex) timeout 1m\ndrop (ether src, ifindex) in t\n")
    simulator.wait(SECOND)
    simulator.add("t", ("02:00:00:00:00:01", 1))
    simulator.add("t", ("02:00:00:00:00:01", 2), 5)
    assert simulator.tables["t"] == {
        ("02:00:00:00:00:01", 1): TableEntry(SECOND + MINUTE, 0, 0),
        ("02:00:00:00:00:01", 2): TableEntry(SECOND + 5, 0, 0),
    }
    assert simulator.decide(tcp4(), SECOND).verdict == "drop"
    for wrong in ("02:00:00:00:00:01", ("02:00:00:00:00", 1), (A, 1), ("02:00:00:00:00:01", "1"), (1, 1)):
        with pytest.raises(ValueError):
            simulator.add("t", wrong)
    with pytest.raises(KeyError):
        simulator.add("other", A)
