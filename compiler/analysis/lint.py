"""Warnings: what a policy says that its author can hardly mean. The rules stay as they are.

In: a resolved policy. Out: diagnostics PF0801 to PF0808, each sound (no false alarm) and simple: a rule is "covered"
only when an earlier verdict asks for tests that this rule's own imply; it "never" matches only when its tests
contradict.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import chain

from ebpfc.compiler.analysis.atoms import atoms
from ebpfc.compiler.analysis.covered import Covered
from ebpfc.compiler.analysis.cut_off import ASKED, lint_neighbours, lint_openings
from ebpfc.compiler.analysis.elision import without_elisions
from ebpfc.compiler.analysis.implied import Known, implied
from ebpfc.compiler.analysis.literals import Literal, Literals, Scope, literals, shape
from ebpfc.compiler.analysis.number_line import ends
from ebpfc.compiler.analysis.properties import Place
from ebpfc.compiler.ast.nodes import (
    And,
    Block,
    Direction,
    Encap,
    IPv4,
    MalformedTest,
    Match,
    Member,
    Named,
    Not,
    Or,
    Paren,
    Primitive,
    Rule,
    SetLiteral,
    Span,
    TableName,
    Value,
    Verdict,
    Word,
    WordRange,
)
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.ir.ranges import Ranges, contains, intersection
from ebpfc.compiler.sema.definitions import NamedSet
from ebpfc.compiler.sema.resolve import Resolved

MOST_ENTRIES = 10
"""So many covered entries of one set are named."""
_DIRECTIONS: dict[str, Direction] = {"xdp": "inbound", "tc ingress": "inbound", "tc egress": "outbound"}


def lint(resolved: Resolved, sink: Sink) -> None:
    """Adds the warnings in the order of their codes; the policy must have passed `check`."""
    policy = resolved.policy
    passing = _lint_rules(resolved, sink)
    _lint_sets(resolved, sink)
    for definition in resolved.unused:
        hint = "use it, or take the line out"
        sink.warning("PF0804", f"`{definition.name}` is never used", definition.span, "not used", (hint,))
    seen = {_DIRECTIONS[hook] for hook in policy.hooks}
    place = resolved.default_span or resolved.start
    default_passes = any(policy.default(direction) == "pass" for direction in seen)
    rules = [item for item in policy.body if isinstance(item, Rule) and not item.guards]
    drops_all = any(rule.match is None and _drops(rule) for rule in rules)
    if default_passes and not drops_all and not any(_drops_malformed(rule) for rule in policy.rules):
        hint = "write `drop malformed` as the first rule"
        sink.warning("PF0805", "what no rule decides passes, malformed packets too", place, "passes", (hint,))
    if any(policy.default(direction) == "drop" for direction in seen):
        lint_neighbours(passing, place, sink)
        if policy.track is not None and len(seen) > 1 and not default_passes:
            lint_openings(passing, place, sink)


# --- rules


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds of every packet that comes to a body: facts, literals, and what is open."""

    known: Known
    place: Place
    literals: Literals
    scope: Scope


class _RuleLint:
    def __init__(self, seen: Ranges, sink: Sink) -> None:
        self.seen = seen
        self.sink = sink
        self.covered = Covered()
        self.passing: dict[Hashable, Known] = {}  # what rules that pass something imply, each once

    def body(self, items: tuple[Rule | Block, ...], context: _Context) -> None:
        for item in items:
            inside = self._narrowed(item, context)
            if isinstance(item, Rule):
                if inside is not None:
                    self._rule(item, inside)
                continue
            if inside is not None:
                self.body(item.body, _once(inside, item) if _varies(item) else inside)
            if item.orelse is not None:
                branch = (item.orelse,) if isinstance(item.orelse, Block) else item.orelse
                self.body(branch, self._otherwise(item, context))

    def _otherwise(self, block: Block, context: _Context) -> _Context:
        if _varies(block):
            return _once(context, block)
        head = shape(None if block.match is None else without_elisions(block.match))
        marked = context.literals | {Literal(context.scope, ("unless", head)): None}
        return _Context(context.known, context.place, marked, context.scope)

    def _narrowed(self, item: Rule | Block, context: _Context) -> _Context | None:
        """The context behind an item's match; None, with a warning, when no packet gets there."""
        if item.match is None:
            return context
        match = without_elisions(item.match)
        found = implied(match, context.known, context.place)
        if found is None:
            hint = "two of its tests exclude each other, or a number does not fit its field"
            self.sink.warning(
                "PF0801", "no packet can match this", item.match.span, "never true", (f"look again: {hint}",)
            )
            return None
        direction = found[0].get(((), "direction"))
        if direction is not None and not intersection(direction, self.seen):
            way = "outbound" if contains(direction, 1) else "inbound"
            hint = "add `tc egress` to the hooks" if way == "outbound" else "add `xdp` or `tc ingress` to the hooks"
            self.sink.warning(
                "PF0807", f"no hook of this policy sees {way} packets", item.match.span, "never tried", (hint,)
            )
            return None
        own, scope = literals(match, context.scope)
        return _Context(found[0], found[1], context.literals | own, scope)

    def _rule(self, rule: Rule, context: _Context) -> None:
        earlier = self.covered.find(context.literals)
        if earlier is not None:
            self.sink.warning(
                "PF0802",
                "an earlier rule decides every packet of this one",
                rule.span,
                "never decides",
                ("take it out, or move it above the other",),
                (Related(earlier.span, "decides before"),),
            )
            return
        if _passes(rule):
            asked = {name: context.known[name] for name in ASKED if name in context.known}
            self.passing[tuple(asked.items())] = asked
        if not _varies(rule) and any(isinstance(action, Verdict) for action in rule.actions):
            self.covered.add(context.literals, rule)


def _varies(item: Rule | Block) -> bool:
    """Whether it may hold now and not when asked again: it has a guard, or looks into a table that may change."""
    lookup = item.match is not None and any(
        isinstance(atom, Member) and isinstance(atom.items, TableName) for atom in atoms(item.match)
    )
    return bool(item.guards) or lookup


def _once(context: _Context, block: Block) -> _Context:
    """What is in one branch of a block whose head varies covers only what is in there too."""
    here = Literal(context.scope, ("once", block.span))
    return _Context(context.known, context.place, context.literals | {here: None}, context.scope)


def _lint_rules(resolved: Resolved, sink: Sink) -> list[Known]:
    """Of the rules that pass something and are reached, what `cut_off` asks."""
    seen = {_DIRECTIONS[hook] for hook in resolved.policy.hooks}
    numbers: Ranges = tuple((n, n) for n, way in enumerate(("inbound", "outbound")) if way in seen)
    walk = _RuleLint(numbers, sink)
    walk.body(resolved.policy.body, _Context({}, Place(), {}, ()))
    return list(walk.passing.values())


def _drops(rule: Rule) -> bool:
    return any(isinstance(action, Verdict) and action.kind == "drop" for action in rule.actions)


def _passes(rule: Rule) -> bool:
    return any(isinstance(action, Verdict) and action.kind == "pass" for action in rule.actions)


def _drops_malformed(rule: Rule) -> bool:
    return _drops(rule) and not rule.guards and rule.match is not None and _true_of_malformed(rule.match)


def _true_of_malformed(match: Match) -> bool:
    match match:
        case MalformedTest():
            return True
        case Paren() | Named():
            return _true_of_malformed(match.match)
        case Or():
            return any(_true_of_malformed(item) for item in match.items)
        case _:
            return False


# --- sets


def _lint_sets(resolved: Resolved, sink: Sink) -> None:
    for definition in resolved.definitions:
        if isinstance(definition, NamedSet):
            _lint_entries(definition.items, sink)
    done: set[Span] = set()
    bodies = _matches(resolved.policy.body)
    for literal in chain.from_iterable(_sets(match) for match in bodies):
        if literal.name is None and literal.span not in done:
            done.add(literal.span)
            _lint_entries(literal.items, sink)


def _lint_entries(items: tuple[Value, ...], sink: Sink) -> None:
    """Sorted by their first number, the longest first: an entry that ends before the furthest end so far is covered."""
    entries = [
        (*ends(item)[0], at, item)
        for at, item in enumerate(items)
        if not isinstance(item, Word | WordRange) and not (isinstance(item, IPv4) and item.mask is not None)
    ]
    entries.sort(key=lambda entry: (entry[0], -entry[1], entry[2]))
    widest: tuple[int, int, int, Value] | None = None
    found = 0
    for entry in entries:
        if widest is not None and entry[1] <= widest[1]:
            found += 1
            if found <= MOST_ENTRIES:
                sink.warning(
                    "PF0803", "another entry of the set covers this one", entry[3].span, "says nothing new",
                    ("take it out",), (Related(widest[3].span, "covers it"),),
                )  # fmt: skip
        else:
            widest = entry


def _matches(items: tuple[Rule | Block, ...]) -> Iterator[Match]:
    for item in items:
        if item.match is not None:
            yield item.match
        if isinstance(item, Block):
            yield from _matches(item.body)
            if item.orelse is not None:
                yield from _matches((item.orelse,) if isinstance(item.orelse, Block) else item.orelse)


def _sets(match: Match) -> Iterator[SetLiteral]:
    match match:
        case And() | Or():
            for item in match.items:
                yield from _sets(item)
        case Not() | Paren() | Named():
            yield from _sets(match.match)
        case Primitive(value=SetLiteral() as literal) | Encap(values=SetLiteral() as literal):
            yield literal
        case Member(items=SetLiteral() as literal):
            yield literal
        case _:
            pass
