"""What nftables and a policy are asked beside each other: rules in both languages, packets, and what arrives of them.

In: nothing. Out: `SCENARIOS`, and `LOOSE` for `track loose`. docs/nftables.md is the same for people; a test holds the
two together.
"""

from __future__ import annotations

from typing import Final

from ebpfc.testing.nft_others import OTHERS
from ebpfc.testing.nft_rates import RATES
from ebpfc.testing.nft_sets import SETS
from ebpfc.testing.nft_tcp import CONNECTIONS, COUNTS, FROM_THE_MIDDLE

SCENARIOS: Final = (*CONNECTIONS, *COUNTS, *OTHERS, *RATES, *SETS)
LOOSE: Final = FROM_THE_MIDDLE
