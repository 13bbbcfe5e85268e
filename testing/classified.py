"""What a forest answers, and what it must. In: `Entries`, keys (keys, words) in host order. Out: the number that wins.

Where nothing matches: `NOTHING`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import Entries, Field
from ebpfc.compiler.classify.forest import Forest

NOTHING = 0xFFFFFFFF
Numbers = NDArray[np.uint32]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Each (keys,). `steps`: nodes read below the roots; `compares`: entries compared; `trees`: trees looked at."""

    number: Numbers
    steps: NDArray[np.int64]
    compares: NDArray[np.int64]
    trees: NDArray[np.int64]


def first_match(entries: Entries, keys: Keys) -> Numbers:
    """By comparing one entry after the other."""
    best = np.full(len(keys), NOTHING, np.uint32)
    waiting = np.arange(len(keys))
    for number in range(len(entries.numbers)):
        hit = _matches(entries, np.full(len(waiting), number), keys[waiting])
        best[waiting[hit]] = entries.numbers[number]
        waiting = waiting[~hit]
    return best


def first_match_of_many(entries: Entries, keys: Keys) -> Numbers:
    """The same; each entry is compared with the keys alone that lie in the range of one of its fields."""
    order, first, last = _slices(entries, keys)
    best = np.full(len(keys), NOTHING, np.uint32)
    for number in range(len(entries.numbers) - 1, -1, -1):
        field = int((last[:, number] - first[:, number]).argmin())
        near = order[field, first[field, number] : last[field, number]]
        hit = near[_matches(entries, np.full(len(near), number), keys[near])]
        best[hit] = entries.numbers[number]
    return best


def _slices(entries: Entries, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Keys in the order of each field that has ranges (fields, keys); where each entry's begin and end there."""
    order, first, last = [], [], []
    for number, field in enumerate(entries.fields):
        if field.ternary:
            continue
        value = _value(field, keys)
        places = np.argsort(value, kind="stable")
        order.append(places)
        first.append(np.searchsorted(value[places], entries.first[:, number], "left"))
        last.append(np.searchsorted(value[places], entries.second[:, number], "right"))
    return np.array(order), np.array(first), np.array(last)


def classify(forest: Forest, entries: Entries, keys: Keys) -> Answers:
    """By the forest's tables, as the generated code reads them."""
    best = np.full(len(keys), NOTHING, np.uint32)
    steps, compares, trees = (np.zeros(len(keys), np.int64) for _ in range(3))
    for tree in forest.trees:
        here = np.flatnonzero(best > tree.first)
        trees[here] += 1
        node = np.full(len(here), tree.root, np.uint64)
        for _ in range(tree.depth):
            inner = np.flatnonzero(node >> np.uint64(41) & np.uint64(1) == 0)
            at = node[inner]
            word = keys[here[inner], (at >> np.uint64(38) & np.uint64(7)).astype(np.int64)]
            child = (at & np.uint64(NOTHING)) + (
                (word >> (at >> np.uint64(32) & np.uint64(63))) & (at >> np.uint64(48))
            )
            node[inner] = forest.nodes[child.astype(np.int64)]
            steps[here[inner]] += 1
        assert (node >> np.uint64(41) & np.uint64(1)).all()
        base, count = (node & np.uint64(NOTHING)).astype(np.int64), (node >> np.uint64(48)).astype(np.int64)
        for place in range(tree.longest):
            left = np.flatnonzero(place < count)
            entry = forest.leaves[base[left] + place].astype(np.int64)
            better = entries.numbers[entry] < best[here[left]]
            count[left[~better]] = 0
            left, entry = left[better], entry[better]
            compares[here[left]] += 1
            hit = _matches(entries, entry, keys[here[left]])
            best[here[left[hit]]] = entries.numbers[entry[hit]]
            count[left[hit]] = 0
    return Answers(best, steps, compares, trees)


def _matches(entries: Entries, entry: NDArray[np.int64], keys: Keys) -> NDArray[np.bool_]:
    """Whether each entry matches its key."""
    matched = np.ones(len(keys), np.bool_)
    for number, field in enumerate(entries.fields):
        value = _value(field, keys)
        first, second = entries.first[entry, number], entries.second[entry, number]
        matched &= (value & second == first) if field.ternary else (first <= value) & (value <= second)
    return matched


def _value(field: Field, keys: Keys) -> Keys:
    return keys[:, field.word] >> np.uint64(field.at) & np.uint64((1 << field.bits) - 1)
