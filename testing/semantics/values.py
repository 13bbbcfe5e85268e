"""Is a number or an address among the values that the author wrote? In: resolved values. Out: yes or no.

Sets are flat after resolving, and a value alone is a set of one. Each address says by itself how much of it counts.
"""

from __future__ import annotations

from typing import assert_never

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
    Word,
    WordRange,
)

ALL_IPV4 = 0xFFFF_FFFF
ALL_IPV6 = (1 << 128) - 1


def members(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, SetLiteral) else (value,)


def holds(value: Value, number: int) -> bool:
    """Is it one of the values? `number` is of the kind that they are: a number, an address of either family, a MAC."""
    for item in members(value):
        match item:
            case Number(one) | Mac(one):
                found = number == one
            case NumberRange(low, high) | IPv6Range(low, high) | IPv4Range(low, high):
                found = low <= number <= high
            case IPv4():
                mask = ipv4_mask(item)
                found = number & mask == item.address & mask
            case IPv6(address, length):
                mask = ALL_IPV6 if length is None else ALL_IPV6 << (128 - length) & ALL_IPV6
                found = number & mask == address & mask
            case Word() | WordRange() | SetLiteral():
                raise ValueError(f"{item} is not resolved")
            case _:
                assert_never(item)
        if found:
            return True
    return False


def has_ipv4(value: Value) -> bool:
    """Is there an IPv4 address among them?"""
    return any(isinstance(item, IPv4 | IPv4Range) for item in members(value))


def has_ipv6(value: Value) -> bool:
    return any(isinstance(item, IPv6 | IPv6Range) for item in members(value))


def holds_ipv4(value: Value, address: int) -> bool:
    """Is an IPv4 address one of those in `value`, whose IPv6 addresses do not count?"""
    return any(isinstance(item, IPv4 | IPv4Range) and holds(item, address) for item in members(value))


def holds_ipv6(value: Value, address: int) -> bool:
    """Is an IPv6 address one of those in `value`, whose IPv4 addresses do not count?"""
    return any(isinstance(item, IPv6 | IPv6Range) and holds(item, address) for item in members(value))


def ipv4_mask(value: IPv4) -> int:
    """The bits that count: those of `mask`, else of the prefix, else all."""
    if value.mask is not None:
        return value.mask
    return ALL_IPV4 if value.length is None else ALL_IPV4 << (32 - value.length) & ALL_IPV4
