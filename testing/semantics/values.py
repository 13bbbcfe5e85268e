"""Is a number or an address among the values that the author wrote? In: resolved values. Out: yes or no.

Sets are flat after resolving; a value alone is a set of one. What a value means as an address follows tcpdump: a
short form (`10.1`) is a prefix, a number is an address, and under `net` a number stands for its leading bytes.
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
    """Could an IPv4 address be among them?"""
    return any(isinstance(item, IPv4 | IPv4Range | Number | NumberRange) for item in members(value))


def has_ipv6(value: Value) -> bool:
    return any(isinstance(item, IPv6 | IPv6Range) for item in members(value))


def holds_ipv4(value: Value, address: int, *, net: bool) -> bool:
    """Is an IPv4 address one of those in `value`, whose IPv6 addresses do not count?

    `net`: written after `net`, where a bare number is the leading bytes of a network.
    """
    for item in members(value):
        if isinstance(item, Number) and net:
            base, mask = _short_net(item.value)
            found = address & mask == base
        else:
            found = not isinstance(item, IPv6 | IPv6Range) and holds(item, address)
        if found:
            return True
    return False


def holds_ipv6(value: Value, address: int) -> bool:
    """Is an IPv6 address one of those in `value`, whose IPv4 addresses do not count?"""
    return any(isinstance(item, IPv6 | IPv6Range) and holds(item, address) for item in members(value))


def ipv4_mask(value: IPv4) -> int:
    """The bits that count: as written by `mask` or `/length`, else those of the parts that were written."""
    if value.mask is not None:
        return value.mask
    length = 8 * value.parts if value.length is None else value.length
    return ALL_IPV4 << (32 - length) & ALL_IPV4


def _short_net(number: int) -> tuple[int, int]:
    """`net 10` is 10.0.0.0/8, `net 2561` (0x0a01) 10.1.0.0/16, as libpcap moves a number up: address and mask."""
    mask = ALL_IPV4
    while number and not number & 0xFF00_0000:
        number, mask = number << 8, mask << 8 & ALL_IPV4
    return number, mask
