"""Fields over 32 bits (IPv6 and MAC addresses) where arithmetic has no room for them: what is wrong, and what to write.

In: the field, and the comparison that it stands in. Out: PF0431 in the sink.
"""

from __future__ import annotations

from ebpfc.compiler.ast.nodes import FieldRef, Relation
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.fields import FIELDS

KINDS = {"ipv6": "2001:db8::{}", "mac": "00:00:5e:00:53:0{}"}
"""The kinds of such fields, each with an address to write beside one."""


def operand(sink: Sink, node: FieldRef, label: str = "wider than 32 bits") -> None:
    """Such a field is no operand."""
    sink.error(
        "PF0431",
        f"`{node.proto}.{node.name}` is wider than 32 bits: it is compared with an address, and is no operand",
        node.span,
        label,
        (f"write `{node.proto}.{node.name} == ...` with an address, or `in {{...}}`",),
    )


def two_fields(sink: Sink, node: Relation, left: FieldRef, right: FieldRef) -> None:
    """Two such fields on the sides of one comparison; both are rows of the field table."""
    each = " and ".join(
        f"{side.proto}.{side.name} {node.op} {KINDS[FIELDS[side.proto, side.name].kind].format(n)}"
        for n, side in enumerate((left, right), 1)
    )
    sink.error(
        "PF0431",
        "two fields wider than 32 bits cannot be compared",
        node.span,
        "neither is an address",
        (f"compare each with an address: `{each}`",),
    )
