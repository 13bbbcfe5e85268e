"""Random conversations counted by key: no place twice, never over N + 1, and with places enough, all that are there."""

from __future__ import annotations

from collections import Counter
from random import Random

from ebpfc.testing import Simulator
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_state import random_stateful_policy
from ebpfc.testing.semantics.words import Words, address_words


def test_random_policies_fill_lists_and_leave_room() -> None:
    rng, full, places = Random(8), 0, 0
    for number in range(30):
        _, policy = random_stateful_policy(rng, track=True, small=number % 2 == 1)
        simulator = Simulator(policy)
        if not simulator.crowds:
            continue
        for timed in random_flows(rng, policy, 100):
            simulator.decide(timed.frame, timed.time)
        for crowd in simulator.crowds:
            assert len(crowd.lists) <= crowd.guard.size
            for words, listed in list(crowd.lists.items()):
                there = [place for place in listed if place is not None]
                assert len(set(there)) == len(there)
                assert len(listed) == crowd.guard.most + 1
                full += crowd.holds(words, simulator.time)
                places += len(there)
    assert places > 40
    assert 4 < full < places


def test_with_places_enough_it_is_the_connections_of_an_address() -> None:
    """Of those that a source has begun, as the connections themselves tell it; what came back after its end may count
    for the end that began it before as well."""
    alike = 0
    for seed in range(4):
        simulator = Simulator.of_text('track tcp_close 1s udp 1s\ncount "many" connections > 255 per src\n')
        tracking, (crowd,) = simulator.memory.tracking, simulator.crowds
        assert tracking is not None
        for timed in random_flows(Random(seed), simulator.policy, 200):
            simulator.decide(timed.frame, timed.time)
            begun: Counter[Words] = Counter()
            for key, connection in tracking.known.present(simulator.time):
                begun[address_words(key.family, key.ends[connection.original].address)] += 1
            taken = {words: crowd.taken(words, simulator.time) for words in crowd.lists}
            assert all(taken[words] >= number for words, number in begun.items())
            alike += sum(taken.values()) == begun.total() > 5
    assert alike > 100
