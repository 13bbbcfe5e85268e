"""What a look-up in a forest costs. In: trees as grown, bytes of all tables. Out: nanoseconds, estimated.

Measured on a machine with 2 MB of second-level cache a core: a load from tables of up to 64 KB costs what the
instructions around it cost; a table beyond that cache costs more than several levels of a tree.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ebpfc.compiler.classify.grow import Grown

_STEP = 1.5
_COMPARE = 0.5
"""Of each entry in the leaf: half of them are compared, on average."""
_COLD = 1 / 3
"""Of the nodes on the way, those that are seldom in the cache; the leaf is not, either."""
_SIZES = (16, 20, 23, 26)
"""Bytes of tables, log2, for which `_MISS` holds."""
_MISS = (0.0, 4.0, 16.0, 40.0)
"""Nanoseconds that a load takes longer."""
_ANYWAY = 0.25
"""Of packets, those that look at a tree although their rule stands before all in it."""


def nanoseconds(trees: Iterable[tuple[float, Grown]], table_bytes: int) -> float:
    """`trees`: each with the share of the rules that stand behind its first."""
    miss = float(np.interp(np.log2(max(table_bytes, 1)), _SIZES, _MISS))
    return sum(
        (_ANYWAY + (1 - _ANYWAY) * share)
        * (_STEP * tree.steps + _COMPARE * tree.compares + miss * (1 + _COLD * tree.steps))
        for share, tree in trees
    )
