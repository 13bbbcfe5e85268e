"""Membership of a value in ranges → C text: compares and masks for few ranges, a table beyond.

Up to INLINE_RANGES ranges become compares: `x == 22`, `(x & 0xffff0000) == 0x0a000000`, `x - 8000 <= 80`. More become
the search of a table (codegen/table.py, templates/sets.c.j2).
"""

from __future__ import annotations

from ebpfc.compiler.codegen.condition import NEVER, Condition, Text, all_of, any_of
from ebpfc.compiler.codegen.plan import Plan
from ebpfc.compiler.ir.ranges import Ranges

INLINE_RANGES = 8
_WORD = (1 << 64) - 1


def hexadecimal(value: int) -> str:
    """Small numbers in decimal, others in hex, with the suffix C wants."""
    if value < 0x10000:
        return str(value)
    return f"{value:#x}ull" if value > 0xFFFFFFFF else f"{value:#x}u" if value > 0x7FFFFFFF else f"{value:#x}"


def _block(low: int, high: int) -> int | None:
    """The mask of a range that is an aligned power of two long, as its number of free bits."""
    size = high - low + 1
    return size.bit_length() - 1 if size & (size - 1) == 0 and low % size == 0 else None


def member(text: str, ranges: Ranges, bits: int, plan: Plan) -> Condition:
    """`text` is the C of a number of `bits` bits in host order."""
    top = (1 << bits) - 1
    if not ranges:
        return NEVER
    if ranges == ((0, top),):
        return Text("1")
    if len(ranges) == 2 and ranges[0][0] == 0 and ranges[1][1] == top and ranges[1][0] == ranges[0][1] + 2:
        return Text(f"{text} != {hexadecimal(ranges[0][1] + 1)}")
    if len(ranges) > INLINE_RANGES:
        table = plan.table(ranges, 64 if bits > 32 else 32)
        return Text(f"in_{table.name}({text})")
    return any_of(*(_one(text, low, high, bits) for low, high in ranges))


def _one(text: str, low: int, high: int, bits: int) -> Condition:
    top = (1 << bits) - 1
    free = _block(low, high)
    if low == high:
        return Text(f"{text} == {hexadecimal(low)}")
    if low == 0:
        return Text(f"{text} <= {hexadecimal(high)}")
    if high == top:
        return Text(f"{text} >= {hexadecimal(low)}")
    if free is not None:
        return Text(f"({text} & {hexadecimal(top >> free << free)}) == {hexadecimal(low)}")
    cast = "(u64)" if bits > 32 else "(u32)"
    return Text(f"{cast}({text} - {hexadecimal(low)}) <= {hexadecimal(high - low)}")


def member128(name: str, ranges: Ranges, plan: Plan) -> Condition:
    """`name` is the C of an IPv6 address, two u64 in network byte order. Nets of /64 or shorter need the first only."""
    if not ranges:
        return NEVER
    if ranges == ((0, (1 << 128) - 1),):
        return Text("1")
    if len(ranges) > INLINE_RANGES and all(low & _WORD == 0 and high & _WORD == _WORD for low, high in ranges):
        table = plan.table(tuple((low >> 64, high >> 64) for low, high in ranges), 64)
        return Text(f"in_{table.name}(B64({name}[0]))")
    if len(ranges) > INLINE_RANGES or any(_block(low, high) is None for low, high in ranges):
        table = plan.table(ranges, 128)
        return Text(f"in_{table.name}(B64({name}[0]), B64({name}[1]))")
    return any_of(*(_prefix128(name, low, high) for low, high in ranges))


def _prefix128(name: str, low: int, high: int) -> Condition:
    free = _block(low, high)
    assert free is not None
    mask = ((1 << 128) - 1) >> free << free
    parts: list[Condition] = []
    for index, shift in ((0, 64), (1, 0)):
        half, want = mask >> shift & (2**64 - 1), low >> shift & (2**64 - 1)
        if half == 2**64 - 1:
            parts.append(Text(f"{name}[{index}] == B64({want:#x}ull)"))
        elif half:
            parts.append(Text(f"({name}[{index}] & B64({half:#x}ull)) == B64({want:#x}ull)"))
    return all_of(*parts)
