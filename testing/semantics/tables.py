"""What is in a table. In: keys as words, the time in ns. Out: `Contents`: entries found, added, deleted, counted.

ADR 0003, rules 8 to 11. An entry stands for the keys that begin with its first bits: all of them in an exact table,
so that it stands for one key; in a prefix table (`src net`) those of the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ebpfc.compiler.ast.nodes import Table
from ebpfc.testing.semantics.words import (
    ADDRESS_BITS,
    LONGEST_ADDRESS,
    WORD_BITS,
    WORDS,
    Words,
    join_words,
    split_words,
)


class Slot(NamedTuple):
    """The first `bits` bits of `words`; the others are 0."""

    words: Words
    bits: int


@dataclass(slots=True)
class Entry:
    """`expires`: the first ns at which it is gone, None for never. `packets` and `bytes` are of those that found it."""

    expires: int | None
    packets: int = 0
    bytes: int = 0

    def is_there(self, now: int) -> bool:
        return self.expires is None or now < self.expires


@dataclass(slots=True)
class Contents:
    """A table's entries, the least recently used first, expired ones too until their room is needed.

    `added` counts every `add` that was carried out, of keys that were there too; `refused` those that found no room.
    """

    table: Table
    entries: dict[Slot, Entry] = field(default_factory=dict)
    added: int = 0
    refused: int = 0

    def find(self, words: Words, now: int) -> Entry | None:
        """The entry of this key; in a prefix table only the longest prefix counts, expired or not (rule 9)."""
        for slot in self._slots(words):
            entry = self.entries.get(slot)
            if entry is not None:
                return self._used(slot, entry) if entry.is_there(now) else None
        return None

    def add(self, words: Words, now: int, duration: int | None = None, bits: int | None = None) -> None:
        """Anew or again, in full; `duration` None is the table's timeout. `bits`: a prefix, from user space only."""
        slot = self._slot(words, bits)
        duration = self.table.timeout if duration is None else duration
        expires = None if duration is None else now + duration
        there = self.entries.get(slot)
        if there is not None and there.is_there(now):
            self._used(slot, there).expires = expires
            self.added += 1
            return
        self.entries.pop(slot, None)
        if not self._makes_room(now):
            self.refused += 1
            return
        self.entries[slot] = Entry(expires)
        self.added += 1

    def delete(self, words: Words, bits: int | None = None) -> None:
        self.entries.pop(self._slot(words, bits), None)

    def present(self, now: int) -> Iterator[tuple[Slot, Entry]]:
        """What is in the table at this time."""
        return ((slot, entry) for slot, entry in self.entries.items() if entry.is_there(now))

    def _slot(self, words: Words, bits: int | None) -> Slot:
        """Of the key's first `bits` bits; None: of a whole key, in a prefix table of a whole address."""
        whole = WORD_BITS * len(words)
        if bits is None:
            bits = whole
            if self.table.net:
                bits -= LONGEST_ADDRESS - ADDRESS_BITS[words[-WORDS["address"]]]
        return Slot(split_words(join_words(words) >> (whole - bits) << (whole - bits), len(words)), bits)

    def _slots(self, words: Words) -> Iterator[Slot]:
        """Where the key may be found, the longest prefix first."""
        longest = self._slot(words, None)
        yield longest
        if self.table.net:
            shortest = WORD_BITS * len(words) - LONGEST_ADDRESS
            yield from (self._slot(words, bits) for bits in range(longest.bits - 1, shortest - 1, -1))

    def _used(self, slot: Slot, entry: Entry) -> Entry:
        """Moves the entry behind all others."""
        self.entries[slot] = self.entries.pop(slot)
        return entry

    def _makes_room(self, now: int) -> bool:
        """Is there room for one more? Where the table is full, what is expired goes first (rule 10)."""
        if len(self.entries) < self.table.size:
            return True
        self.entries = dict(self.present(now))
        if len(self.entries) < self.table.size:
            return True
        if not self.evicts:
            return False
        del self.entries[next(iter(self.entries))]
        return True

    @property
    def evicts(self) -> bool:
        """Does the least recently used go when it is full, rather than that what is new is refused?"""
        return self.table.evict and self.table.timeout is not None and not self.table.net
