"""What other kernels are given, made here and read again."""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.testing.kernels.guest import OVER_TIME
from ebpfc.testing.kernels.large import REMEMBERING, Shape, any_shape, five_tuple, large_policy, remembering
from ebpfc.testing.kernels.policies import KEPT, Policy, policies
from ebpfc.testing.kernels.subjects import BuildError, answers_over_time, policy_subjects
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_policies import checked_policy
from ebpfc.testing.random_traffic import TimedFrame

TEXT = "hook xdp, tc ingress\ndefault drop\npass arp\ndrop malformed\npass vlan 100 and tcp dst port 80\npass udp\n"
TABLE = "hook xdp\ntable seen key src timeout 1s\ndrop src in seen\npass tcp then add src to seen\n"
LIMIT = "hook tc egress\ndrop tcp over 3/s per src\n"


def test_the_reference_answers_for_each_hook_and_for_merged_segments() -> None:
    plain, traced = policy_subjects(40, Policy("small", text=TEXT))
    assert traced.expected.keys() == plain.expected.keys() == {"xdp", "tc ingress", "tc ingress merged"}
    assert {rule for _, rule in traced.expected["xdp"]} > {None}
    assert {rule for _, rule in plain.expected["xdp"]} == {None}
    assert [v for v, _ in plain.expected["xdp"]] == [v for v, _ in traced.expected["xdp"]]


def test_a_policy_that_cannot_be_built_is_named() -> None:
    with pytest.raises(BuildError, match=r"^wrong: "):
        policy_subjects(1, Policy("wrong", text="accept all\n"))


@pytest.mark.parametrize("shape", [five_tuple, any_shape])
def test_a_large_policy_is_a_policy(shape: Shape) -> None:
    policy, _ = checked_policy(large_policy(40, shape))
    assert policy is not None
    assert len(policy.rules) == 40


def test_the_same_policies_every_time() -> None:
    assert list(policies(3, 4)) == list(policies(3, 4))
    names = [policy.name for policy in policies(3, 4)]
    assert len(names) == len(set(names))
    assert {"examples-edge", "bench-source", "random-2", "mixed-300"} <= set(names)


def test_a_large_policy_that_remembers_is_a_policy() -> None:
    policy, sink = checked_policy(large_policy(40, remembering, REMEMBERING))
    assert policy is not None, sink.items
    assert policy.track is not None
    assert len(policy.rules) == 40


@pytest.mark.parametrize(("text", "newest"), [(TABLE, (5, 11)), (LIMIT, (5, 12)), (KEPT, (5, 12))])
def test_what_remembers_is_built_for_the_default_and_for_the_oldest_kernel(text: str, newest: tuple[int, int]) -> None:
    built = policy_subjects(4, Policy("small", text=text))
    assert [(subject.kernel, subject.traced) for subject in built] == [
        (kernel, traced) for kernel in (newest, (5, 10)) for traced in (False, True)
    ]
    assert all(subject.remembers for subject in built)
    for subject in built:
        timed = subject.traced
        assert len(subject.frames) == len(subject.times) == (20 if timed else 0)
        assert (list(subject.expected) == [OVER_TIME]) == timed


def test_a_policy_for_the_wire_is_also_sent_frames() -> None:
    built = policy_subjects(4, Policy("kept", text=KEPT))
    wired = [subject for subject in built if subject.wire]
    assert [subject.kernel for subject in wired] == [(5, 12), (5, 10)]
    for subject in wired:
        assert subject.expected.keys() == {"xdp", "tc ingress", "tc ingress filter"}
        assert all(len(answers) == len(subject.frames) for answers in subject.expected.values())


def test_the_companion_takes_its_turn_and_passes_all() -> None:
    """What it sees go out is answered: only with it does the second packet belong to a connection."""
    compiled = Policy("small", text="hook xdp\ndefault drop\ntrack\npass state established\n").compile(traced=True)
    traffic = random_flows(Random(3), compiled.policy, 200, shortest=60)
    both = answers_over_time(compiled, ("xdp", "tc egress"), traffic)
    assert set(both[1::2]) == {("pass", None)}
    assert ("pass", 0) in both[::2]
    alone = answers_over_time(compiled, ("xdp",), traffic)
    assert ("pass", 0) not in alone


def test_the_answers_hang_on_the_times() -> None:
    compiled = Policy("small", text=TABLE).compile(traced=True)
    traffic = random_flows(Random(1), compiled.policy, 200, shortest=60)
    frozen = [TimedFrame(1, timed.frame) for timed in traffic]
    assert answers_over_time(compiled, ("xdp",), traffic) != answers_over_time(compiled, ("xdp",), frozen)
