"""Why a value cannot stand in its place, and what to write instead.

In: a value or a word, the `Domain` of its place, the names defined so far. Out: a `WrongValueError` to raise, which
carries a diagnostic without its place: for a named set that is the use, not the entry.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
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
    Span,
    Value,
    Word,
    WordRange,
)
from ebpfc.compiler.ast.printer import print_key
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.names import PCAP_CONSTANTS
from ebpfc.compiler.sema import refused
from ebpfc.compiler.sema.definitions import Definition, Definitions, NamedLimit, NamedTable, kind_of_name
from ebpfc.compiler.sema.domains import Domain


@dataclass(eq=False)
class WrongValueError(Exception):
    """One value that its place does not take."""

    code: str
    message: str
    label: str
    hints: tuple[str, ...] = ()


def kind_of(value: Value) -> str:
    """The kind of a value in the author's words."""
    match value:
        case Number() | NumberRange():
            return "a number"
        case IPv4() | IPv4Range():
            return "an IPv4 address"
        case IPv6() | IPv6Range():
            return "an IPv6 address"
        case Mac():
            return "a MAC address"
        case Word() | WordRange():
            return "a word"
        case SetLiteral():
            return "a set"
        case _:
            assert_never(value)


def wrong_kind(value: Value, domain: Domain) -> WrongValueError:
    kind = kind_of(value)
    return WrongValueError("PF0422", f"{kind} where {domain.what} is wanted", f"{kind}", kind_hints(value, domain))


def kind_hints(value: Value, domain: Domain) -> tuple[str, ...]:
    match value:
        case Number() | NumberRange() if domain.kind == "address":
            return ("write `port` for a port, or the whole address",)
        case IPv4() | IPv6() | IPv4Range() | IPv6Range() if domain.kind == "mac":
            return ("leave `ether` out: `src host 10.0.0.1`",)
        case IPv4() | IPv6() | IPv4Range() | IPv6Range():
            return ("write `host` (or `net`) before an address",)
        case Mac():
            return ("write `ether host`, `ether src` or `ether dst` before a MAC address",)
        case _:
            return ()


def closest_name(text: str, names: Sequence[str]) -> str | None:
    """The name that was probably meant. A slip changes much of a short word, and little of a long one."""
    near = difflib.get_close_matches(text[:40], names, 1, 0.65 if len(text) <= _SHORT else 0.8)
    return near[0] if near else None


_SHORT = 6


def wrong_name(found: Definition, wanted: str, span: Span, sink: Sink) -> None:
    """A name stands where it means nothing; `wanted` says what does: "a table is wanted here"."""
    match found:
        case NamedTable():
            hint = f"write a field before it: `{print_key(found.table.key)} in {found.name}`"
        case NamedLimit():
            hint = f"it stands behind `over` or `within`: `drop tcp over {found.name}`"
        case _:
            hint = "choose the name that you meant, or declare another"
    kind = kind_of_name(found)
    message = f"`{found.name}` is {kind}, and {wanted}"
    sink.error("PF0321", message, span, kind, (hint,), (Related(found.span, "made here"),))


def unknown_word(text: str, domain: Domain, definitions: Definitions) -> WrongValueError:
    """Why `text` says nothing in this place."""
    if text in definitions.later:
        return WrongValueError(
            "PF0301",
            f"`{text}` is used before it is defined",
            "not defined yet here",
            (definitions.moved(text),),
        )
    reason = refused.word(text)
    if reason is not None:
        return WrongValueError("PF0620", reason.message, reason.label, reason.hints)
    if domain.kind == "number":
        close = closest_name(text, [*domain.words, *definitions.made])
        hints = (f"did you mean `{close}`?",) if close else ("write the number",)
        if text == "ipip" and "ipencap" in domain.words:
            hints = ("write `ipencap` (4, IP in IP), or the number 94",)
        return WrongValueError("PF0306", f"`{text}` is no name of {domain.what}", "unknown name", hints)
    if text in PCAP_CONSTANTS:
        message = f"`{text}` is a number ({PCAP_CONSTANTS[text]}) where {domain.what} is wanted"
        hint = f"compare a field with it: `icmp[icmptype] = {text}`" if text.startswith("icmp") else "write an address"
        return WrongValueError("PF0422", message, "a number", (hint,))
    close = closest_name(text, list(definitions.made))
    hints = (f"did you mean `{close}`?",) if close else ("write the address, or name it: `let server = 10.0.0.1`",)
    return WrongValueError("PF0406", f"`{text}` is no address: host names are never looked up", "no address", hints)
