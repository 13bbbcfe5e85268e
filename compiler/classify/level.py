"""The nodes of one depth of a tree, all in arrays: `Level`, and the cuts chosen for them: `Cuts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import Column, Indexes, Words


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Node i holds the entries `entry[start[i]:start[i + 1]]`, ascending.

    Of all keys that arrive at a node: `used` (fields, nodes), the bits of each field that the cuts on the way read;
    `low`, `high` (fields, nodes), what the field's number lies between; `weight` (nodes,), the share of packets.
    """

    start: Indexes
    entry: Indexes
    used: Words
    low: Words
    high: Words
    weight: NDArray[np.float64]

    @property
    def lengths(self) -> Indexes:
        return np.diff(self.start)


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """For each node the field (-1: none), and which bits of it choose the child: `width` of them from bit `shift`."""

    field: Indexes
    shift: Indexes
    width: Indexes


def root_level(columns: Sequence[Column], entry: Indexes) -> Level:
    """One node, at which any key arrives."""
    nothing = np.zeros((len(columns), 1), np.uint64)
    full = np.array([[column.full] for column in columns], np.uint64)
    return Level(np.array([0, len(entry)]), entry, nothing, nothing, full, np.ones(1))
