"""The same packets through nftables and a policy: what arrives is the same, or docs/nftables.md says why not."""

from __future__ import annotations

import shutil

import pytest

from ebpfc.testing.nft import Arrived, Scenario, compare
from ebpfc.testing.nft_scenarios import LOOSE, SCENARIOS

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft(8)")]


@pytest.fixture(scope="module")
def arrived() -> dict[str, Arrived]:
    """Of all scenarios, by name."""
    return {**compare(SCENARIOS, loose=False), **compare(LOOSE, loose=True)}


@pytest.mark.parametrize("scenario", [*SCENARIOS, *LOOSE], ids=lambda scenario: scenario.name)
def test_the_same_packets_arrive(arrived: dict[str, Arrived], scenario: Scenario) -> None:
    assert arrived[scenario.name] == scenario.arrives
