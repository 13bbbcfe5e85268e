"""The judge. In: a checked policy, a frame and its direction. Out: `Decision`: verdict, deciding rule, the way there.

This is the meaning of a policy, said as plainly as possible and apart from the compiler: only the tree's records and
the table of fields are shared. Every compiled object must decide as `judge` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ebpfc.compiler.ast.nodes import Block, Count, Direction, Match, OtherAction, Policy, Rule, Verdict
from ebpfc.testing.semantics.elision import write_out_policy
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.match import evaluate
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.scope import Scope, whole_frame


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a frame.

    `rule` is the number of the rule that decided, None when the default did. `path` are the numbers of all rules that
    matched, in order, the deciding one last. `counts` are the names counted, once for each action that counted.
    """

    verdict: Literal["pass", "drop"]
    rule: int | None
    path: tuple[int, ...] = ()
    counts: tuple[str, ...] = ()


def judge(policy: Policy, frame: Frame, direction: Direction) -> Decision:
    """Decides one frame; for many frames make one `Judge`."""
    return Judge(policy).decide(frame, direction)


class Judge:
    """A policy ready to decide frames. Raises ValueError for what no checked policy holds (tables, state ...)."""

    def __init__(self, policy: Policy) -> None:
        self.policy = write_out_policy(policy)

    def decide(self, frame: Frame, direction: Direction) -> Decision:
        """Tries the rules from the top; the first with a verdict decides, else the default of the direction."""
        way = _Way()
        scope = whole_frame(frame, direction, self.policy.netmask, decode(frame))
        decided = _run(self.policy.body, scope, way)
        verdict, rule = decided if decided is not None else (self.policy.default(direction), None)
        return Decision(verdict, rule, tuple(way.path), tuple(way.counts))


@dataclass(slots=True)
class _Way:
    """Rules matched and names counted so far."""

    path: list[int] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)


_Decided = tuple[Literal["pass", "drop"], int]


def _run(body: tuple[Rule | Block, ...], scope: Scope, way: _Way) -> _Decided | None:
    for entry in body:
        decided = _rule(entry, scope, way) if isinstance(entry, Rule) else _block(entry, scope, way)
        if decided is not None:
            return decided
    return None


def _rule(rule: Rule, scope: Scope, way: _Way) -> _Decided | None:
    """All actions of a rule that matched are carried out, those after its verdict too."""
    if rule.guards:
        raise ValueError("a guard is not part of a checked policy")
    if not _holds(rule.match, scope)[0]:
        return None
    way.path.append(rule.number)
    decided: _Decided | None = None
    for action in rule.actions:
        match action:
            case Count(name):
                way.counts.append(name)
            case Verdict("pass" | "drop" as verdict):
                decided = (verdict, rule.number)
            case Verdict(kind) | OtherAction(kind):
                raise ValueError(f"{kind} is not part of a checked policy")
    return decided


def _block(block: Block, scope: Scope, way: _Way) -> _Decided | None:
    """The body reads what the head opened; the else branch what is open round the block."""
    if block.guards:
        raise ValueError("a guard is not part of a checked policy")
    holds, inside = _holds(block.match, scope)
    if holds:
        return _run(block.body, inside, way)
    match block.orelse:
        case None:
            return None
        case Block() as chained:
            return _block(chained, scope, way)
        case body:
            return _run(body, scope, way)


def _holds(match: Match | None, scope: Scope) -> tuple[bool, Scope]:
    """No match is every packet; an unknown match does not hold."""
    if match is None:
        return True, scope
    truth, inside = evaluate(match, scope)
    return truth is True, inside
