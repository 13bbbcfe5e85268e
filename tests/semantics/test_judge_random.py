"""The judge answers for every policy that the checker takes and every frame, and its answers hang together."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ebpfc.compiler.ast.nodes import Policy
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import checked_policy, random_policy, write_policy
from ebpfc.testing.semantics import Decision, Frame, Judge, judge
from ebpfc.testing.semantics.malformed import malformed
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.strategies import frames, policies, skb_frames

DIRECTIONS = ("inbound", "outbound")


@settings(max_examples=60, deadline=None)
@given(policies(), st.lists(skb_frames(), min_size=1, max_size=8), st.sampled_from(DIRECTIONS))
def test_every_frame_gets_a_decision(written: tuple[str, Policy], some: list[Frame], direction: str) -> None:
    _, policy = written
    for frame in some:
        decision = judge(policy, frame, direction)
        _hangs_together(policy, decision, direction)


def test_every_frame_gets_a_decision_in_bulk() -> None:
    rng = Random(20)
    for _ in range(60):
        text, policy = random_policy(rng, rng.choice((("xdp",), ("tc ingress", "tc egress"))), netmask=True)
        ready = Judge(policy)
        for _ in range(60):
            direction = rng.choice(DIRECTIONS)
            frame = Frame(random_frame(rng))
            decision = ready.decide(frame, direction)
            assert decision == judge(policy, frame, direction), text
            _hangs_together(policy, decision, direction)


def _hangs_together(policy: Policy, decision: Decision, direction: str) -> None:
    """The deciding rule is the last on the way, the numbers rise, and only the last may hold a verdict."""
    assert list(decision.path) == sorted(set(decision.path))
    verdicts = [
        [action.kind for action in policy.rules[number].actions if type(action).__name__ == "Verdict"]
        for number in decision.path
    ]
    if decision.rule is None:
        assert decision.verdict == policy.default(direction)
        assert not any(verdicts)
    else:
        assert decision.path[-1] == decision.rule
        assert verdicts[-1] == [decision.verdict]
        assert not any(verdicts[:-1])


@settings(max_examples=200, deadline=None)
@given(frames())
def test_malformed_is_never_unknown_and_a_cut_header_is(frame: bytes) -> None:
    packet = decode(Frame(frame))
    assert malformed(packet) in (True, False)
    if len(frame) < 14:
        assert malformed(packet)


@settings(max_examples=200, deadline=None)
@given(skb_frames())
def test_the_kernels_tag_counts_as_if_in_its_place(frame: Frame) -> None:
    """A tag beside the data and the same tag in the data make one packet."""
    if frame.tag is None:
        return
    tpid, tci = frame.tag
    there = frame.data[:12] + tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") + frame.data[12:]
    policy, sink = checked_policy(
        'hook tc ingress\ncount "a" vlan and src net 10.0.0.0/8\ncount "b" vlan 100 and vlan\n'
        'count "c" ether.type == 0x8100 or greater 60\ndrop malformed\npass tcp port 80\ndefault drop\n'
    )
    assert policy is not None, sink.items
    beside = judge(policy, frame, "inbound")
    assert beside == judge(policy, Frame(there, None, frame.merged), "inbound")


def test_what_is_written_is_almost_always_taken() -> None:
    """Else random policies would be those that happen to be simple."""
    rng = Random(7)
    taken = sum(checked_policy(write_policy(rng), netmask=False)[0] is not None for _ in range(60))
    assert taken >= 54


def test_random_policies_meet_random_frames() -> None:
    """At least a quarter of the frames is decided by a rule, and both verdicts occur."""
    rng = Random(3)
    decisions: list[Decision] = []
    for _ in range(40):
        ready = Judge(random_policy(rng)[1])
        decisions += [ready.decide(Frame(random_frame(rng)), "inbound") for _ in range(40)]
    decided = [decision for decision in decisions if decision.rule is not None]
    assert len(decided) > len(decisions) / 4
    assert {decision.verdict for decision in decided} == {"pass", "drop"}
