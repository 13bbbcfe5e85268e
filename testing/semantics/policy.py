"""The judge. In: a checked policy, a frame, its direction, a memory. Out: `Decision`: verdict, rule, the way there.

This is the meaning of a policy, said as plainly as possible and apart from the compiler: only the tree's records and
the table of fields are shared. Every compiled object must decide as `judge` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, assert_never

from ebpfc.compiler.ast.nodes import (
    Add,
    Block,
    Count,
    Delete,
    Direction,
    Log,
    OtherAction,
    Policy,
    Rule,
    Verdict,
)
from ebpfc.testing.semantics.counting import keep_connections
from ebpfc.testing.semantics.effects import Event, change_table, event, guards_hold
from ebpfc.testing.semantics.elision import write_out_policy
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.match import evaluate
from ebpfc.testing.semantics.memory import Memory
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.scope import Scope, whole_frame


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a frame.

    `rule` is the number of the rule that decided, None when the default did. `path` are the numbers of all rules that
    matched, in order, the deciding one last. `counts` are the names counted, once for each action that counted;
    `events` is what was logged, in order.
    """

    verdict: Literal["pass", "drop"]
    rule: int | None
    path: tuple[int, ...] = ()
    counts: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()


def judge(policy: Policy, frame: Frame, direction: Direction) -> Decision:
    """Decides one frame; for many frames make one `Judge`."""
    return Judge(policy).decide(frame, direction)


class Judge:
    """A policy ready to decide frames, each by itself.

    Raises ValueError for what no checked policy holds, and for tables and limiters where no memory is given.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = write_out_policy(policy)

    def decide(self, frame: Frame, direction: Direction, memory: Memory | None = None) -> Decision:
        """Tries the rules from the top; the first with a verdict decides, else the default of the direction.

        What the policy remembers of the packets before, and its time, is in `memory`, which is changed.
        """
        way, scope = _Way(), self._begin(frame, direction, memory)
        decided = _run(self.policy.body, scope, way)
        verdict, rule = decided if decided is not None else (self.policy.default(direction), None)
        if memory is not None and verdict == "pass":
            keep_connections(self.policy, scope)
        return Decision(verdict, rule, tuple(way.path), tuple(way.counts), tuple(way.events))

    def observe(self, frame: Frame, direction: Direction, memory: Memory) -> None:
        """No rule is asked about the frame: it passes, and its connections are kept (ADR 0004, rule 16)."""
        keep_connections(self.policy, self._begin(frame, direction, memory))

    def _begin(self, frame: Frame, direction: Direction, memory: Memory | None) -> Scope:
        own = decode(frame)
        if memory is not None and memory.tracking is not None:
            memory.tracking.begin(own, memory.now)
        return whole_frame(frame, direction, self.policy.netmask, own, memory)


@dataclass(slots=True)
class _Way:
    """Rules matched, names counted and events logged so far."""

    path: list[int] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


_Decided = tuple[Literal["pass", "drop"], int]


def _run(body: tuple[Rule | Block, ...], scope: Scope, way: _Way) -> _Decided | None:
    for entry in body:
        decided = _rule(entry, scope, way) if isinstance(entry, Rule) else _block(entry, scope, way)
        if decided is not None:
            return decided
    return None


def _rule(rule: Rule, scope: Scope, way: _Way) -> _Decided | None:
    """All actions of a rule that matched are carried out, those after its verdict too."""
    holds, inside = _holds(rule, scope)
    if not holds:
        return None
    way.path.append(rule.number)
    verdict = _verdict(rule)
    for action in rule.actions:
        match action:
            case Count(name):
                way.counts.append(name)
            case Add() | Delete():
                change_table(action, inside)
            case Log():
                way.events.append(event(action, rule.number, verdict, inside))
            case Verdict():
                pass
            case OtherAction(kind):
                raise ValueError(f"{kind} is not part of a checked policy")
            case _:
                assert_never(action)
    return None if verdict is None else (verdict, rule.number)


def _verdict(rule: Rule) -> Literal["pass", "drop"] | None:
    """The rule's own, wherever it stands among its actions."""
    for action in rule.actions:
        match action:
            case Verdict("pass" | "drop" as verdict):
                return verdict
            case Verdict(kind):
                raise ValueError(f"{kind} is not part of a checked policy")
    return None


def _block(block: Block, scope: Scope, way: _Way) -> _Decided | None:
    """The body reads what the head opened; the else branch what is open round the block."""
    holds, inside = _holds(block, scope)
    if holds:
        return _run(block.body, inside, way)
    match block.orelse:
        case None:
            return None
        case Block() as chained:
            return _block(chained, scope, way)
        case body:
            return _run(body, scope, way)


def _holds(entry: Rule | Block, scope: Scope) -> tuple[bool, Scope]:
    """Do match and guards? No match is every packet; where it is unknown the guards are not asked."""
    truth, inside = (True, scope) if entry.match is None else evaluate(entry.match, scope)
    return truth is True and guards_hold(entry.guards, inside), inside
