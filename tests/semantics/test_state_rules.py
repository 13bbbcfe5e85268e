"""Guards, blocks, scope and logs of policies that remember, by hand from ADR 0003, rules 2, 4, 15 and 19."""

from __future__ import annotations

import pytest

from ebpfc.testing import Simulator
from ebpfc.testing.packets import arp, ether, ip4, ip6, tag, tcp, udp, vxlan
from ebpfc.testing.random_policies import checked_policy
from ebpfc.testing.semantics import Event, Frame, judge
from ebpfc.testing.simulator import HOUR, SECOND

A, B, IN = "10.0.0.1", "10.0.0.2", "10.1.0.1"


def tcp4(src: str = A, flags: int = 0x02) -> bytes:
    return ether(ip4(tcp(flags=flags), src=src))


def paths(text: str, *packets: tuple[int, bytes]) -> list[tuple[int, ...]]:
    simulator = Simulator.of_text(text)
    return [simulator.decide(frame, time).path for time, frame in packets]


# --------------------------------------------------------------------------------------------------------------- guards


def test_guards_are_asked_only_where_the_match_holds() -> None:
    """Neither a false match nor an unknown one takes a token."""
    text = "drop tcp dst port 80 within 1/s\n"
    false, unknown, true = ether(ip4(udp())), tcp4()[:36], tcp4()
    assert paths(text, (0, false), (0, unknown), (0, true), (0, true)) == [(), (), (0,), ()]


def test_guards_behind_one_that_fails_take_no_token() -> None:
    simulator = Simulator.of_text("limit l 1/s burst 2\ndrop over 1/s within l\n")
    for _ in range(4):
        simulator.decide(tcp4(), 0)
    own = next(meter for meter in simulator.limiters if meter.name is None)
    assert (own.within, own.over) == (1, 3)
    assert (simulator.limiter("l").within, simulator.limiter("l").over) == (2, 1)
    assert (own.rule, simulator.limiter("l").rule) == (0, None)


def test_the_first_guard_keeps_its_token_though_the_second_fails() -> None:
    simulator = Simulator.of_text("drop within 1/s burst 5 within 1/s per ip6 src\n")
    assert simulator.decide(tcp4(), 0).path == ()
    first, second = simulator.limiters
    assert (first.within, second.within) == (1, 0)


def test_a_guard_sees_what_an_earlier_rule_did() -> None:
    text = "table t key src\nlimit l 2/s burst 1\ntcp within l then add src to t\ndrop src in t over l\n"
    assert paths(text, (0, tcp4())) == [(0, 1)]


# --------------------------------------------------------------------------------------------------------------- blocks

HEADS = """
if tcp within 1/s burst 2 {
    udp then count "never"
    then count "body"
} else if ip over 1/s {
    then count "flood"
} else {
    then count "else"
}
"""


def test_a_head_is_asked_once_and_else_is_taken_where_its_guard_fails() -> None:
    """The third TCP packet is over the first head's rate; its token is the first that the second head gives."""
    frames = [(0, tcp4())] * 4 + [(0, ether(ip4(udp()))), (0, ether(arp()))]
    assert paths(HEADS, *frames) == [(1,), (1,), (3,), (2,), (2,), (3,)]


def test_a_head_of_guards_alone() -> None:
    text = "if within 1/s per src {\n    pass\n} else {\n    drop\n}\n"
    assert paths(text, (0, tcp4(A)), (0, tcp4(B)), (0, tcp4(A)), (0, ether(arp()))) == [(0,), (0,), (1,), (1,)]


def test_the_body_of_a_head_that_held_does_not_ask_it_again() -> None:
    simulator = Simulator.of_text('if within 1/s {\n    then count "a"\n    then count "b"\n    pass\n}\n')
    assert simulator.decide(tcp4(), 0).path == (0, 1, 2)
    assert simulator.limiters[0].within == 1
    assert simulator.limiters[0].rule is None


# ---------------------------------------------------------------------------------------------------------------- scope


def tunnel(inner: bytes, source: str = A, vni: int = 5) -> bytes:
    return ether(ip4(vxlan(inner, vni), src=source))


def test_keys_read_the_packet_that_is_open_and_outer_the_frames_own() -> None:
    text = (
        "table inner key src\ntable outer_ key src\n"
        "vxlan 5 then add src to inner, add outer src to outer_\n"
        "if vxlan 6 {\n    then add src to inner\n} else {\n    then add src to outer_\n}\n"
    )
    simulator = Simulator.of_text(text)
    simulator.decide(tunnel(tcp4(IN)), 0)
    assert list(simulator.tables["inner"]) == [IN]
    assert list(simulator.tables["outer_"]) == [A]
    simulator.decide(tunnel(tcp4("10.1.0.2"), B, 6), 0)
    assert set(simulator.tables["inner"]) == {IN, "10.1.0.2"}
    assert list(simulator.tables["outer_"]) == [A]
    simulator.decide(tcp4(B), 0)
    assert set(simulator.tables["outer_"]) == {A, B}


def test_a_guard_reads_the_packet_that_is_open_and_counts_the_whole_frame() -> None:
    frame = tunnel(tcp4(IN))
    text = f"drop vxlan over 10kB/s per src burst {len(frame)}\n"
    simulator = Simulator.of_text(text)
    assert simulator.decide(frame, 0).verdict == "pass"
    assert simulator.decide(tunnel(tcp4(IN), B), 0).verdict == "drop"
    assert simulator.decide(tunnel(tcp4("10.1.0.2")), 0).verdict == "pass"


def test_tenants_share_no_state() -> None:
    text = "table t key (vlan, src)\nvlan and tcp then add (vlan, src) to t\ndrop (vlan, src) in t\n"
    simulator = Simulator.of_text(text)
    simulator.decide(ether(tag(ip4(tcp(), src=A), 5)), 0)
    assert list(simulator.tables["t"]) == [(5, A)]
    assert simulator.decide(ether(tag(ip4(udp(), src=A), 5)), 0).verdict == "drop"
    assert simulator.decide(ether(tag(ip4(udp(), src=A), 6)), 0).verdict == "pass"
    assert simulator.decide(ether(ip4(udp(), src=A)), 0).verdict == "pass"


@pytest.mark.parametrize(
    ("field", "frame", "expected"),
    [
        ("vlan", ether(tag(tag(ip4(tcp()), 7), 5)), 5),
        ("vlan", ether(ip4(tcp())), None),
        ("vlan", ether(tag(ip4(tcp()), 5))[:15], None),
        ("vxlan", tunnel(tcp4(), vni=9), 9),
        ("vxlan", ether(ip4(udp())), None),
        ("proto", ether(ip4(udp())), 17),
        ("proto", ether(ip4(udp(), offset=3)), 17),
        ("proto", ether(ip6(udp())), 17),
        ("proto", ether(arp()), None),
        ("src port", ether(ip4(udp(sport=99))), 99),
        ("tcp src port", ether(ip4(udp(sport=99))), None),
        ("ifindex", b"", 1),
        ("ip.ttl", ether(ip4(tcp(), ttl=7)), 7),
        ("ip6.hoplimit", ether(ip4(tcp(), ttl=7)), None),
        ("ether src", ether(ip4(tcp()), src="02:00:00:00:00:09"), "02:00:00:00:00:09"),
        ("ether src", ether(ip4(tcp()))[:11], None),
        ("ip src", ether(ip4(tcp(), src=B)), B),
        ("ip src", ether(ip6(tcp())), None),
        ("ip6 dst", ether(ip6(tcp(), dst="2001:db8::5")), "2001:db8::5"),
        ("ip.daddr", ether(ip4(tcp(), dst=B)), B),
        ("src", ether(arp(sender=A)), None),
        ("meta.length", ether(ip4(tcp())), 54),
    ],
)
def test_fields_of_keys(field: str, frame: bytes, expected: str | int | None) -> None:
    simulator = Simulator.of_text(f"table t key {field}\nthen add {field} to t\n")
    simulator.decide(frame, 0)
    assert list(simulator.tables["t"]) == ([] if expected is None else [expected])


def test_the_protocol_is_not_an_extension_header_on_the_way() -> None:
    from ebpfc.testing.packets import extension

    simulator = Simulator.of_text("table t key proto\nthen add proto to t\n")
    simulator.decide(ether(ip6(extension(0, extension(60, tcp())))), 0)
    assert list(simulator.tables["t"]) == [6]


def test_the_tag_opened_last_is_the_key() -> None:
    simulator = Simulator.of_text("table t key vlan\nvlan 5 and vlan then add vlan to t\n")
    simulator.decide(ether(tag(tag(ip4(tcp()), 7), 5)), 0)
    assert list(simulator.tables["t"]) == [7]


# ------------------------------------------------------------------------------------------------------------------ log


def test_a_log_tells_of_the_frame_at_once() -> None:
    text = 'tcp then log "syn" 20 bytes\ndrop tcp then log\nlog "never" udp\n'
    frame = tcp4()
    first, second = Simulator.of_text(text).decide(frame, 7).events
    assert first == Event(7, 0, None, "inbound", 1, len(frame), "syn", frame[:20])
    assert second == Event(7, 1, "drop", "inbound", 1, len(frame), "", frame)


@pytest.mark.parametrize("rule", ["drop tcp then log", "tcp then log, drop", "tcp then drop, log"])
def test_a_log_has_its_rules_verdict_wherever_it_stands(rule: str) -> None:
    (event,) = Simulator.of_text(rule + "\n").decide(tcp4(), 0).events
    assert event.verdict == "drop"


def test_a_log_shows_the_frame_as_it_is_in_memory() -> None:
    """The kernel's tag is not in it, and counts; 96 bytes unless more are asked for, and none may be asked for."""
    frame = Frame(ether(ip4(tcp(bytes(200)))), tag=(0x8100, 5), ifindex=3)
    simulator = Simulator.of_text("hook tc egress\nvlan 5 then log, log 0 bytes, log 512 bytes\n")
    events = simulator.decide(frame, 0, "outbound").events
    assert [event.data for event in events] == [frame.data[:96], b"", frame.data]
    assert {(event.length, event.ifindex, event.direction) for event in events} == {(258, 3, "outbound")}


def test_a_policy_that_only_logs_needs_no_time() -> None:
    policy, sink = checked_policy("drop tcp then log\n")
    assert policy is not None, sink.items
    assert len(judge(policy, Frame(tcp4()), "inbound").events) == 1


@pytest.mark.parametrize(
    "rule", ["drop src in t", "tcp then add src to t", "drop over 1/s", "tcp then delete src from t"]
)
def test_a_judge_without_a_memory_says_so(rule: str) -> None:
    policy, sink = checked_policy(f"table t key src\n{rule}\n")
    assert policy is not None, sink.items
    with pytest.raises(ValueError, match="ask a Simulator"):
        judge(policy, Frame(tcp4()), "inbound")


# ------------------------------------------------------------------------------------------------------- one line of pf


def test_over_a_rate_banned_for_an_hour_and_free_by_itself() -> None:
    text = (
        "table banned key src timeout 10m\ndrop src in banned\n"
        "drop tcp flags S/SA over 100/s per src burst 3 then add src to banned for 1h, log\n"
    )
    simulator = Simulator.of_text(text)
    assert [simulator.decide(tcp4(), 0).rule for _ in range(5)] == [None, None, None, 1, 0]
    assert simulator.decide(tcp4(flags=0x10), SECOND).rule == 0
    assert simulator.decide(tcp4(B), SECOND).rule is None
    assert simulator.decide(tcp4(), HOUR - 1).rule == 0
    assert simulator.decide(tcp4(), HOUR).rule is None
