"""Values of the tree: numbers, addresses, words, ranges and sets, in frozen records; the union `Value`.

In: nothing (data only). Before `resolve` a value may be a `Word`, a `WordRange` or a set that holds them; afterwards
every word is a `Number`, and the items of a set are plain. Addresses are integers in host order (10.0.0.1 is
0x0A000001); IPv6 are 128-bit integers, MAC addresses 48-bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ebpfc.compiler.ast.places import Span, span_field


@dataclass(frozen=True, slots=True)
class Number:
    """`80`, `0x50`; after resolving also `http` or `tcp-syn`."""

    value: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class NumberRange:
    """`8000-8080`: both ends belong to it."""

    low: int
    high: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class IPv4:
    """`10.0.0.1`, `10.0.0.0/8`, tcpdump's short `10.1` (parts=2) and `net 10.0.0.0 mask 255.0.0.0` (mask)."""

    address: int
    length: int | None = None
    parts: int = 4
    mask: int | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class IPv4Range:
    low: int
    high: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class IPv6:
    address: int
    length: int | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class IPv6Range:
    low: int
    high: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Mac:
    address: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Word:
    """A name not looked up yet: a service, a protocol, an EtherType, a constant, a `let`, or a host name (refused)."""

    text: str
    escaped: bool = False  # written with a backslash: `proto \tcp`
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class WordRange:
    """`ftp-data-http` or `20-http`: a dashed word that `resolve` splits where both sides are known."""

    text: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """`{a, b, c-d}`; `name` when it came from a `let`. After resolving, items hold no Word, no Name, no set."""

    items: tuple[Value, ...]
    name: str | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class TableName:
    """A table where a set could stand: `src in banned`. No value: what it holds is known while packets run."""

    name: str
    span: Span = span_field()


Value: TypeAlias = Number | NumberRange | IPv4 | IPv4Range | IPv6 | IPv6Range | Mac | Word | WordRange | SetLiteral
