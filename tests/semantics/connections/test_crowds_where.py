"""`connections > N`, by hand from ADR 0004, rule 18: which guards count, asked or not, which packet, by which key."""

from __future__ import annotations

import pytest

from ebpfc.testing import Simulator, encapsulated, packets
from ebpfc.testing.conversations import Hosts
from ebpfc.testing.packets import ether, ip4
from ebpfc.testing.watching import WatchedGuard, answer_from, open_to

# ---------------------------------------------------------------------------------------------------- who counts, where


@pytest.mark.parametrize(
    "before",
    [
        "drop tcp and udp connections > 0 per src",
        "drop tcp connections > 0 per src",
        "if tcp {\n drop udp connections > 0 per src\n}",
        "if ip {\n pass tcp\n} else {\n drop connections > 0 per src\n}",
        "if udp {\n pass tcp\n} else if tcp connections > 0 per src {\n pass\n}",
        "if arp connections > 0 per src {\n drop\n}",
        'tcp within 1/s connections > 0 per src then count "a"',
    ],
)
def test_a_guard_that_is_not_asked_counts(before: str) -> None:
    crowds = WatchedGuard("ip", before)
    crowds.overs(open_to(1), open_to(2))
    assert crowds.taken() == 1
    assert crowds.simulator.crowds[0].holds((4, 0x0A000001, 0, 0, 0), 0)


def test_a_guard_behind_the_rule_that_decides_counts() -> None:
    simulator = Simulator.of_text("track\npass udp\ndrop connections > 0 per src\n")
    assert simulator.decide(open_to(1), 0).rule == 0
    assert simulator.decide(Hosts().tcp("client", "S"), 0).rule == 1


def test_the_verdict_may_be_the_default() -> None:
    simulator = Simulator.of_text('track\ndefault drop\npass udp dst port 1\ncount "over" connections > 0\n')
    assert [simulator.decide(open_to(port), 0).counts for port in (2, 1, 2)] == [(), (), ("over",)]


def test_two_guards_have_lists_of_their_own() -> None:
    rules = (
        'count "a" connections > 0 per src',
        'count "b" connections > 1 per dst',
        'count "c" connections > 0 per src',
    )
    simulator = Simulator.of_text("\n".join(("track", *rules)))
    other = Hosts(client="10.0.0.9")
    said = [simulator.decide(frame, 0).counts for frame in (open_to(1), open_to(1, other), open_to(2, other))]
    assert said == [(), (), ("a", "b", "c")]
    assert [(len(crowd.lists), crowd.rule) for crowd in simulator.crowds] == [(2, 0), (1, 1), (2, 2)]


def test_guards_stand_in_order() -> None:
    """One that does not hold leaves those behind it unasked; it takes no token of theirs, nor they a place of its."""
    simulator = Simulator.of_text("track\ndrop connections > 0 per src over 1/s\ndrop connections > 5 over 1/s\n")
    assert [simulator.decide(open_to(port), 0).verdict[0] for port in range(1, 5)] == ["p", "p", "d", "d"]
    assert [(meter.within, meter.over) for meter in simulator.limiters] == [(1, 2), (0, 0)]
    assert [sum(map(len, crowd.lists.values())) for crowd in simulator.crowds] == [1, 6]


def test_a_packet_of_a_direction_that_no_hook_sees_is_counted() -> None:
    simulator = Simulator.of_text("hook xdp\ntrack\ndrop connections > 0 per dst\n")
    simulator.observe(answer_from(1), 0)
    assert simulator.decide(answer_from(2), 0).verdict == "drop"
    assert simulator.decide(open_to(1), 0).verdict == "pass"


# ------------------------------------------------------------------------------------------------- tags, packets inside


def test_inside_vxlan_the_packets_inside_are_counted() -> None:
    inside = Hosts(vni=5)
    crowds = WatchedGuard("vxlan connections > 1 per src")
    assert crowds.overs(*(open_to(port) for port in (1, 2, 3))) == [False] * 3
    assert crowds.taken() == 0
    assert crowds.overs(*(open_to(port, inside) for port in (1, 2, 3))) == [False, False, True]
    words = {(4, 0x0A000001, 0, 0, 0)}
    assert set(crowds.simulator.crowds[0].lists) == words
    assert {c.inside for c in crowds.simulator.connections} == {None, "vxlan"}


def test_of_the_frame_itself_the_tunnel_is_one_connection() -> None:
    inside = Hosts(vni=5)
    crowds = WatchedGuard("connections > 0 per src", before='vxlan connections > 9 per src then count "many"')
    assert crowds.overs(open_to(1, inside), open_to(2, inside)) == [False, True]
    assert (crowds.taken(0), crowds.taken(1)) == (2, 1)
    assert list(crowds.simulator.crowds[1].lists) == [(4, 0xC0000201, 0, 0, 0)]


def test_a_number_says_which_packets_are_asked_not_which_are_counted() -> None:
    crowds = WatchedGuard("vxlan 5 and udp connections > 1 per src")
    six = Hosts(vni=6)
    assert crowds.overs(open_to(1, six), open_to(2, six), open_to(3, six)) == [False] * 3
    assert crowds.over(open_to(1, Hosts(vni=5))) is True
    by_network = WatchedGuard("vxlan connections > 0 per (src, vxlan)")
    assert by_network.overs(open_to(1, six), open_to(1, Hosts(vni=5)), open_to(2, six)) == [False, False, True]


def test_another_encapsulation_is_another_layer() -> None:
    """Inside geneve the connection is tracked, as a rule asks for its state, and vxlan's guard does not count it."""
    frame = ether(ip4(encapsulated.geneve(packets.ether(ip4(packets.udp(dport=1))), 5)))
    crowds = WatchedGuard("vxlan connections > 0 per outer src", before='geneve and state new then count "new"')
    crowds.overs(frame, frame)
    assert {connection.inside for connection in crowds.simulator.connections} == {None, "geneve"}
    assert crowds.simulator.crowds[0].lists == {}


def test_another_port_is_another_layer() -> None:
    frame = ether(ip4(packets.vxlan(ether(ip4(packets.udp(dport=1))), 5, port=8472)))
    before = 'vxlan port 8472 and state new then count "new"'
    crowds = WatchedGuard("vxlan connections > 0 per src", before)
    assert crowds.overs(frame, open_to(2, Hosts(vni=5)), open_to(3, Hosts(vni=5))) == [False, False, True]
    assert crowds.taken() == 1


def test_behind_else_nothing_of_the_head_is_open() -> None:
    crowds = WatchedGuard("ip", 'if vxlan {\n count "in"\n} else {\n count "out" connections > 9 per src\n}')
    crowds.overs(open_to(1), open_to(2, Hosts(vni=5)))
    sources = {(4, address, 0, 0, 0) for address in (0x0A000001, 0xC0000201)}
    assert set(crowds.simulator.crowds[0].lists) == sources


def test_outer_is_the_frames_own_packet() -> None:
    crowds = WatchedGuard("vxlan connections > 1 per outer src")
    frames = (open_to(1, Hosts(vni=5, client=f"10.0.0.{host}")) for host in (1, 2, 3))
    assert crowds.overs(*frames) == [False, False, True]


def test_tags_are_of_the_key_where_it_names_them() -> None:
    five, six = Hosts(vids=(5,)), Hosts(vids=(6,))
    crowds = WatchedGuard("vlan connections > 0 per vlan")
    assert crowds.overs(open_to(1), open_to(1, five), open_to(2, six), open_to(2, five)) == [False, False, False, True]
    assert set(crowds.simulator.crowds[0].lists) == {(5,), (6,)}
    by_source = WatchedGuard("vlan connections > 1 per src")
    assert by_source.overs(open_to(1), open_to(1, five), open_to(1, six)) == [False, False, True]
