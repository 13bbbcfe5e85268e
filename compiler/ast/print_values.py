"""Values and texts of an AST → their canonical spelling, which parses to the same value."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
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


def print_value(value: Value) -> str:
    match value:
        case Number():
            return str(value.value)
        case NumberRange():
            return f"{value.low}-{value.high}"
        case IPv4():
            return _ipv4(value)
        case IPv4Range():
            return f"{IPv4Address(value.low)}-{IPv4Address(value.high)}"
        case IPv6():
            address = str(IPv6Address(value.address))
            return address if value.length is None else f"{address}/{value.length}"
        case IPv6Range():
            return f"{IPv6Address(value.low)}-{IPv6Address(value.high)}"
        case Mac():
            return ":".join(f"{byte:02x}" for byte in value.address.to_bytes(6, "big"))
        case Word():
            return f"\\{value.text}" if value.escaped else value.text
        case WordRange():
            return value.text
        case SetLiteral():
            return value.name if value.name is not None else "{" + ", ".join(map(print_value, value.items)) + "}"
        case _:
            assert_never(value)


def quote(text: str) -> str:
    """A string of the language that reads back as `text` (characters up to U+00FF, and printable ones)."""
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    match character:
        case '"' | "\\":
            return "\\" + character
        case "\n":
            return "\\n"
        case "\r":
            return "\\r"
        case "\t":
            return "\\t"
        case _:
            return character if character.isprintable() else f"\\x{ord(character):02x}"


def _ipv4(value: IPv4) -> str:
    octets = value.address.to_bytes(4, "big")[: value.parts]
    text = ".".join(map(str, octets))
    if value.mask is not None:
        return f"{text} mask {IPv4Address(value.mask)}"
    return text if value.length is None else f"{text}/{value.length}"
