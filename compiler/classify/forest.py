"""A run of rules becomes a forest of bit-cut trees. In: `Entries`. Out: `Forest`, tables of nodes and leaves.

A node is a u64: bits 0..31 base, 32..37 shift, 38..40 key word, 41 leaf, 48..63 mask. An inner node's child is
`nodes[base + ((key[word] >> shift) & mask)]`; a leaf's entries are `leaves[base : base + mask]`, ascending.

A key's first match: for the trees in order of `first`, those left out whose `first` is not below the best number yet,
the first entry of the leaf that matches, if its number is below the best, is the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.cost import nanoseconds
from ebpfc.compiler.classify.entries import Column, Entries, Indexes, Words, build_columns
from ebpfc.compiler.classify.grow import LEAF, Grown, grow
from ebpfc.compiler.classify.partition import FEW, MANY, Configuration, configurations

TREES_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class Tree:
    """`root`: a node. `first`: the smallest number in it. `depth`: inner nodes on the longest path. `longest`: entries
    of the longest leaf."""

    root: int
    first: int
    depth: int
    longest: int


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """`leaves`: indexes into the entries. `trees`: in order of `first`. `cost`: estimated nanoseconds of a look-up."""

    nodes: Words
    leaves: NDArray[np.uint32]
    trees: tuple[Tree, ...]
    cost: float
    configuration: str


class CannotSplit(Exception):  # noqa: N818 - not a fault of the program: the caller keeps these entries as code
    """`entries`: indexes of those that found no room in `TREES_AT_MOST` trees."""

    def __init__(self, entries: Indexes) -> None:
        super().__init__(f"{len(entries)} entries can't be told apart")
        self.entries = entries


def build_forest(entries: Entries, entry_bytes: int) -> Forest:
    """`entry_bytes`: of an entry in the table of leaves, for the cost. Raises `CannotSplit`."""
    if not len(entries.numbers):
        return Forest(np.zeros(0, np.uint64), np.zeros(0, np.uint32), (), 0.0, "nothing")
    columns = build_columns(entries)
    best: Forest | None = None
    refused: CannotSplit | None = None
    for configuration in configurations(columns):
        try:
            forest = plant(entries, columns, configuration, entry_bytes)
        except CannotSplit as problem:
            refused = problem
            continue
        if best is not None and forest.cost >= best.cost:
            break
        best = forest
        if not FEW < len(entries.numbers) <= MANY:
            break
    if best is None:
        assert refused is not None
        raise refused
    return best


def plant(entries: Entries, columns: Sequence[Column], configuration: Configuration, entry_bytes: int) -> Forest:
    """The forest of one configuration. Raises `CannotSplit`."""
    grown: list[tuple[int, Grown]] = []
    left = np.zeros(0, np.int64)
    waiting = list(configuration.parts)
    while waiting or len(left):
        if len(grown) == TREES_AT_MOST:
            raise CannotSplit(np.unique(np.concatenate((left, *waiting))))
        part = waiting.pop(0) if waiting else left
        if not waiting and part is not left:  # the last part, of the widest entries, takes in what the others left
            part = np.union1d(part, left)
        if not waiting:
            left = np.zeros(0, np.int64)
        tree = grow(columns, part, configuration.tuning)
        left = np.union1d(left, tree.left)
        grown.append((int(entries.numbers[part[0]]), tree))
    grown.sort(key=lambda pair: pair[0])
    return _joined(entries, grown, entry_bytes, configuration.name)


def _joined(entries: Entries, grown: list[tuple[int, Grown]], entry_bytes: int, name: str) -> Forest:
    """One table of nodes and one of leaves."""
    trees, nodes, leaves = [], [], []
    node_count = leaf_count = 0
    for first, tree in grown:
        moved = _moved(np.append(tree.nodes, tree.root), node_count, leaf_count)
        nodes.append(moved[:-1])
        leaves.append(tree.leaves.astype(np.uint32))
        trees.append(Tree(int(moved[-1]), first, tree.depth, tree.longest))
        node_count += len(tree.nodes)
        leaf_count += len(tree.leaves)
    behind = [float((entries.numbers >= first).mean()) for first, _ in grown]
    trees_behind = zip(behind, (tree for _, tree in grown), strict=True)
    cost = nanoseconds(trees_behind, 8 * node_count + entry_bytes * leaf_count)
    return Forest(np.concatenate(nodes), np.concatenate(leaves), tuple(trees), cost, name)


def _moved(nodes: Words, node_count: int, leaf_count: int) -> Words:
    return nodes + np.where(nodes & LEAF, np.uint64(leaf_count), np.uint64(node_count))
