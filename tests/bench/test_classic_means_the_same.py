"""Classic BPF as C must say what libpcap says, and each filter's packets must be judged alike by both programs."""

from __future__ import annotations

from random import Random

import pytest
from bench.cbpf_to_c import LONGEST, cbpf_to_c
from bench.filter_run import XDP_PASS, check_alike, judge_of, load_filter
from bench.filters import Filter, filters
from bench.objects import load_classic

from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.runtime.test_run import FrameError, TestRunner
from ebpfc.testing.libpcap import LibpcapFilter, libpcap_reason
from ebpfc.testing.packets import ether, icmp, ip4, tcp
from ebpfc.testing.random_frames import random_frame

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(libpcap_reason() is not None, reason=str(libpcap_reason())),
]

FRAMES = 2000
FILTERS = filters()
# Every kind of instruction: scratch, arithmetic with X and with constants, shifts past 31, division by zero, length.
EXPRESSIONS = (
    "ip[ip[0] & 15:2] / ip[8] > 3 or ip[1] % (ip[6] & 1) = 0",
    "ip[8] << (ip[1] & 63) > 100 or ip[8] >> ip[9] = 64",
    "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) != 0",
    "-ip[8] ^ ip[9] | 3 != len * 2 and len - 20 >= ether[13] + udp[4:2]",
    "ip6[6] = 0 or icmp6 or ip6 proto 44 and not ether[ip6[7]] & 1 != 0",
    "less 90 and not icmp[0] = 8",
    "ether[4000] = 0 or arp",
    "ether[70000] = 0",
    "vlan and vlan and ip",
    "pppoes and ip6 or mpls and ip host 10.0.0.1",
)


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return find_compiler(None)


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *(chosen.expression for chosen in FILTERS)])
@pytest.mark.parametrize("optimize", [True, False], ids=["optimized", "as it is"])
def test_libpcap_and_the_c_agree(expression: str, optimize: bool, compiler: Compiler) -> None:
    theirs = LibpcapFilter(expression, optimize=optimize)
    subject = load_classic("classic", theirs.instructions(), compiler, counters=False)
    runner, rng = TestRunner(subject.fd), Random(expression)
    own = [frame for chosen in FILTERS for frame in (*chosen.matched, *chosen.missed)]
    for frame in (*own, *(random_frame(rng) for _ in range(FRAMES))):
        try:
            said = runner.retval(frame) == XDP_PASS
        except FrameError:
            continue
        assert said == theirs.matches(frame), frame.hex()
    subject.loaded.close()


@pytest.mark.parametrize("chosen", FILTERS, ids=lambda chosen: chosen.expression)
def test_both_say_the_same_of_the_packets_that_are_timed(chosen: Filter, compiler: Compiler) -> None:
    pair = load_filter(chosen, compiler, counters=False)
    judge = judge_of(pair)
    for traffic in chosen.traffic(judge):
        check_alike(chosen, traffic, judge)
    for subject in pair:
        subject.loaded.close()


def test_bytes_without_which_nothing_matches_are_asked_for_at_once() -> None:
    text = cbpf_to_c(LibpcapFilter("ip and tcp and ip[40] = 1").instructions())
    assert text.count("> end") == 1
    assert "data + 55 > end" in text


def test_what_one_way_alone_needs_is_asked_for_there() -> None:
    """ARP needs 14 bytes, an address behind it more."""
    text = cbpf_to_c(LibpcapFilter("arp or ip src host 10.0.0.1").instructions())
    assert "data + 14 > end" in text
    assert "data + 30 > end" in text


def test_no_pointer_is_made_that_the_verifier_refuses() -> None:
    assert f"data + {LONGEST + 1}" not in cbpf_to_c(LibpcapFilter(f"ether[{LONGEST}] = 1").instructions())


def test_a_difference_is_not_timed(compiler: Compiler) -> None:
    """A filter that misses its own packets says so before anything is measured."""
    wrong = Filter("icmp", (ether(ip4(tcp())),), (ether(ip4(icmp())),))
    pair = load_filter(wrong, compiler, counters=False)
    judge = judge_of(pair)
    with pytest.raises(ValueError, match="icmp: match"):
        check_alike(wrong, wrong.traffic(judge)[0], judge)
