"""What a parsed policy means: names, values, scope. A `SourceTree` goes in, a checked `Policy` or diagnostics come out.

`Policy` guarantees to `lower` and to the reference semantics:

- no Word, ConstName, WordRange, FileSet, Include or Let is left; a named match is a `Named` at its place of use;
- sets are flat: their items are Number, NumberRange, IPv4, IPv4Range, IPv6, IPv6Range or Mac, all of the kind (and the
  family) that the place takes. A set may be empty when it came from a file;
- numbers are within their field: ports 0..65535, VLANs 0..4095, VNIs 24 bit, protocols 0..255, EtherTypes 1501..65535,
  constants 32 bit. Ranges are in order. No constant divides by zero or shifts by 32 or more;
- an IPv4 net has its `length`, or a `mask` that is no prefix; an address without either is whole (`parts` is 4). Bits
  outside are 0. `host`, `net` and no type mean the same by then: each value says how much of the address it compares;
- an `Elided` stands where the primitive before it in the text is unquestionable, and its value fits those qualifiers;
- accessors and fields exist and have 32 bits or less, but for a wide field alone at one side of `==`, `!=` and `in`;
- at most two `vlan` and one `vxlan` are open anywhere; nothing that is not built is left;
- `state` and the guard `connections` stand in a policy that has a `track`, and inside one encapsulation at most (tags
  do not count);
- every rule has its `number`, and `Policy.rules` holds them in that order.
"""

from __future__ import annotations

from ebpfc.compiler.ast.nodes import Match, Policy, SourceTree
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.sema.check import check
from ebpfc.compiler.sema.resolve import Resolved, policy_name, resolve, resolve_expression
from ebpfc.compiler.source import SourceMap

__all__ = ["Resolved", "build_expression_policy", "build_policy", "build_resolved", "policy_name"]


def build_policy(
    tree: SourceTree, sources: SourceMap, sink: Sink, *, netmask: int | None = None, name: str
) -> Policy | None:
    """The checked policy, or None with errors in the sink. `netmask` is the IPv4 mask in host order."""
    resolved = build_resolved(tree, sources, sink, netmask=netmask, name=name)
    return None if resolved is None else resolved.policy


def build_resolved(
    tree: SourceTree, sources: SourceMap, sink: Sink, *, netmask: int | None = None, name: str
) -> Resolved | None:
    """As `build_policy`, with the definitions that `analysis.lint` looks at."""
    before = len(sink.items)
    resolved = resolve(tree, sources, sink, netmask=netmask, name=policy_name(name))
    check(resolved.policy, sink)
    return None if _failed(sink, before) else resolved


def build_expression_policy(
    match: Match, sources: SourceMap, sink: Sink, *, netmask: int | None = None, name: str = "expression"
) -> Policy | None:
    """The policy of `ebpfc -e`: what `match` is true of passes, the rest drops; None with errors in the sink."""
    del sources  # an expression reads no other file; the same shape of call as for a policy
    before = len(sink.items)
    policy = resolve_expression(match, sink, netmask=netmask, name=policy_name(name))
    check(policy, sink)
    return None if _failed(sink, before) else policy


def _failed(sink: Sink, before: int) -> bool:
    """Whether an error was added since; puts what was added into the order of the text."""
    added = sorted(sink.items[before:], key=lambda item: item.span)
    sink.items[before:] = added
    return any(item.severity == "error" for item in added)
