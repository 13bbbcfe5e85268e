"""Random conversations and random policies that track: the same for the same seed, and they come to all there is."""

from __future__ import annotations

from collections import Counter
from random import Random

from ebpfc.testing import Simulator
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_policies import checked_policy
from ebpfc.testing.random_state import random_stateful_policy, write_stateful_policy
from ebpfc.testing.semantics.connections.tcp_states import ROWS
from ebpfc.testing.watching import Watch


def test_what_is_written_is_almost_always_taken() -> None:
    rng = Random(3)
    texts = [write_stateful_policy(rng, wide=number % 2 == 1, track=True) for number in range(80)]
    refused = [text for text in texts if checked_policy(text)[0] is None]
    assert len(refused) <= 4, refused[0]
    asking = [text for text in texts if "state " in text]
    assert len(asking) > 60
    openings = Counter(kind for text in asking if text not in refused for kind in _kinds(text))
    assert openings["vxlan"] > 5 and len(openings) > 4, openings


def _kinds(text: str) -> list[str]:
    """Of the encapsulations inside which it asks `state`."""
    tracking = Simulator.of_text(text).memory.tracking
    return [] if tracking is None else [opening.kind for opening in tracking.openings]


def test_the_same_seed_gives_the_same_packets_and_decisions() -> None:
    def run() -> list[object]:
        rng = Random(5)
        text, policy = random_stateful_policy(rng, small=True, track=True, wide=True)
        flows = random_flows(rng, policy, 150, shortest=60)
        assert min(len(timed.frame) for timed in flows) >= 60
        simulator = Simulator(policy)
        return [text, flows, [simulator.decide(timed.frame, timed.time) for timed in flows], simulator.connections]

    assert run() == run()


def test_conversations_come_to_every_state() -> None:
    """Of frames and of packets in VXLAN; TCP's states, answers, errors, later fragments of each kind."""
    said: Counter[str] = Counter()
    states: Counter[str | None] = Counter()
    firsts = set()
    for seed in range(12):
        watch = Watch("loose" if seed % 3 == 0 else "", inside="vxlan")
        last = 0
        for timed in random_flows(Random(seed), watch.simulator.policy, 300):
            assert timed.time >= last
            last = timed.time
            said.update(watch.simulator.decide(timed.frame, timed.time).counts)
            states.update(connection.state for connection in watch.connections)
            tracking = watch.simulator.memory.tracking
            assert tracking is not None
            firsts |= {(seed, key, first) for key, first in tracking.known.fragments.entries.items()}
    assert min(said[f"{where}{state}"] for where in ("", "inside ") for state in ("new", "established", "invalid")) > 50
    assert min(said["related"], said["inside related"]) > 5
    assert min(states[state] for state in ROWS) > 5, states
    fragments = Counter(first.state for _, _, first in firsts)
    assert min(fragments["new"], fragments["established"]) > 5, fragments
