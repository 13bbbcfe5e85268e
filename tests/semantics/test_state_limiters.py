"""Limiters over time, by hand from ADR 0003, rules 12 to 17: costs, bursts, boundaries, shared limits, full ones."""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.compiler.ast.nodes import Limiter, Rate
from ebpfc.testing import Simulator
from ebpfc.testing.packets import arp, ether, ip4, ip6, tcp, udp
from ebpfc.testing.semantics.limiters import Meter, cost_of, depth_of
from ebpfc.testing.simulator import MILLISECOND, MINUTE, SECOND

A, B = "10.0.0.1", "10.0.0.2"
SIXTEEN_SECONDS = 16 * SECOND


def tcp4(src: str = A) -> bytes:
    return ether(ip4(tcp(), src=src))


def verdicts(text: str, *packets: tuple[int, bytes]) -> str:
    """A letter a packet: `p` or `d`."""
    simulator = Simulator.of_text(text)
    return "".join(simulator.decide(frame, time).verdict[0] for time, frame in packets)


# -------------------------------------------------------------------------------------------------------- whole numbers


@pytest.mark.parametrize(
    ("rate", "amount", "cost"),
    [
        (Rate(1, "packets", SECOND), 1, SIXTEEN_SECONDS),
        (Rate(3, "packets", SECOND), 1, 5_333_333_333),
        (Rate(3, "packets", SECOND), 3, 15_999_999_999),
        (Rate(SIXTEEN_SECONDS, "packets", SECOND), 7, 7),
        (Rate(1000, "bytes", SECOND), 100, 1_600_000_000),
        (Rate(8000, "bits", SECOND), 100, 1_600_000_000),
        (Rate(3_000_000, "bytes", SECOND), 1500, 7_999_999),
        (Rate(3_000_000, "bytes", SECOND), 1, 5333),
        (Rate(10**12, "bits", SECOND), 1, 1),
        (Rate(10**12, "bits", SECOND), 1000, 127),
    ],
)
def test_costs(rate: Rate, amount: int, cost: int) -> None:
    """In sixteenths of a ns, of a byte with 20 bits behind the point, rounded down, at least 1."""
    assert cost_of(rate, amount) == cost


@pytest.mark.parametrize(
    ("rate", "burst", "depth"),
    [
        (Rate(5, "packets", SECOND), None, cost_of(Rate(5, "packets", SECOND), 1)),
        (Rate(19, "packets", SECOND), None, cost_of(Rate(19, "packets", SECOND), 1)),
        (Rate(20, "packets", SECOND), None, 2 * cost_of(Rate(20, "packets", SECOND), 1)),
        (Rate(600, "packets", MINUTE), None, cost_of(Rate(600, "packets", MINUTE), 1)),
        (Rate(5, "packets", SECOND), 7, 7 * cost_of(Rate(5, "packets", SECOND), 1)),
        (Rate(1_000_000, "bits", SECOND), None, cost_of(Rate(1_000_000, "bits", SECOND), 12_500)),
        (Rate(1_000_000, "bytes", SECOND), None, cost_of(Rate(1_000_000, "bytes", SECOND), 100_000)),
        (Rate(1_000_000, "bytes", SECOND), 60, cost_of(Rate(1_000_000, "bytes", SECOND), 60)),
    ],
)
def test_depths(rate: Rate, burst: int | None, depth: int) -> None:
    """Without `burst`: what the rate gives in 100 ms, at least one."""
    assert depth_of(Limiter(rate, burst=burst)) == depth


@pytest.mark.parametrize("seed", range(8))
def test_over_any_time_no_more_than_burst_and_rate(seed: int) -> None:
    """And never less than either: a packet that is over would have made it more, within the rounding of a cost."""
    rng = Random(seed)
    rate = Rate(rng.choice((1, 3, 7, 100, 1000)), "packets", rng.choice((SECOND, MINUTE)))
    burst = rng.choice((1, 2, 5))
    meter, passed, now = Meter(Limiter(rate, burst=burst)), [], SECOND
    for _ in range(400):
        now += rng.choice((0, 0, rate.period // rate.amount, rng.randrange(rate.period)))
        if meter.ask((), now, 60) == "within":
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            time = passed[last] - passed[first]
            assert last - first + 1 <= burst + time * rate.amount / rate.period + 1e-5
    assert meter.within + meter.over == 400
    assert min(meter.within, meter.over) > 0


# ------------------------------------------------------------------------------------------------------------- instants


def test_a_burst_then_one_each_period() -> None:
    frame = tcp4()
    text = "drop over 10/s burst 3\n"
    assert verdicts(text, *((5, frame) for _ in range(5))) == "pppdd"
    tenth = SECOND // 10
    after = ((5 + tenth - 1, frame), (5 + tenth, frame), (5 + tenth, frame))
    assert verdicts(text, *((5, frame) for _ in range(3)), *after) == "pppdpd"


def test_the_bucket_is_full_when_its_time_has_come_and_not_before() -> None:
    frame = tcp4()
    text = "drop over 1/s burst 2\n"
    for late, expected in ((-1, "pppd"), (0, "ppppd")):
        there = [(0, frame), (0, frame), *((2 * SECOND + late, frame) for _ in range(len(expected) - 2))]
        assert verdicts(text, *there) == expected


def test_what_is_over_takes_no_token() -> None:
    """A flood of packets that are over does not keep the others out."""
    frame = tcp4()
    flood = ((time * MILLISECOND, frame) for time in range(1, 1000))
    assert verdicts("drop over 1/s\n", (0, frame), *flood, (SECOND, frame)) == "p" + "d" * 999 + "p"


def test_within_takes_the_token_too() -> None:
    frame = tcp4()
    text = "default drop\npass within 1/s\n"
    assert verdicts(text, (0, frame), (1, frame), (SECOND, frame)) == "pdp"
    twice = "default drop\nlimit l 1/s burst 2\npass within l within l\n"
    assert verdicts(twice, (0, frame), (SECOND, frame), (3 * SECOND, frame)) == "pdp"


def test_the_time_begins_with_a_full_bucket() -> None:
    assert verdicts("drop over 1/s burst 2\n", (0, tcp4()), (0, tcp4()), (0, tcp4())) == "ppd"


# ------------------------------------------------------------------------------------------------------- bits and bytes


def test_bytes_are_those_of_the_whole_frame() -> None:
    """10 kB/s with a burst of 1000: ten frames of 100 bytes, then one each 10 ms."""
    frame = ether(ip4(udp(bytes(58))))
    assert len(frame) == 100
    packets = [(0, frame)] * 11 + [(10 * MILLISECOND - 1, frame), (10 * MILLISECOND, frame), (10 * MILLISECOND, frame)]
    assert verdicts("drop over 10kB/s burst 1000\n", *packets) == "p" * 10 + "d" + "dpd"
    assert verdicts("drop over 80kbit/s burst 1000\n", *packets) == "p" * 10 + "d" + "dpd"


def test_a_short_frame_fits_where_a_long_one_does_not() -> None:
    long, short = ether(ip4(udp(bytes(58)))), ether(ip4(udp(bytes(8))))
    assert (len(long), len(short)) == (100, 50)
    text = "drop over 10kB/s burst 150\n"
    assert verdicts(text, (0, long), (0, long), (0, short), (0, short)) == "pdpd"


def test_a_full_bucket_lets_a_frame_through_that_is_longer_than_it() -> None:
    long, short = ether(ip4(udp(bytes(958)))), ether(ip4(udp(bytes(8))))
    text = "drop over 10kB/s burst 60\n"
    assert verdicts(text, (0, long), (0, short)) == "pd"
    assert verdicts(text, (0, short), (0, long), (5 * MILLISECOND - 1, long), (5 * MILLISECOND, long)) == "pddp"


# ----------------------------------------------------------------------------------------------------------------- keys


def test_each_key_has_its_own_bucket() -> None:
    other = ether(ip6(tcp(), src=f"::ffff:{A}"))
    text = "drop over 1/s per src\n"
    assert verdicts(text, (0, tcp4(A)), (0, tcp4(B)), (0, other), (0, tcp4(A)), (0, other)) == "pppdd"
    both = "drop over 1/s per (src, dst port)\n"
    assert verdicts(both, (0, tcp4(A)), (0, ether(ip4(tcp(dport=81), src=A))), (0, tcp4(A))) == "ppd"


@pytest.mark.parametrize(
    ("mask", "same", "apart"),
    [
        ("/24/64", ("10.0.0.1", "10.0.0.255"), ("10.0.0.1", "10.0.1.1")),
        ("/24/64", ("2001:db8::1", "2001:db8::ffff:0:0:1"), ("2001:db8::1", "2001:db8:0:1::1")),
        ("/24", ("10.0.0.1", "10.0.0.255"), ("2001:db8::1", "2001:db8::2")),
        ("/0/0", ("10.0.0.1", "192.168.0.1"), ("10.0.0.1", "2001:db8::1")),
        ("/32/128", ("10.0.0.1", "10.0.0.1"), ("10.0.0.0", "10.0.0.1")),
    ],
)
def test_masks(mask: str, same: tuple[str, str], apart: tuple[str, str]) -> None:
    """The family is never masked away."""
    text = f"drop over 1/s per src{mask}\n"

    def frame(source: str) -> bytes:
        return ether(ip6(tcp(), src=source) if ":" in source else ip4(tcp(), src=source))

    assert verdicts(text, *((0, frame(source)) for source in same)) == "pd"
    assert verdicts(text, *((0, frame(source)) for source in apart)) == "pp"


def test_without_a_key_neither_holds_and_no_token_is_taken() -> None:
    for text in ("drop over 1/s per src\n", "drop within 1/s per src\n"):
        simulator = Simulator.of_text(text)
        assert [simulator.decide(ether(arp()), 0).verdict for _ in range(3)] == ["pass"] * 3
        meter = simulator.limiters[0]
        assert (meter.within, meter.over, meter.full, meter.arrivals) == (0, 0, 0, {})


# ----------------------------------------------------------------------------------------------------- shared, and full


def test_guards_of_one_text_are_two_limiters_and_a_name_is_one() -> None:
    frames = [(0, tcp4())] * 4
    own = 'tcp within 1/s then count "a"\npass tcp within 1/s\ndefault drop\n'
    shared = 'limit l 1/s\ntcp within l then count "a"\npass tcp within l\ndefault drop\n'
    assert verdicts(own, *frames) == "pddd"
    assert verdicts(shared, *frames) == "dddd"
    shared_of_two = 'limit l 1/s burst 4\ntcp within l then count "a"\npass tcp within l\ndefault drop\n'
    assert verdicts(shared_of_two, *frames) == "ppdd"


def test_a_shared_limit_has_its_own_key() -> None:
    simulator = Simulator.of_text("limit l 1/s per src\ndrop tcp over l\ndrop udp over l\n")
    assert simulator.decide(tcp4(A), 0).verdict == "pass"
    assert simulator.decide(ether(ip4(udp(), src=A)), 0).rule == 1
    assert simulator.decide(ether(ip4(udp(), src=B)), 0).verdict == "pass"
    assert (simulator.limiter("l").within, simulator.limiter("l").over) == (2, 1)
    with pytest.raises(KeyError):
        simulator.limiter("m")


@pytest.mark.parametrize(("option", "expected"), [("", "ppdd"), (" full over", "ppdd"), (" full within", "pppd")])
def test_a_key_that_finds_no_room(option: str, expected: str) -> None:
    """The third source; the last packet is the first's, whose state stands."""
    simulator = Simulator.of_text(f"drop over 1/s per src size 2{option}\n")
    frames = [tcp4(A), tcp4(B), tcp4("10.0.0.3"), tcp4(A)]
    assert "".join(simulator.decide(frame, 0).verdict[0] for frame in frames) == expected
    meter = simulator.limiters[0]
    assert (meter.within, meter.over, meter.full, len(meter.arrivals)) == (2, 1, 1, 2)


def test_idle_keys_make_room_at_the_instant_they_are_idle() -> None:
    text = "drop over 1/s per src size 1\n"
    assert verdicts(text, (0, tcp4(A)), (SECOND - 1, tcp4(B))) == "pd"
    assert verdicts(text, (0, tcp4(A)), (SECOND, tcp4(B)), (SECOND, tcp4(A))) == "ppd"


def test_full_is_no_token_and_makes_no_state() -> None:
    simulator = Simulator.of_text("default drop\npass within 1/s per src size 1 full within\n")
    simulator.decide(tcp4(A), 0)
    assert [simulator.decide(tcp4(B), 0).verdict for _ in range(3)] == ["pass"] * 3
    assert len(simulator.limiters[0].arrivals) == 1
