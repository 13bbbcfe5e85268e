"""Keys of tables as people write them. In: `"10.0.0.1"`, `("10.0.0.1", 22)`. Out: words as in the maps; and back.

A key of several fields is a tuple, one of a single field stands alone. Addresses of both kinds are text, all else are
numbers. In a prefix table (`src net`) the last field is a network; written back it always has its length.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from ebpfc.testing.semantics.words import (
    ADDRESS_BITS,
    LONGEST_ADDRESS,
    WORD_BITS,
    WORDS,
    KeyKind,
    Words,
    address_words,
    join_words,
    mac_words,
)

WrittenField: TypeAlias = str | int
Written: TypeAlias = WrittenField | tuple[WrittenField, ...]
MAC_DIGITS = 12


def read_written(key: Written, kinds: tuple[KeyKind, ...], *, net: bool = False) -> tuple[Words, int | None]:
    """The words, and in a prefix table how many of their bits count. Raises ValueError for a key of another form."""
    fields = key if isinstance(key, tuple) else (key,)
    if len(fields) != len(kinds):
        raise ValueError(f"{key!r} has {len(fields)} fields, a key of this table has {len(kinds)}")
    words: Words = ()
    bits = None
    for place, (field, kind) in enumerate(zip(fields, kinds, strict=True)):
        if net and place == len(kinds) - 1:
            network = ip_network(field)
            bits = WORD_BITS * (len(words) + 1) + network.prefixlen
            words += address_words(network.version, int(network.network_address))
        else:
            words += _read_field(field, kind)
    return words, bits


def write_key(words: Words, kinds: tuple[KeyKind, ...], bits: int | None = None) -> Written:
    """The key of these words; of a prefix table, `bits` are those that count."""
    fields: list[WrittenField] = []
    at = 0
    for kind in kinds:
        fields.append(_write_field(words[at : at + WORDS[kind]], kind))
        at += WORDS[kind]
    if bits is not None:
        fields[-1] = f"{fields[-1]}/{bits - WORD_BITS * (len(words) - WORDS['address'] + 1)}"
    return fields[0] if len(fields) == 1 else tuple(fields)


def _read_field(field: WrittenField, kind: KeyKind) -> Words:
    match kind, field:
        case "address", str():
            address = ip_address(field)
            return address_words(address.version, int(address))
        case "mac", str() if len(digits := field.replace(":", "")) == MAC_DIGITS:
            return mac_words(int(digits, 16))
        case "number", int() if 0 <= field < 1 << WORD_BITS:
            return (field,)
        case _:
            raise ValueError(f"{field!r} is no {kind}")


def _write_field(words: Words, kind: KeyKind) -> WrittenField:
    match kind:
        case "address":
            family, *address = words
            number = join_words(tuple(address)) >> (LONGEST_ADDRESS - ADDRESS_BITS[family])
            return str(IPv4Address(number) if family == 4 else IPv6Address(number))
        case "mac":
            return join_words(words).to_bytes(6, "big").hex(":")
        case "number":
            return words[0]
