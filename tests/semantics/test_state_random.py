"""Random policies that remember and random traffic: the same for the same seed, and alive enough to test with."""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.testing import Simulator
from ebpfc.testing.random_policies import checked_policy
from ebpfc.testing.random_state import random_stateful_policy, write_stateful_policy
from ebpfc.testing.random_traffic import random_traffic
from ebpfc.testing.written_keys import read_written, write_key


def test_what_is_written_is_almost_always_taken() -> None:
    rng = Random(11)
    refused = [
        text
        for text in (write_stateful_policy(rng, wide=number % 2 == 1) for number in range(80))
        if checked_policy(text)[0] is None
    ]
    assert len(refused) <= 4, refused[0]


def test_the_same_seed_gives_the_same_policy_traffic_and_decisions() -> None:
    def run() -> list[object]:
        rng = Random(5)
        text, policy = random_stateful_policy(rng, small=True)
        traffic = random_traffic(rng, policy, 100)
        simulator = Simulator(policy)
        return [text, traffic, [simulator.decide(timed.frame, timed.time) for timed in traffic], simulator.tables]

    assert run() == run()


@pytest.mark.parametrize("small", [False, True])
def test_traffic_comes_to_all_that_a_policy_remembers(small: bool) -> None:
    """Rates exceeded and kept, entries found, added and expired; of small tables and limiters full ones too."""
    rng = Random(2)
    seen = dict.fromkeys(("within", "over", "full", "added", "refused", "found", "gone", "logged", "instants"), 0)
    for _ in range(25):
        _, policy = random_stateful_policy(rng, small=small)
        simulator, before = Simulator(policy), -1
        for timed in random_traffic(rng, policy, 120, shortest=14):
            assert timed.time >= before
            assert len(timed.frame) >= 14
            seen["instants"] += timed.time != before
            before = timed.time
            seen["logged"] += len(simulator.decide(timed.frame, timed.time).events)
        for meter in simulator.limiters:
            seen["within"], seen["over"] = seen["within"] + meter.within, seen["over"] + meter.over
            seen["full"] += meter.full
        for name, contents in simulator.memory.tables.items():
            seen["added"], seen["refused"] = seen["added"] + contents.added, seen["refused"] + contents.refused
            seen["found"] += sum(entry.packets for entry in contents.entries.values())
            seen["gone"] += len(contents.entries) - len(simulator.tables[name])
    if not small:
        assert (seen.pop("full"), seen.pop("refused")) == (0, 0)
    assert min(seen.values()) > 20, seen


def test_keys_are_read_as_they_are_written() -> None:
    rng = Random(4)
    for _ in range(20):
        _, policy = random_stateful_policy(rng)
        simulator = Simulator(policy)
        for timed in random_traffic(rng, policy, 60):
            simulator.decide(timed.frame, timed.time)
        for name, contents in simulator.memory.tables.items():
            kinds = simulator.kinds(name)
            for slot in contents.entries:
                written = write_key(slot.words, kinds, slot.bits if contents.table.net else None)
                words, bits = read_written(written, kinds, net=contents.table.net)
                assert (words, slot.bits if bits is None else bits) == slot
