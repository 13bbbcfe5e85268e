"""The bytes of a table as C text: one string literal, which clang reads many times as fast as a list of numbers.

Measured: 8 MB in 0.26 s as a string, in 0.93 s as 64-bit numbers (clang 14).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BYTES_A_LINE = 64
SLACK = 16
"""Bytes behind a table: the end of its string, and what aligns the next."""
PART_BYTES = 7 << 19
"""Of one section: the value of a map, of which kernels before 5.17 take no more than KMALLOC_MAX_SIZE, 4 MiB. A program
may have 64 maps (MAX_USED_MAPS), so that small tables share one."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A table, or a part of it: `rows` rows from `first` on; `data` is little-endian."""

    name: str
    first: int
    rows: int
    data: bytes

    def literal(self) -> str:
        """Lines of C: quoted strings that the compiler joins."""
        import numpy as np

        octal = np.array([list(f"\\{byte:03o}".encode()) for byte in range(256)], dtype=np.uint8)
        whole = len(self.data) // BYTES_A_LINE * BYTES_A_LINE
        lines = octal[np.frombuffer(self.data[:whole], dtype=np.uint8)].reshape(-1, BYTES_A_LINE * 4)
        quote, end = np.full((len(lines), 1), ord('"'), np.uint8), np.full((len(lines), 1), ord("\n"), np.uint8)
        text = np.hstack([quote, lines, quote, end]).tobytes().decode("ascii")
        rest = octal[np.frombuffer(self.data[whole:], dtype=np.uint8)].tobytes().decode("ascii")
        return text + (f'"{rest}"\n' if rest else "")


def in_parts(name: str, data: bytes, row: int) -> tuple[Blob, ...]:
    """The table of rows of `row` bytes as parts that every kernel takes; at least one row, of zeros."""
    data = data or bytes(row)
    rows = PART_BYTES // row
    starts = range(0, len(data) // row, rows)
    parts = (data[start * row : (start + rows) * row] for start in starts)
    return tuple(
        Blob(f"{name}_{i}", start, len(p) // row, p) for i, (start, p) in enumerate(zip(starts, parts, strict=True))
    )


def in_sections(blobs: Iterable[Blob]) -> Mapping[str, int]:
    """By name the section that each goes into, in their order, as many in one as there is room for."""
    out: dict[str, int] = {}
    section = used = 0
    for blob in blobs:
        size = len(blob.data) + SLACK
        if used + size > PART_BYTES + SLACK:
            section, used = section + 1, 0
        out[blob.name] = section
        used += size
    return out
