"""300 random expressions in the kernel, 25 in one object: the compiled program and the reference say the same."""

from __future__ import annotations

import pytest

from ebpfc.testing.pcap_soak import Chunk, in_the_kernel

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("seed", range(300, 306))
def test_kernel_and_reference_agree(seed: int) -> None:
    tally = in_the_kernel(Chunk(seed, 50))
    assert not tally.failures, "\n".join(tally.failures[:5])
    assert tally.compared > 1500
    assert tally.compared / 10 < tally.matched < tally.compared * 9 / 10
