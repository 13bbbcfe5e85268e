"""The record of one forest's entries, as C and as bytes: what a leaf compares.

Value and mask of each key word, of numbers whose ranges are no prefixes low end and size, and the code of the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebpfc.compiler.classify.entries import Entries, Field
from ebpfc.compiler.codegen.ranges_c import hexadecimal

_CTYPES = {16: "u16", 32: "u32", 64: "u64"}


@dataclass(frozen=True, slots=True)
class RecordMember:
    ctype: str
    name: str


class Shape:
    """The members, and every entry's values of them."""

    def __init__(self, entries: Entries) -> None:
        self.values: dict[int, NDArray[np.uint64]] = {}
        self.masks: dict[int, NDArray[np.uint64]] = {}
        self.rules = entries.numbers
        self.ranged: list[tuple[Field, NDArray[np.uint64], NDArray[np.uint64]]] = []
        for place, field in enumerate(entries.fields):
            first, second = entries.first[:, place], entries.second[:, place]
            if not field.ternary:
                if not _all_prefixes(first, second):
                    self.ranged.append((field, first, second - first))
                    continue
                top = np.uint64((1 << field.bits) - 1)
                second = top & ~(first ^ second)
            shift = np.uint64(field.at)
            zero = np.zeros(len(first), dtype=np.uint64)
            self.values[field.word] = self.values.get(field.word, zero) | (first & second) << shift
            self.masks[field.word] = self.masks.get(field.word, zero) | second << shift
        sizes = [(_ctype(f.bits), f"low{i}", f"size{i}") for i, (f, _, _) in enumerate(self.ranged)]
        listed = [("u64", f"{part}{w}") for w in sorted(self.values) for part in ("value", "mask")]
        listed += [(ctype, name) for ctype, *names in sizes for name in names] + [("u32", "code")]
        listed.sort(key=lambda m: ("u64", "u32", "u16").index(m[0]))
        self.members = tuple(RecordMember(ctype, name) for ctype, name in listed)
        self.dtype = np.dtype([(m.name, "<u" + str(int(m.ctype[1:]) // 8)) for m in self.members], align=True)

    @property
    def misses(self) -> tuple[str, ...]:
        out = [f"((w->key[{w}] ^ r->value{w}) & r->mask{w})" for w in sorted(self.values)]
        for i, (field, _, _) in enumerate(self.ranged):
            ctype = _ctype(field.bits)
            number = f"({ctype})(w->key[{field.word}] >> {field.at})" if field.at else f"({ctype})w->key[{field.word}]"
            if field.bits not in (16, 32, 64):
                number += f" & {hexadecimal((1 << field.bits) - 1)}"
            out.append(f"beyond{ctype[1:]}({number}, r->low{i}, r->size{i})")
        return tuple(out)

    def records(self, chosen: NDArray[np.uint32], codes: Sequence[int]) -> NDArray[np.void]:
        """Of the entries `chosen`, by their places; `codes` of the rules."""
        out = np.zeros(len(chosen), dtype=self.dtype)
        for w in self.values:
            out[f"value{w}"], out[f"mask{w}"] = self.values[w][chosen], self.masks[w][chosen]
        for i, (_, low, size) in enumerate(self.ranged):
            out[f"low{i}"], out[f"size{i}"] = low[chosen], size[chosen]
        out["code"] = np.array(codes, dtype=np.uint32)[self.rules[chosen]]
        return out


def _ctype(bits: int) -> str:
    return _CTYPES[next(size for size in _CTYPES if bits <= size)]


def _all_prefixes(low: NDArray[np.uint64], high: NDArray[np.uint64]) -> bool:
    """Whether each is an aligned power of two long: the bits in which the ends differ are the lowest, 0 in `low`."""
    differ = low ^ high
    return bool(np.all((differ & (differ + np.uint64(1)) == 0) & (low & differ == 0)))
