"""Keys as the maps hold them. In: addresses and numbers. Out: words of 32 bits, big-endian (ADR 0003, rule 3)."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Words: TypeAlias = tuple[int, ...]
"""A key's words, in the order of its fields."""
KeyKind = Literal["address", "mac", "number"]

WORD_BITS: Final = 32
WORDS: dict[KeyKind, int] = {"address": 5, "mac": 2, "number": 1}
"""How many words a field of each kind takes."""
ADDRESS_BITS: dict[int, int] = {4: 32, 6: 128}
"""Of each family."""
LONGEST_ADDRESS: Final = ADDRESS_BITS[6]


def split_words(value: int, count: int) -> Words:
    """The lowest `count` words of a number, the highest first."""
    return tuple(value >> WORD_BITS * place & 0xFFFF_FFFF for place in reversed(range(count)))


def join_words(words: Words) -> int:
    """The number that the words make."""
    return sum(word << WORD_BITS * place for place, word in enumerate(reversed(words)))


def address_words(family: int, address: int, mask: int | None = None) -> Words:
    """The family, 4 or 6, and the address, by its first `mask` bits where one is given; IPv4's ends in words of 0."""
    size = ADDRESS_BITS[family]
    if mask is not None:
        address = address >> (size - mask) << (size - mask)
    return (family, *split_words(address << (LONGEST_ADDRESS - size), WORDS["address"] - 1))


def mac_words(address: int) -> Words:
    """16 bits of 0, then the address."""
    return split_words(address, WORDS["mac"])
