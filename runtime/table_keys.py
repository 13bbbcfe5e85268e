"""Keys of a table: as people write them, and as the map holds them.

In: `10.0.0.1`, `10.0.0.0/8`, `443`, `0x1bb`, `02:00:00:00:00:01`, field by field. Out: the map's key, and back. A field
is words of 32 bits, big-endian: an address is its family (4 or 6) and four words, IPv4's followed by three of 0; a MAC
address two words; a number one. A prefix table's key begins with the number of bits that count of those words, in host
byte order. Law: docs/adr/0003-tables-and-limiters.md, rules 3 and 21.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.manifest_state import KeyPart, TablePart

_FAMILIES: Final = {4: (socket.AF_INET, 4), 6: (socket.AF_INET6, 16)}  # the kernel's name, bytes of an address
_PROTOCOLS: Final = {
    "icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "pim": 103, "vrrp": 112,
    "sctp": 132,
}  # fmt: skip
PROTOCOL_NAMES: Final = {number: name for name, number in _PROTOCOLS.items()}
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,9}|0x[0-9a-fA-F]{1,8}")
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_MAC: Final = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}|[0-9a-fA-F]{12}")
_PADDING: Final = bytes(12)


class KeyTextError(ControlError):
    """A key that is none of its table's. `field`: which of its fields is wrong, -1 for their number."""

    def __init__(self, message: str, field: int = -1, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message, hints)
        self.field = field


class KeyFormat:
    """How the keys of one table are written and read. `size`: bytes of the map's key."""

    def __init__(self, table: TablePart) -> None:
        self._parts = table.key
        self._net = table.net
        self._words = table.words
        self.size = 4 * table.words + (4 if table.net else 0)
        self.fields = ", ".join(part.field for part in table.key) + (" net" if table.net else "")
        self._readers: tuple[Callable[[str], bytes], ...] = tuple(_reader(part) for part in table.key)

    def parse(self, fields: Sequence[str]) -> bytes:
        """The map's key. KeyTextError: not as many fields as the table's, or one is not of its kind."""
        if len(fields) != len(self._parts):
            many = "one field" if len(self._parts) == 1 else f"{len(self._parts)} fields"
            raise KeyTextError(f"a key of this table is {many}: {self.fields}")
        try:
            number = 0
            if not self._net:
                if len(fields) == 1:
                    return self._readers[0](fields[0])
                joined = b""
                for number, read in enumerate(self._readers):
                    joined += read(fields[number])
                return joined
            *exact, last = fields
            joined = b""
            for number, word in enumerate(exact):
                joined += self._readers[number](word)
            number = len(exact)
            address, length = _prefix(last)
            return struct.pack("=I", 32 * (self._words - 4) + length) + joined + address
        except KeyTextError as problem:
            problem.field = number
            raise

    def show(self, key: bytes) -> tuple[str, ...]:
        """Its fields, as `parse` takes them; what no rule could have added is shown as it is, in hex."""
        place, length = (4, struct.unpack_from("=I", key)[0] - 32 * (self._words - 4)) if self._net else (0, -1)
        shown: list[str] = []
        for number, part in enumerate(self._parts):
            raw = key[place : place + 4 * part.words]
            place += len(raw)
            is_prefix = self._net and number == len(self._parts) - 1
            shown.append(_shown(part, raw, length if is_prefix else None))
        return tuple(shown)


def _reader(part: KeyPart) -> Callable[[str], bytes]:
    match part.kind:
        case "address":
            return _address
        case "mac":
            return _mac
        case "number":
            return lambda word: _number(word, part)


def _address(word: str) -> bytes:
    try:
        if ":" in word:
            return b"\0\0\0\6" + socket.inet_pton(socket.AF_INET6, word)
        return b"\0\0\0\4" + socket.inet_pton(socket.AF_INET, word) + _PADDING
    except (OSError, ValueError):  # ValueError: a NUL, or what is no ASCII
        hint = ("a prefix goes into a table whose key is `net`",) if "/" in word else ()
        raise KeyTextError(f"{_told(word)} is no IPv4 or IPv6 address", hints=hint) from None


def _prefix(word: str) -> tuple[bytes, int]:
    """The address's five words, and the prefix's length."""
    text, slash, told = word.partition("/")
    address = _address(text)
    width = 32 if address[3] == 4 else 128
    if not slash:
        return address, width
    if not _LENGTH.fullmatch(told) or int(told) > width:
        raise KeyTextError(f"{_told(word)} is no prefix: its length is from 0 to {width}")
    length = int(told)
    value = int.from_bytes(address[4 : 4 + width // 8], "big")
    rest = value & ((1 << (width - length)) - 1)
    if rest:
        right = _text(address[3], (value - rest).to_bytes(width // 8, "big"))
        raise KeyTextError(f"{_told(word)} has bits beyond its length", hints=(f"write {right}/{length}",))
    return address, length


def _number(word: str, part: KeyPart) -> bytes:
    if not _NUMBER.fullmatch(word):
        if part.field == "proto" and word in _PROTOCOLS:
            return struct.pack("!I", _PROTOCOLS[word])
        raise KeyTextError(f"{_told(word)} is no number", hints=("numbers are decimal, or hexadecimal: 443, 0x1bb",))
    value = int(word, 0)
    if value >> part.bits:
        raise KeyTextError(f"{_told(word)} is too large for {part.field}: at most {(1 << part.bits) - 1}")
    return struct.pack("!I", value)


def _mac(word: str) -> bytes:
    if not _MAC.fullmatch(word):
        raise KeyTextError(f"{_told(word)} is no MAC address", hints=("write it as 02:00:00:00:00:01",))
    pairs = word.split(":") if ":" in word else [word[n : n + 2] for n in range(0, 12, 2)]
    return bytes(2) + bytes(int(pair, 16) for pair in pairs)


def _shown(part: KeyPart, raw: bytes, length: int | None) -> str:
    """`length`: of a prefix, else None."""
    match part.kind:
        case "number":
            value = int.from_bytes(raw, "big")
            return PROTOCOL_NAMES.get(value, str(value)) if part.field == "proto" else str(value)
        case "mac":
            return raw[2:].hex(":") if raw[:2] == b"\0\0" else f"0x{raw.hex()}"
        case "address":
            family = int.from_bytes(raw[:4], "big")
            size = _FAMILIES[family][1] if family in _FAMILIES else 0
            if not size or any(raw[4 + size :]) or not (length is None or 0 <= length <= 8 * size):
                return f"0x{raw.hex()}"
            return _text(family, raw[4 : 4 + size]) + ("" if length is None else f"/{length}")


def _text(family: int, address: bytes) -> str:
    return socket.inet_ntop(_FAMILIES[family][0], address)


def _told(word: str) -> str:
    return f"`{quote(word, 60)}`"
