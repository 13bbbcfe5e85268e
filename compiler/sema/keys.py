"""Keys of tables and limiters: which fields may make one, and whether two go together (ADR 0003, rules 3 to 7).

In: keys of the tree. Out: the same with every field known, and each field's `Slot`; or None, with diagnostics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ebpfc.compiler.ast.nodes import Access, Binary, FieldRef, Group, Key, KeyField, Span, Table
from ebpfc.compiler.ast.printer import print_key
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.fields import FIELDS
from ebpfc.compiler.sema.domains import encap_field
from ebpfc.compiler.sema.known_fields import known_field

Field = KeyField | FieldRef | Access | Binary | Group
MOST_WORDS = 24
"""Words of 32 bits in a key: two of them, and a table's value, are on the 512 bytes of a program's stack."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A field's place in a key; `bits` is the field's width, 0 for an address of either family."""

    kind: Literal["address", "mac", "number"]
    bits: int

    @property
    def words(self) -> int:
        return {"address": 5, "mac": 2, "number": 1}[self.kind]

    def __str__(self) -> str:
        match self.kind:
            case "address":
                return "an IP address"
            case "mac":
                return "a MAC address"
            case "number":
                return f"a number of {self.bits} bits"


def resolve_key(key: Key, sink: Sink) -> Key | None:
    """The key of a table, a limiter, an action."""
    fields = resolve_fields(key.fields, key.span, sink)
    if fields is None:
        return None
    if key.mask4 is not None and slot(fields[-1]).kind != "address":
        sink.error(
            "PF0443", "a mask stands behind an address", key.span, f"`{print_key(Key((fields[-1],)))}` is none",
            ("put the address last: `per (dst port, src)/24/64`, or leave the mask out",),
        )  # fmt: skip
        return None
    return replace(key, fields=fields)


def resolve_fields(fields: tuple[Field, ...], span: Span, sink: Sink) -> tuple[KeyField | FieldRef, ...] | None:
    """What stands before `in TABLE`, and what a key is made of."""
    out = [found for field in fields if (found := _resolve_field(field, sink)) is not None]
    if len(out) < len(fields):
        return None
    words = sum(slot(field).words for field in out)
    if words > MOST_WORDS:
        sink.error(
            "PF0446", f"a key of {words} words of 32 bits: at most {MOST_WORDS}", span, "too long",
            ("leave fields out; an address takes 5 words, a MAC address 2, any other field 1",),
        )  # fmt: skip
        return None
    return tuple(out)


def _resolve_field(field: Field, sink: Sink) -> KeyField | FieldRef | None:
    match field:
        case FieldRef():
            return field if known_field(field, sink) is not None else None
        case KeyField() if (ref := encap_field(field)) is not None:
            return ref
        case KeyField() if _qualified(field.text) is not None:
            return field
        case KeyField():
            hint = _INSTEAD.get(field.text.split()[-1] if field.text != "ether proto" else field.text, _FIELDS)
            sink.error("PF0441", f"`{field.text}` cannot be part of a key", field.span, "no field of a key", (hint,))
        case _:
            sink.error("PF0441", "arithmetic cannot be part of a key", field.span, "no field", (_FIELDS,))
    return None


_FIELDS = "a key is made of fields: `src`, `dst port`, `proto`, `ether src`, `vlan`, `ip.ttl` ..."
_INSTEAD = {
    "proto": "write `proto`, of either family",
    "ether proto": "write `ether.type`",
    "src": "write `src`: the address of IPv4 or IPv6",
    "dst": "write `dst`: the address of IPv4 or IPv6",
}


def slot(field: KeyField | FieldRef) -> Slot:
    """The place that a resolved field takes."""
    if isinstance(field, KeyField):
        found = _qualified(field.text)
        assert found is not None, "resolved"
        return found
    row = FIELDS[field.proto, field.name]
    match row.kind:
        case "ipv4" | "ipv6":
            return Slot("address", 0)
        case "mac":
            return Slot("mac", 48)
        case "number":
            return Slot("number", row.bits)


def _qualified(text: str) -> Slot | None:
    """Of a field in qualifier words; None for what is no single field of a packet."""
    match text.split():
        case ["src" | "dst"] | ["ip" | "ip6", "src" | "dst"]:
            return Slot("address", 0)
        case ["ether", "src" | "dst"]:
            return Slot("mac", 48)
        case ["src" | "dst", "port"] | ["tcp" | "udp" | "sctp", "src" | "dst", "port"]:
            return Slot("number", 16)
        case ["proto"]:
            return Slot("number", 8)
        case ["vlan"]:
            return Slot("number", 12)
        case ["vxlan"]:
            return Slot("number", 24)
        case ["ifindex"]:
            return Slot("number", 32)
        case _:
            return None


def fits(table: Table, fields: tuple[KeyField | FieldRef, ...], span: Span, sink: Sink) -> bool:
    """Whether these fields may be looked up in `table`; else a diagnostic. Both are resolved."""
    own = table.key.fields
    related = (Related(table.name_span, f"`{table.name}` is declared here"),)
    hint = f"write `{print_key(Key(own))}`, or fields of the same width and kind"
    if len(own) != len(fields):
        message = f"the key of `{table.name}` has {_count(len(own))}, and {_count(len(fields))} stand here"
        message = message.replace("one field stand", "one field stands")
        sink.error("PF0442", message, span, "not its key", (hint,), related)
        return False
    for mine, given in zip(own, fields, strict=True):
        if slot(mine) != slot(given):
            here, there = print_key(Key((given,))), print_key(Key((mine,)))
            message = f"`{here}` is {slot(given)}, and `{table.name}` has {slot(mine)} there, `{there}`"
            sink.error("PF0442", message, given.span, f"{slot(given)}", (hint,), related)
            return False
    return True


def _count(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six")
    return f"{words[number] if number < len(words) else number} field{'' if number == 1 else 's'}"
