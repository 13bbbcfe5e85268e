"""The bytes of a table as C text: one string literal, which clang reads many times as fast as a list of numbers.

Measured: 8 MB in 0.26 s as a string, in 0.93 s as 64-bit numbers (clang 14).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BYTES_A_LINE = 64


@dataclass(frozen=True, slots=True)
class Blob:
    """`data` is little-endian, and a whole number of u64."""

    name: str
    data: bytes

    @property
    def words(self) -> int:
        return len(self.data) // 8

    def literal(self) -> str:
        """Lines of C: quoted strings that the compiler joins."""
        octal = np.array([list(f"\\{byte:03o}".encode()) for byte in range(256)], dtype=np.uint8)
        whole = len(self.data) // BYTES_A_LINE * BYTES_A_LINE
        lines = octal[np.frombuffer(self.data[:whole], dtype=np.uint8)].reshape(-1, BYTES_A_LINE * 4)
        quote, end = np.full((len(lines), 1), ord('"'), np.uint8), np.full((len(lines), 1), ord("\n"), np.uint8)
        text = np.hstack([quote, lines, quote, end]).tobytes().decode("ascii")
        rest = octal[np.frombuffer(self.data[whole:], dtype=np.uint8)].tobytes().decode("ascii")
        return text + (f'"{rest}"\n' if rest else "")
