"""Fields that the policy names: whether there is such a field, and what to write when there is none.

In: a `FieldRef` of the tree. Out: its row of the field table, or None with a diagnostic.
"""

from __future__ import annotations

import difflib

from ebpfc.compiler.ast.nodes import FieldRef
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.fields import FIELDS, PROTOCOLS, Field
from ebpfc.compiler.sema import refused

_UNBUILT = {("tcp", "mss"), ("tcp", "wscale")}


def known_field(node: FieldRef, sink: Sink) -> Field | None:
    row = FIELDS.get((node.proto, node.name))
    if row is None:
        _refuse(node, sink)
    return row


def _refuse(node: FieldRef, sink: Sink) -> None:
    text = f"{node.proto}.{node.name}"
    if (node.proto, node.name) in _UNBUILT:
        refused.not_built(sink, "PF0608", text, node.span)
        return
    if node.proto not in PROTOCOLS:
        sink.error(
            "PF0433",
            f"`{text}` is neither a field nor an address: host names are never looked up",
            node.span,
            f"no protocol `{node.proto}`",
            ("write the address, or a field such as `ip.ttl`",),
        )
        return
    mine = [name for proto, name in FIELDS if proto == node.proto]
    close = difflib.get_close_matches(node.name, mine, 3, 0.5) or mine
    hint = f"`{node.proto}` has " + ", ".join(f"`{name}`" for name in close) if mine else "write `proto[off:size]`"
    sink.error("PF0433", f"`{node.proto}` has no field `{node.name}`", node.span, "unknown field", (hint,))
