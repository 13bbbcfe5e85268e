"""KernelPolicy: verdicts and deciding rules out of TEST_RUN, at each hook; marks, merged segments, what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ebpfc.runtime.counters import Counter
from ebpfc.runtime.errors import ControlError, KernelError
from ebpfc.runtime.test_run import FrameError
from ebpfc.testing.kernel import KernelPolicy

pytestmark = pytest.mark.kernel
Builder = Callable[..., bytes]

ETHERNET = bytes(6) + bytes.fromhex("020000000001")
IPV4 = bytes.fromhex("45000014000000004000000000000000" + "00000000")
ICMP = ETHERNET + b"\x08\x00" + IPV4[:9] + b"\x01" + IPV4[10:] + bytes(8)
UDP = ETHERNET + b"\x08\x00" + IPV4[:9] + b"\x11" + IPV4[10:] + bytes(8)
ARP = ETHERNET + b"\x08\x06" + bytes(28)
ALL_HOOKS = ("xdp", "tc ingress", "tc egress")


def test_verdict_and_rule_at_each_hook(handmade: Builder) -> None:
    with KernelPolicy(handmade(ALL_HOOKS, trace=True)) as policy:
        assert policy.hooks == ALL_HOOKS
        assert policy.judge("xdp", ICMP) == ("drop", 0)
        assert policy.judge("xdp", UDP) == ("pass", 1)
        assert policy.judge("xdp", ARP) == ("pass", None)
        assert policy.judge("tc ingress", ICMP) == ("drop", 0)
        assert policy.judge("tc ingress", ARP) == ("pass", None)
        assert policy.judge("tc egress", ICMP) == ("drop", 0)
        assert policy.judge("tc egress", UDP) == ("pass", 0)


def test_mark_and_merged_reach_the_skb_program(handmade: Builder) -> None:
    with KernelPolicy(handmade(("tc ingress",), trace=True)) as policy:
        assert policy.judge("tc ingress", UDP) == ("pass", 1)
        assert policy.judge("tc ingress", UDP, mark=7) == ("drop", 1)
        assert policy.judge("tc ingress", UDP, merged=True) == ("drop", 0)
        assert policy.judge("tc ingress", UDP) == ("pass", 1)


def test_an_object_without_trace_gives_verdicts_only(handmade: Builder) -> None:
    with KernelPolicy(handmade(("xdp", "tc ingress")), traced=False) as policy:
        assert policy.judge("xdp", ICMP) == ("drop", None)
        assert policy.judge("tc ingress", UDP) == ("pass", None)


def test_counters_are_summed_over_cpus(handmade: Builder) -> None:
    with KernelPolicy(handmade(("xdp",), trace=True)) as policy:
        policy.judge_all("xdp", [ICMP, ICMP, UDP])
        assert policy.counters()[:3] == [Counter(2, 2 * len(ICMP)), Counter(1, len(UDP)), Counter(0, 0)]


def test_frames_that_test_run_does_not_take_say_so(handmade: Builder) -> None:
    with KernelPolicy(handmade(("xdp", "tc ingress"), trace=True)) as policy:
        with pytest.raises(FrameError, match="under 14 bytes"):
            policy.judge("xdp", ARP[:13])
        with pytest.raises(FrameError):
            policy.judge("tc ingress", ICMP[:33])
        assert policy.judge_all("xdp", [ARP[:13], ICMP]) == [None, ("drop", 0)]
        assert policy.judge("xdp", ARP[:14]) == ("pass", None)
        assert policy.judge("xdp", ICMP + bytes(3000)) == ("drop", 0)
        with pytest.raises(FrameError, match="comes in parts"):
            policy.judge("xdp", ICMP + bytes(3600))


def test_many_frames_a_second(handmade: Builder) -> None:
    """The properties judge millions of frames: under 20,000 a second they would not fit in CI."""
    with KernelPolicy(handmade(("xdp",), trace=True)) as policy:
        frames = [ICMP, UDP, ARP] * 5000
        start = time.perf_counter()
        answers = policy.judge_all("xdp", frames)
        assert len(frames) / (time.perf_counter() - start) > 20_000
        assert answers[:3] == [("drop", 0), ("pass", 1), ("pass", None)]


def test_repeated_runs_are_timed_and_leave_the_frame(handmade: Builder) -> None:
    with KernelPolicy(handmade(("xdp",), trace=True)) as policy:
        outcome = policy.run("xdp", UDP, repeat=1000)
        assert outcome.data == UDP
        assert 0 <= outcome.duration_ns < 100_000


def test_the_verifier_is_translated(handmade: Builder) -> None:
    with pytest.raises(KernelError, match=r"the verifier refused program pf_xdp at rules\.pf:7") as caught:
        KernelPolicy(handmade(bad=True))
    assert '"drop icmp"' in caught.value.message
    assert "invalid access to packet" in caught.value.message
    assert "BEGIN PROG LOAD LOG" in caught.value.raw


@pytest.mark.parametrize("junk", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + bytes(200)])
def test_what_is_no_object_is_refused(junk: bytes) -> None:
    with pytest.raises(ControlError):
        KernelPolicy(junk)
