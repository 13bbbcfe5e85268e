"""Values → numbers on one line, for all kinds: ports, MAC and IPv6 addresses from 0, IPv4 addresses behind 2**128.

In: plain values of a resolved policy. Out: closed ranges.
"""

from __future__ import annotations

from ebpfc.compiler.ast.nodes import (
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    Mac,
    Number,
    NumberRange,
    SetLiteral,
    Value,
)
from ebpfc.compiler.ir.ranges import Ranges, normal

LARGEST = 128
"""Sets with more entries than this are not looked into."""
_V4_BASE = 1 << 128
_EVERYTHING: Ranges = ((0, _V4_BASE + 0xFFFFFFFF),)


def is_large(value: Value) -> bool:
    return isinstance(value, SetLiteral) and len(value.items) > LARGEST


def numbers_of(value: Value) -> Ranges:
    """The numbers of a value, or more: of a large set, all there are."""
    if not isinstance(value, SetLiteral):
        return ends(value)
    return _EVERYTHING if is_large(value) else normal([span for item in value.items for span in ends(item)])


def ends(item: Value) -> Ranges:
    """First and last number that a plain value stands for, on one line for all kinds."""
    match item:
        case Number() | Mac():
            only = item.value if isinstance(item, Number) else item.address
            return ((only, only),)
        case NumberRange() | IPv6Range():
            return ((item.low, item.high),)
        case IPv4Range():
            return ((_V4_BASE + item.low, _V4_BASE + item.high),)
        case IPv6():
            size = 1 << (128 - (128 if item.length is None else item.length))
            return ((item.address, item.address + size - 1),)
        case IPv4(mask=None):
            size = 1 << (32 - (32 if item.length is None else item.length))
            return ((_V4_BASE + item.address, _V4_BASE + item.address + size - 1),)
        case IPv4():
            return ((_V4_BASE, _V4_BASE + 0xFFFFFFFF),)
        case _:
            return ()
