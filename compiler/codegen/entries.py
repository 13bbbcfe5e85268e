"""Boxes → entries over the numbers of a key: what compiler/classify makes trees of.

An entry is a box with one range of each number; addresses of 128 bits are two numbers. Entries that look at different
addresses (IPv4, IPv6, of the packet inside) are told apart: each kind gets a forest with a key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

from ebpfc.compiler.codegen.boxes import Box
from ebpfc.compiler.codegen.condition import Mask, Number
from ebpfc.compiler.ir.ranges import Ranges

FORESTS_AT_MOST = 4
"""Of a run, but for those that one key is too small for."""
WIDE = 32
"""Bits from which on a number is an address, by which rules are told apart."""
LOOSE_BITS = 16
WORDS_AT_MOST = 8
"""Of a key: a node has three bits to say which."""
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a layer, as a number of the key."""

    layer: str


@dataclass(frozen=True, slots=True)
class Loose:
    """The loose rules that are still to be tried, a bit each."""


@dataclass(frozen=True, slots=True)
class Half:
    """Half of a number of 128 bits: 0 the upper, 1 the lower."""

    number: Number
    index: int


Key = Facts | Loose | Half | Number


@dataclass(frozen=True, slots=True)
class Entry:
    """`rule` is its place in the run; of a number (low, high), of bits (value, mask). What is not there may be any."""

    rule: int
    numbers: Mapping[Key, tuple[int, int]]


def entries_of(rule: int, box: Box, facts: tuple[str, ...], loose: int | None) -> Iterator[Entry]:
    fixed: dict[Key, tuple[int, int]] = {Facts(layer): _bits(mask, facts) for layer, mask in box.masks.items()}
    if loose is not None:
        fixed[Loose()] = (1 << loose, 1 << loose)
    choices = [tuple(_pieces(number, ranges)) for number, ranges in box.numbers.items()]
    for chosen in product(*choices):
        numbers = dict(fixed)
        for part in chosen:
            numbers.update(part)
        yield Entry(rule, numbers)


def _bits(mask: Mask, facts: tuple[str, ...]) -> tuple[int, int]:
    wanted = sum(1 << facts.index(f) for f in mask.set)
    return wanted, wanted | sum(1 << facts.index(f) for f in mask.clear)


def _pieces(number: Number, ranges: Ranges) -> Iterator[Mapping[Key, tuple[int, int]]]:
    """Ranges of 128 bits as ranges of both halves."""
    for low, high in ranges:
        if number.bits <= 64:
            yield {number: (low, high)}
            continue
        upper, lower = Half(number, 0), Half(number, 1)
        first, last = low >> 64, high >> 64
        if first == last:
            yield {upper: (first, last), lower: (low & _WORD, high & _WORD)}
            continue
        if low & _WORD:
            yield {upper: (first, first), lower: (low & _WORD, _WORD)}
            first += 1
        if high & _WORD != _WORD:
            yield {upper: (last, last), lower: (0, high & _WORD)}
            last -= 1
        if first <= last:
            yield {upper: (first, last)}


def _addresses(entry: Entry) -> frozenset[str]:
    """The headers whose addresses an entry looks at."""
    numbers = (n.number if isinstance(n, Half) else n for n in entry.numbers)
    return frozenset(n.header for n in numbers if isinstance(n, Number) and n.bits >= WIDE)


def by_address(entries: Iterator[Entry], fits: Callable[[Iterable[Key]], bool]) -> list[list[Entry]]:
    """The smallest together, so that there are few, where a key has room for the numbers of both (`fits`); by the first
    rule of each."""
    found: dict[frozenset[str], list[Entry]] = {}
    for entry in entries:
        found.setdefault(_addresses(entry), []).append(entry)
    groups = [(group, dict.fromkeys(n for entry in group for n in entry.numbers)) for group in found.values()]
    while len(groups) > FORESTS_AT_MOST:
        groups.sort(key=lambda g: len(g[0]))
        pairs = combinations(range(len(groups)), 2)
        pair = next(((a, b) for a, b in pairs if fits({**groups[a][1], **groups[b][1]})), None)
        if pair is None:
            break
        (other, more), (one, numbers) = groups.pop(pair[1]), groups.pop(pair[0])
        groups.append((sorted([*one, *other], key=lambda e: e.rule), {**numbers, **more}))
    return sorted((group for group, _ in groups), key=lambda g: g[0].rule)


def width(key: Key, facts: int) -> int:
    match key:
        case Facts():
            return 32 if facts <= 32 else 64
        case Loose():
            return LOOSE_BITS
        case Half():
            return 64
        case _:
            return key.bits
