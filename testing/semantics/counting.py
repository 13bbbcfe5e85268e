"""A packet has passed. In: a policy, the packet's scope. Its connections are kept; those just made are counted.

ADR 0004, rules 14 and 18. A connection is counted by every guard `connections > N` whose layer is its own, whether the
guard was asked or not; the guard's key is read with what would be open where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.ast.nodes import Block, ConnectionsGuard, Policy, Rule
from ebpfc.testing.semantics.effects import remembered, words_of
from ebpfc.testing.semantics.match import opened
from ebpfc.testing.semantics.scope import Scope


def keep_connections(policy: Policy, scope: Scope) -> None:
    """`scope` is the whole frame's. Nothing where the policy does not track."""
    memory = remembered(scope)
    tracking = memory.tracking
    if tracking is None:
        return
    standing = tuple(_standing(policy.body, scope)) if memory.crowds else ()
    for layer in tracking.layers:
        made = tracking.commit(layer, memory.now)
        if made is None:
            continue
        for guard, there in standing:
            words = words_of(guard.key, there) if there.layer == layer else None
            if words is not None:
                memory.crowd(guard).count(words, made, memory.now)


def _standing(body: tuple[Rule | Block, ...], scope: Scope) -> Iterator[tuple[ConnectionsGuard, Scope]]:
    """Each guard in reading order, with what is open where it stands if what it lies in is there."""
    for entry in body:
        inside = scope if entry.match is None else opened(entry.match, scope)
        for guard in entry.guards:
            if isinstance(guard, ConnectionsGuard):
                yield guard, inside
        if isinstance(entry, Block):
            yield from _standing(entry.body, inside)
            orelse = entry.orelse or ()
            yield from _standing((orelse,) if isinstance(orelse, Block) else orelse, scope)
