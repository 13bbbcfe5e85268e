"""Guards and actions that need a memory, and what is logged. In: a rule's parts, their scope. Out: truth, `Event`.

ADR 0003. Guards and actions read the packet that is open at the end of the chain before them; the lengths that are
counted and logged are the whole frame's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from ebpfc.compiler.ast.nodes import Add, ConnectionsGuard, Delete, Direction, Key, Log, RateGuard
from ebpfc.testing.semantics.keys import read_key
from ebpfc.testing.semantics.memory import Memory
from ebpfc.testing.semantics.scope import Scope
from ebpfc.testing.semantics.words import Words


@dataclass(frozen=True, slots=True)
class Event:
    """What a `log` tells (rule 19). `verdict` is that of its own rule, None where it has none; `data` are the first
    bytes of the frame as it is in memory, without a tag that the kernel has taken out; `length` counts that too."""

    time: int
    rule: int
    verdict: Literal["pass", "drop"] | None
    direction: Direction
    ifindex: int
    length: int
    text: str
    data: bytes


def guards_hold(guards: tuple[RateGuard | ConnectionsGuard, ...], scope: Scope) -> bool:
    """Asked in order; those behind one that does not hold are not asked and take no token (rule 15)."""
    return all(_holds(guard, scope) for guard in guards)


def _holds(guard: RateGuard | ConnectionsGuard, scope: Scope) -> bool:
    memory = remembered(scope)
    match guard:
        case RateGuard(kind):
            words = words_of(memory.meter(guard).limiter.key, scope)
            return words is not None and memory.ask(guard, words) == kind
        case ConnectionsGuard(_, key):
            words = words_of(key, scope)
            return words is not None and memory.crowd(guard).holds(words, memory.now)
        case _:
            assert_never(guard)


def words_of(key: Key | None, scope: Scope) -> Words | None:
    """Of what is behind a guard's `per`, without which all packets have one key; None where the packet has none."""
    return () if key is None else read_key(key, scope)


def change_table(action: Add | Delete, scope: Scope) -> None:
    """Nothing where the packet has no key (rule 5)."""
    words = read_key(action.key, scope)
    if words is None:
        return
    match action:
        case Add(_, table, duration):
            remembered(scope).add(table, words, duration)
        case Delete(_, table):
            remembered(scope).delete(table, words)


def event(action: Log, rule: int, verdict: Literal["pass", "drop"] | None, scope: Scope) -> Event:
    frame = scope.frame
    time = 0 if scope.memory is None else scope.memory.now
    length, data = frame.whole_length(), frame.data[: action.size]
    return Event(time, rule, verdict, scope.direction, frame.ifindex, length, action.text, data)


def remembered(scope: Scope) -> Memory:
    if scope.memory is None:
        raise ValueError("tables, limiters and connections need a time: ask a Simulator")
    return scope.memory
