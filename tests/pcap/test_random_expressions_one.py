"""Random expressions, part one of two (a file a worker): reference and libpcap say the same, but for the differences.

Where a documented difference applies, ours is checked by its rule. Both parts together: 3,000 expressions.
"""

from __future__ import annotations

import pytest

from ebpfc.testing.pcap_agreement import Tally
from ebpfc.testing.pcap_soak import FRAMES, Chunk, beside_libpcap

EXPRESSIONS = 250


@pytest.mark.parametrize("seed", range(100, 106))
def test_reference_and_libpcap_agree(seed: int) -> None:
    tally = beside_libpcap(Chunk(seed, EXPRESSIONS))
    assert not tally.failures, "\n".join(tally.failures[:5])
    assert_worth(tally)


def assert_worth(tally: Tally) -> None:
    """Each difference was met, most frames met none, and what no rule could judge is hardly any."""
    assert tally.compared == EXPRESSIONS * FRAMES
    assert tally.compared / 10 < tally.matched < tally.compared * 9 / 10
    assert tally.applied[0] > tally.compared / 3
    assert all(tally.applied[number] > tally.compared / 100 for number in (1, 3, 4, 5))
    assert tally.unjudged < tally.compared / 100
