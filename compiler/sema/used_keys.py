"""Fields of a packet that the guards and actions of a rule, or the guards of a head, read for their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ebpfc.compiler.ast.nodes import (
    Add,
    Block,
    ConnectionsGuard,
    Delete,
    FieldRef,
    Key,
    KeyField,
    Limit,
    Limiter,
    RateGuard,
    Rule,
)


def used_fields(item: Rule | Block, limits: Mapping[str, Limit]) -> tuple[KeyField | FieldRef, ...]:
    """In the order written; of a guard that names a limiter, the fields of that limiter's line."""
    return tuple(field for key in _keys(item, limits) for field in key.fields)


def _keys(item: Rule | Block, limits: Mapping[str, Limit]) -> Iterator[Key]:
    for guard in item.guards:
        key = _guard_key(guard, limits)
        if key is not None:
            yield key
    for action in item.actions if isinstance(item, Rule) else ():
        if isinstance(action, Add | Delete):
            yield action.key


def _guard_key(guard: RateGuard | ConnectionsGuard, limits: Mapping[str, Limit]) -> Key | None:
    """None too for a limiter that was refused."""
    if isinstance(guard, ConnectionsGuard):
        return guard.key
    if isinstance(guard.limiter, Limiter):
        return guard.limiter.key
    named = limits.get(guard.limiter)
    return None if named is None else named.limiter.key


def reads_open_packet(field: KeyField | FieldRef) -> bool:
    """Whether it hangs on what is open: `outer src`, `ifindex` and `meta.length` do not."""
    if field.outer or (isinstance(field, FieldRef) and field.proto == "meta"):
        return False
    return not (isinstance(field, KeyField) and field.text == "ifindex")


def reads_tag(field: KeyField | FieldRef) -> bool:
    return field.text == "vlan" if isinstance(field, KeyField) else field.proto == "vlan"
