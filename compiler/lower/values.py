"""AST values → ranges of numbers, one list a family. Assumes a resolved tree (no words, sets flat)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ir.ranges import Ranges, normal

V4_BITS, V6_BITS = 32, 128


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a value says of each family; `masked` are IPv4 (value, mask) pairs whose mask is no prefix."""

    ipv4: Ranges
    ipv6: Ranges
    mac: Ranges
    masked: tuple[tuple[int, int], ...] = ()


def members(value: nodes.Value) -> tuple[nodes.Value, ...]:
    return value.items if isinstance(value, nodes.SetLiteral) else (value,)


def prefix_range(address: int, length: int, bits: int) -> tuple[int, int]:
    """First and last address of a prefix; host bits in `address` are ignored."""
    size = bits - length
    low = address >> size << size
    return low, low | ((1 << size) - 1)


def _ipv4_mask(value: nodes.IPv4) -> tuple[int, int]:
    if value.mask is not None:
        return value.address, value.mask
    length = value.length if value.length is not None else 8 * value.parts
    return value.address, ((1 << length) - 1) << (V4_BITS - length)


def addresses(value: nodes.Value) -> Addresses:
    ipv4: list[tuple[int, int]] = []
    ipv6: list[tuple[int, int]] = []
    mac: list[tuple[int, int]] = []
    masked: list[tuple[int, int]] = []
    for item in members(value):
        match item:
            case nodes.IPv4():
                address, mask = _ipv4_mask(item)
                holes = mask ^ 0xFFFFFFFF
                if holes & (holes + 1):
                    masked.append((address & mask, mask))
                else:
                    ipv4.append((address & mask, address & mask | holes))
            case nodes.IPv4Range():
                ipv4.append((item.low, item.high))
            case nodes.IPv6():
                ipv6.append(prefix_range(item.address, V6_BITS if item.length is None else item.length, V6_BITS))
            case nodes.IPv6Range():
                ipv6.append((item.low, item.high))
            case nodes.Mac():
                mac.append((item.address, item.address))
            case nodes.Number() | nodes.NumberRange() | nodes.Word() | nodes.WordRange() | nodes.SetLiteral():
                raise AssertionError(f"the checker lets no {type(item).__name__} stand for an address")
            case _:
                assert_never(item)
    return Addresses(normal(ipv4), normal(ipv6), normal(mac), tuple(masked))


def numbers(value: nodes.Value) -> Ranges:
    """The ranges of a value that counts: ports, VLANs, VNIs, protocols."""
    pairs: list[tuple[int, int]] = []
    for item in members(value):
        match item:
            case nodes.Number():
                pairs.append((item.value, item.value))
            case nodes.NumberRange():
                pairs.append((item.low, item.high))
            case _:
                raise AssertionError(f"the checker lets no {type(item).__name__} stand for a number")
    return normal(pairs)
