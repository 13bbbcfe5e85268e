"""Many rules: the look-up by hand finds its five-tuples and no others; tables and plot say what was measured."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from bench.measure import Slices
from bench.objects import Size
from bench.plot import Line, plot
from bench.rule_cases import AIMED, RANDOM, REPEATED, RuleCase
from bench.rule_report import plot_rules, print_rules, rules_data
from bench.rule_run import RuleFigures, Worst, build_ours, load_look_up
from bench.rule_source import RuleSource

from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.runtime.test_run import TestRunner
from ebpfc.testing.packets import ether, ip4, ip6, tcp, udp
from ebpfc.testing.rule_sets import Packet

DROP, PASS = 1, 2


@pytest.mark.kernel
@pytest.mark.parametrize("version", [4, 6])
def test_the_look_up_by_hand_finds_its_five_tuples_and_no_others(version: int) -> None:
    rng = Random(version)
    address = 1 << 125 if version == 6 else 0
    packets = [
        Packet(version, address + rng.getrandbits(32), address + rng.getrandbits(32), rng.choice((6, 17)), 1000 + i, 53)
        for i in range(40)
    ]
    hand = load_look_up(RuleCase("acl", 20, version), packets, find_compiler(None))
    runner = TestRunner(hand.fd)
    assert [runner.retval(_frame(packet)) for packet in packets] == [DROP] * 20 + [PASS] * 20
    hand.loaded.close()


def _frame(packet: Packet) -> bytes:
    transport = (tcp if packet.proto == 6 else udp)(sport=packet.sport, dport=packet.dport)
    frame = bytearray(ether((ip4 if packet.version == 4 else ip6)(transport)))
    at, size = (26, 4) if packet.version == 4 else (22, 16)
    frame[at : at + 2 * size] = packet.src.to_bytes(size, "big") + packet.dst.to_bytes(size, "big")
    return bytes(frame)


@pytest.mark.kernel
def test_the_source_sends_each_packet_and_times_it() -> None:
    compiler = find_compiler(None)
    case = RuleCase("acl", 10, 4)
    built, source = build_ours(case, compiler), RuleSource(compiler)
    source.use(case.traffic[2][1])
    assert source.time(built.subject.fd, 1) > 0
    each = source.each(built.subject.fd, 4, 2)
    assert each.shape == (16,)
    assert np.all(each > 0)
    for loaded in (built.subject.loaded, source):
        loaded.close()


def _figures(count: int, ns: float) -> RuleFigures:
    slices = Slices((10.0, 10.0), {"ours": (ns, ns), "hand": (20.0, 20.0)})
    traffic = dict.fromkeys((AIMED, RANDOM, REPEATED), slices)
    return RuleFigures(RuleCase("acl", count, 4), Size(1, 2, 3), 1.5, 0.002, 2048, traffic, Worst(10 * ns, ns))


def test_growth_is_held_against_its_goals() -> None:
    text = print_rules((_figures(10, 20.0), _figures(10_000, 40.0)))
    assert "| acl, IPv4 | 2.000 [3.00] | 2.000 [3.00] | 2.000 (missed) [3.00] |" in text
    assert "| 400 (missed) |" in text
    assert "| acl, IPv4 | 10,000 | 2 | 1 | 2 | 3 | 2 | 1.5 |" in text
    assert rules_data((_figures(10, 20.0),))[0]["traffic"][AIMED]["ratio"] == 1.0


def test_the_plot_has_every_line_and_labels_that_do_not_meet() -> None:
    drawn = plot_rules((_figures(10, 20.0), _figures(10_000, 40.0)))
    assert all(name in drawn for name in ("acl, 65,536 flows", "acl, 16 flows", "one look-up in a hash map", "10,000"))
    same = plot("two & two", [Line(name, [(1, 5.0), (10, 5.0)]) for name in ("a", "b")])
    assert "two &amp; two" in same
    places = [line.partition('y="')[2].partition('"')[0] for line in same.splitlines() if "fill:#" in line]
    assert float(places[1]) - float(places[0]) >= 12
