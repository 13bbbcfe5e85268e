"""A comparison is worth nothing if the C by hand does something else: both judge the same frames, in the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from bench.objects import HAND, load_hand, load_ours, read_prefixes
from bench.subjects import Case, cases

from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.runtime.test_run import FrameError, TestRunner
from ebpfc.testing import pool
from ebpfc.testing.packets import arp, ether, ip4, ipv4, tag, tcp
from ebpfc.testing.random_frames import random_frame

pytestmark = pytest.mark.kernel

FRAMES = 6000
CASES = cases()

# What random frames hold, and what of a policy's own stands there instead, so that its rules are reached.
SWAPS = {
    "source": {ipv4("10.0.0.1"): ipv4("192.0.2.1")},
    "prefixes": {},
    "five_tuples": {ipv4("10.0.0.1"): ipv4("172.16.0.1"), ipv4("10.0.0.2"): ipv4("198.51.100.10")},
    "vlan": {},
    "vxlan": {bytes.fromhex(f"08000000{vni:06x}00"): bytes.fromhex("0800000000000a00") for vni in pool.VNIS[1:4]},
    "edge": {ipv4("10.0.0.1"): ipv4("10.20.0.1")},
}


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return find_compiler(None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hand_and_policy_judge_alike(case: Case, compiler: Compiler) -> None:
    frames = [*_random_frames(case), *_own_frames(case)]
    ours = TestRunner(load_ours("ours", case.policy, compiler, counters=False).fd)
    hands = [load_hand(" ".join(form), HAND / "full" / f"{case.name}.c", compiler, form) for form in case.by_hand]
    verdicts = {frame: verdict for frame in frames if (verdict := _judge(ours, frame)) is not None}
    assert set(verdicts.values()) == {1, 2}  # both verdicts are met, or the comparison says little
    for hand in hands:
        runner = TestRunner(hand.fd)
        assert {frame.hex(): _judge(runner, frame) for frame in verdicts} == {f.hex(): v for f, v in verdicts.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_simple_version_knows_what_is_measured(case: Case, compiler: Compiler) -> None:
    """The C for untagged IPv4 need not judge everything alike, but the packets that a case is about it must."""
    ours = TestRunner(load_ours("ours", case.policy, compiler, counters=False).fd)
    for form in case.by_hand:
        hand = TestRunner(load_hand("hand", HAND / "ipv4" / f"{case.name}.c", compiler, form).fd)
        for (at, value), number in zip(case.match.patches, case.match.order, strict=True):
            frame = case.match.frames[number]
            frame = frame[:at] + value + frame[at + 4 :]
            assert hand.retval(frame) == ours.retval(frame), frame.hex()


def _judge(runner: TestRunner, frame: bytes) -> int | None:
    try:
        return runner.retval(frame)
    except FrameError:
        return None


def _random_frames(case: Case) -> Iterator[bytes]:
    rng = Random(case.name)
    for _ in range(FRAMES):
        frame = random_frame(rng)
        for old, new in SWAPS[case.name].items():
            frame = frame.replace(old, new)
        yield frame


def _own_frames(case: Case) -> Iterator[bytes]:
    """The frames of the measurement itself; the ends of every prefix; every rule, and one field of it changed."""
    yield from case.mix.frames
    yield from case.match.frames
    if case.name == "prefixes":
        for network in read_prefixes():
            first, last = int(network.network_address), int(network.broadcast_address)
            for address in (first - 1, first, last, last + 1):
                yield ether(ip4(tcp(), src=address))
                yield ether(tag(arp(sender=address), 7))
    if case.name == "five_tuples":
        ports = (80, 443, 22, 25, 8080, 3306, 5432, 6379, 8443, 11211)
        for n, port in enumerate(ports):
            src, dst = f"172.16.{25 * n}.{7 * n + 1}", f"198.51.100.{11 * n + 10}"
            for more in ((0, 0), (1, 0), (0, 1)):
                yield ether(ip4(tcp(sport=1024 + 613 * n + more[0], dport=port + more[1]), src=src, dst=dst))
            yield ether(ip4(tcp(sport=1024 + 613 * n, dport=port), src=src, dst="198.51.100.9", options=bytes(8)))
            yield ether(tag(ip4(tcp(sport=1024 + 613 * n, dport=port), src=src, dst=dst, options=bytes(8)), 9))
