"""Policies that remember: the object in the kernel and the simulator say the same of every packet, at any time."""

from __future__ import annotations

import pytest

from ebpfc.testing.timed_trial import timed_trial

pytestmark = pytest.mark.kernel

CHUNKS, POLICIES, PACKETS = 10, 12, 500


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_simulator_and_kernel_agree(chunk: int) -> None:
    for seed in range(chunk * POLICIES, (chunk + 1) * POLICIES):
        found = timed_trial(seed, PACKETS)
        assert not found, f"seed {seed}: {found[0]}"
