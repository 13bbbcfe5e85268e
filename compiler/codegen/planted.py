"""Rules that are looked up → planted: for each kind of entries a key and a forest over it (compiler/classify).

The numbers of a forest share up to eight key words of 64 bits, the widest first. numpy takes longer to import than a
small policy to compile: codegen/runs.py imports this module when there is something to plant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import Entries, Field
from ebpfc.compiler.classify.forest import CannotSplit, Forest, build_forest
from ebpfc.compiler.codegen.condition import Mask
from ebpfc.compiler.codegen.entries import (
    LOOSE_BITS,
    WORDS_AT_MOST,
    Entry,
    Facts,
    Key,
    Loose,
    by_address,
    entries_of,
    width,
)
from ebpfc.compiler.codegen.plan import LAYER_NAMES
from ebpfc.compiler.codegen.records import Shape
from ebpfc.compiler.codegen.tested import RunRule, loose_bits

OUTCOMES_AT_MOST = 64
"""Each has code of its own."""
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """`keys`: the numbers by key word and lowest bit; `asked`: facts without which no entry holds."""

    keys: Mapping[Key, tuple[int, int]]
    asked: tuple[Mask, ...]
    shape: Shape
    forest: Forest


def plant(rules: Sequence[RunRule], facts: tuple[str, ...]) -> tuple[Planted, ...]:
    """`facts` are all of the hook, in the order of their bits; an entry's rule is its place in `rules`.

    Raises CannotSplit where a table would not be quick.
    """
    loose = loose_bits(rules)
    outcomes = {(r.rule.verdict, r.rule.counts, r.effects) for r in rules}
    if len(loose) > LOOSE_BITS or len(outcomes) > OUTCOMES_AT_MOST:
        raise CannotSplit(np.arange(len(rules)))
    entries = (
        entry
        for place, rule in enumerate(rules)
        for box in rule.boxes
        for entry in entries_of(place, box, facts, loose.get(rule.rule.number))
    )
    groups = by_address(entries, lambda numbers: _fits(_places({n: width(n, len(facts)) for n in numbers})))
    return tuple(_planted(listed, facts) for listed in groups)


def _planted(listed: list[Entry], facts: tuple[str, ...]) -> Planted:
    numbers = tuple(dict.fromkeys(n for entry in listed for n in entry.numbers))
    bits = {n: width(n, len(facts)) for n in numbers}
    keys = _places(bits)
    if not _fits(keys):
        raise CannotSplit(np.arange(len(listed)))
    fields = tuple(Field(*keys[n], bits[n], isinstance(n, Facts | Loose)) for n in numbers)
    columns = [_column(n, listed, bits[n]) for n in numbers]
    first, second = (np.column_stack([c[end] for c in columns]) for end in (0, 1))
    entries = Entries(fields, np.array([e.rule for e in listed], dtype=np.uint32), first, second)
    shape = Shape(entries)
    return Planted(keys, tuple(_asked(listed, facts)), shape, build_forest(entries, shape.dtype.itemsize))


def _fits(keys: Mapping[Key, tuple[int, int]]) -> bool:
    return all(word < WORDS_AT_MOST for word, _ in keys.values())


def _places(bits: Mapping[Key, int]) -> Mapping[Key, tuple[int, int]]:
    """Word and lowest bit of each: the widest first, each where there is room."""
    used: list[int] = []
    out = {}
    for number, size in sorted(bits.items(), key=lambda item: -item[1]):
        word = next((w for w, taken in enumerate(used) if taken + size <= 64), len(used))
        if word == len(used):
            used.append(0)
        out[number] = (word, used[word])
        used[word] += size
    return out


def _column(number: Key, listed: list[Entry], bits: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    anything = (0, 0) if isinstance(number, Facts | Loose) else (0, (1 << bits) - 1)
    found = np.array([e.numbers.get(number, anything) for e in listed], dtype=np.uint64)
    return found[:, 0], found[:, 1]


def _asked(listed: list[Entry], facts: tuple[str, ...]) -> Iterator[Mask]:
    """Facts that every entry wants set."""
    for layer in LAYER_NAMES:
        common = _WORD
        for entry in listed:
            common &= entry.numbers.get(Facts(layer), (0, 0))[0]
        if common:
            yield Mask(layer, tuple(f for i, f in enumerate(facts) if common >> i & 1))
