"""Tokens of values → values: numbers, addresses, sets' entries, strings; each wrong one with a diagnostic at its place.

In: one token of the grammar. Out: a `Value` (a harmless stand-in after an error, so that building goes on and finds the
next mistake). Bounds that depend on the place of a value (ports, VIDs) are not looked at here.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from ebpfc.compiler.ast.nodes import (
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    Mac,
    Number,
    NumberRange,
    Span,
    Value,
    Word,
    WordRange,
)
from ebpfc.compiler.diagnostics.model import Sink

if TYPE_CHECKING:
    from lark import Token

MAX_NUMBER = 0xFFFFFFFF
_ESCAPE = re.compile(r'\\(?:(["\\nrt])|x([0-9A-Fa-f]{2}))')
_SIMPLE_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


def token_span(token: Token, file: int) -> Span:
    assert token.start_pos is not None and token.end_pos is not None
    return Span(file, token.start_pos, token.end_pos)


def build_value(token: Token, file: int, sink: Sink) -> Value:
    """The value that one token writes."""
    text, span = str(token), token_span(token, file)
    match token.type:
        case "INT":
            return Number(read_number(text, span, sink), span)
        case "RANGE":
            low, high = text.split("-")
            return NumberRange(read_number(low, span, sink), read_number(high, span, sink), span)
        case "PREFIX" | "IPV4NET":
            address, length = text.split("/")
            return _ipv4_net(address, length, span, sink)
        case "IPV4":
            return _plain_ipv4(text, span, sink)
        case "IPV4RANGE":
            low, high = text.split("-")
            return IPv4Range(_ipv4(low, span, sink)[0], _ipv4(high, span, sink)[0], span)
        case "IPV6":
            return IPv6(_ipv6(text, span, sink), span=span)
        case "IPV6NET":
            address, length = text.split("/")
            return _ipv6_net(address, length, span, sink)
        case "IPV6RANGE":
            low, high = text.split("-")
            return IPv6Range(_ipv6(low, span, sink), _ipv6(high, span, sink), span)
        case "MAC":
            return Mac(_mac(text), span)
        case "DASHED" | "WORDRANGE":
            return WordRange(text, span)
        case "ESCAPED":
            return Word(text[1:], escaped=True, span=span)
        case "HOSTNAME" | "FIELD":
            _refuse_dotted_word(text, span, sink)
            return Word(text, span=span)
        case _:
            return Word(text, span=span)


def read_number(text: str, span: Span, sink: Sink) -> int:
    """Decimal or `0x`; a leading zero (octal elsewhere) and more than 32 bits are refused."""
    hexadecimal = text[:2] in ("0x", "0X")
    if not hexadecimal and len(text) > 1 and text[0] == "0":
        plain = text.lstrip("0") or "0"
        hint = f"write `{_short(plain)}`, or hexadecimal with `0x`"
        sink.error("PF0401", f"a number with a leading 0: {_short(text)}", span, "octal or decimal?", (hint,))
        return 0
    digits = text[2:].lstrip("0") if hexadecimal else text
    value = int(digits or "0", 16 if hexadecimal else 10) if len(digits) <= 20 else MAX_NUMBER + 1
    if value > MAX_NUMBER:
        sink.error("PF0402", f"{_short(text)} does not fit into 32 bits", span, f"at most {MAX_NUMBER}")
        return 0
    return value


def read_string(token: Token, file: int, sink: Sink) -> str:
    r"""The text between the quotes; the escapes are \" \\ \n \r \t \xNN."""
    body, span = str(token)[1:-1], token_span(token, file)
    out: list[str] = []
    at = 0
    while at < len(body):
        if body[at] == "\\":
            escape = _ESCAPE.match(body, at)
            if escape is None:
                place = Span(file, span.start + 1 + at, span.start + 3 + at)
                hint = 'write one of \\" \\\\ \\n \\r \\t \\xNN'
                message = f"`\\{_visible(body[at + 1])}` is no escape of a string"
                sink.error("PF0408", message, place, "unknown escape", (hint,))
                return ""
            out.append(_SIMPLE_ESCAPES[escape[1]] if escape[1] else chr(int(escape[2], 16)))
            at = escape.end()
        elif body[at].isprintable():
            out.append(body[at])
            at += 1
        else:
            place = Span(file, span.start + 1 + at, span.start + 2 + at)
            message = f"the character U+{ord(body[at]):04X} cannot be in a string"
            sink.error("PF0408", message, place, "not printable", ("write bytes as `\\xNN`",))
            return ""
    return "".join(out)


def spaced_prefix(address: Token, length: Token, file: int, sink: Sink) -> Value:
    """`10.0.0.0 / 8`, as tcpdump takes it."""
    span = Span(file, token_span(address, file).start, token_span(length, file).end)
    build = _ipv6_net if address.type == "IPV6" else _ipv4_net
    return build(str(address), str(length), span, sink)


def masked(address: Token, mask: Token, file: int, sink: Sink) -> IPv4:
    """`10.0.0.0 mask 255.0.0.0`."""
    span = Span(file, token_span(address, file).start, token_span(mask, file).end)
    value, parts = _ipv4(str(address), span, sink)
    return IPv4(value, None, parts, _ipv4(str(mask), token_span(mask, file), sink)[0], span)


def _ipv4(text: str, span: Span, sink: Sink) -> tuple[int, int]:
    """The address, its written parts at the top of the 32 bits, and how many were written."""
    octets = text.split(".")
    value = 0
    for octet in octets:
        if len(octet) > 1 and octet[0] == "0" and not octet.startswith(("0x", "0X")):
            plain = ".".join(str(int(o[-4:])) for o in octets)
            hint = f"write `{_short(plain)}`"
            sink.error("PF0401", f"`{_short(text)}`: a number of the address has a leading 0", span, "octal?", (hint,))
            return 0, 4
        number = int(octet, 0) if len(octet) <= 4 else 256
        if number > 255:
            message = f"`{_short(text)}` is no IPv4 address: {_short(octet)} is over 255"
            sink.error("PF0403", message, span, "each of the four numbers is 0 to 255")
            return 0, 4
        value = value << 8 | number
    return value << (32 - 8 * len(octets)), len(octets)


def _plain_ipv4(text: str, span: Span, sink: Sink) -> IPv4:
    value, parts = _ipv4(text, span, sink)
    return IPv4(value, None, parts, None, span)


def _ipv4_net(address: str, length: str, span: Span, sink: Sink) -> IPv4:
    errors = len(sink.items)
    value, parts = _ipv4(address, span, sink)
    bits = read_prefix_length(length, 32, span, sink)
    if len(sink.items) > errors:
        return IPv4(0, 0, 4, None, span)
    base = value & (MAX_NUMBER << (32 - bits))
    if base != value:
        whole = ipaddress.IPv4Address(value)
        _refuse_host_bits(f"{address}/{length}", f"{ipaddress.IPv4Address(base)}/{bits}", str(whole), span, sink)
    return IPv4(base, bits, parts, None, span)


def _ipv6(text: str, span: Span, sink: Sink) -> int:
    try:
        return int(ipaddress.IPv6Address(text))
    except ValueError:
        hint = "eight groups of up to four hex digits, or fewer with one `::`"
        sink.error("PF0403", f"`{_short(text)}` is no IPv6 address", span, "not an address", (hint,))
        return 0


def _ipv6_net(address: str, length: str, span: Span, sink: Sink) -> IPv6:
    value = _ipv6(address, span, sink)
    bits = read_prefix_length(length, 128, span, sink)
    base = value >> (128 - bits) << (128 - bits)
    if base != value:
        whole = ipaddress.IPv6Address(value)
        _refuse_host_bits(f"{address}/{length}", f"{ipaddress.IPv6Address(base)}/{bits}", str(whole), span, sink)
    return IPv6(base, bits, span)


def read_prefix_length(text: str, most: int, span: Span, sink: Sink) -> int:
    """The number behind a `/`, at most `most`: 32 for IPv4, 128 for IPv6."""
    plain = text.lstrip("0") or "0"
    if plain != text:
        hint = f"write `/{_short(plain)}`"
        sink.error("PF0401", f"a prefix length with a leading 0: /{_short(text)}", span, "octal or decimal?", (hint,))
        return most
    if len(plain) > 3 or int(plain) > most:
        family = "IPv4" if most == 32 else "IPv6"
        message = f"/{_short(text)} is no prefix length of an {family} net"
        sink.error("PF0404", message, span, f"at most /{most}", (f"write a length from /0 to /{most}",))
        return most
    return int(plain)


def _refuse_host_bits(written: str, net: str, address: str, span: Span, sink: Sink) -> None:
    hint = f"write `{net}` for the net, or `host {address}` for the one address"
    sink.error("PF0405", f"`{written}` has bits set beyond its prefix length", span, "host bits set", (hint,))


def _mac(text: str) -> int:
    if text.count(".") == 2 or not re.search(r"[:.-]", text):
        return int(text.replace(".", ""), 16)
    value = 0
    for part in re.split(r"[:.-]", text):
        value = value << 8 | int(part, 16)
    return value


def _refuse_dotted_word(text: str, span: Span, sink: Sink) -> None:
    shown = _short(text)
    if re.fullmatch(r"[0-9.]+", text):
        sink.error("PF0403", f"`{shown}` is no address", span, "not an address", ("write four numbers from 0 to 255",))
        return
    hint = "write the address, or name it: `let server = 10.0.0.1`"
    sink.error("PF0406", f"`{shown}`: host names are never looked up", span, "not an address", (hint,))


def _visible(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
