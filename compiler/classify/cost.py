"""What a look-up in a forest costs. In: trees as grown, bytes of all tables. Out: nanoseconds, estimated.

Measured on a machine with 2 MB of second-level cache a core: a load from tables of up to 64 KB costs what the
instructions around it cost; a table beyond that cache costs more than several levels of a tree.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ebpfc.compiler.classify.grow import Grown

_STEP = 1.5
_COMPARE = 1.0
_SIZES = (16, 20, 23, 26)
"""Bytes of tables, log2, for which `_MISS` holds."""
_MISS = (0.0, 2.5, 16.0, 40.0)
"""Nanoseconds that a load takes longer: two of a tree's are seldom in the cache, its last node and its leaf."""


def nanoseconds(trees: Iterable[Grown], table_bytes: int) -> float:
    miss = 2 * float(np.interp(np.log2(max(table_bytes, 1)), _SIZES, _MISS))
    return sum(_STEP * tree.steps + _COMPARE * tree.compares / 2 + miss for tree in trees)
