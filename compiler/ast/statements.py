"""Statements of the tree: hooks, defaults, names, rules and blocks with actions and guards; and the checked policy.

In: nothing (data only). Out: the union `Statement`, the `SourceTree` of one file as it was parsed, and the `Policy`
that `lower`, `analysis` and the reference semantics walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ebpfc.compiler.ast.matches import Match
from ebpfc.compiler.ast.places import Span, span_field
from ebpfc.compiler.ast.state import Add, ConnectionsGuard, Delete, Limit, Log, RateGuard, Table, Track
from ebpfc.compiler.ast.values import SetLiteral

# ------------------------------------------------------------------------------------------------------ actions, guards


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pass`, `drop`, `reject`, `tx`; an action that decides."""

    kind: Literal["pass", "drop", "reject", "tx"]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Count:
    """`count "name"`: packets and bytes under a name of the author's."""

    name: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class OtherAction:
    """An action that is parsed, not built: `mark`, `sample`, `redirect` ... with its words in order."""

    kind: str
    words: tuple[str, ...]
    decides: bool = False
    span: Span = span_field()


Action: TypeAlias = Verdict | Count | Add | Delete | Log | OtherAction


# ----------------------------------------------------------------------------------------------------------- statements

HookPoint = str
"""One of: "xdp", "tc ingress", "tc egress", "cgroup ingress", "cgroup egress", "socket", "netfilter prerouting" ..."""
Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class Hook:
    """`point_spans`: the place of each point, beside `span`, which is the whole statement's."""

    points: tuple[HookPoint, ...]
    span: Span = span_field()
    point_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Default:
    verdict: Literal["pass", "drop", "reject"]
    direction: Direction | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Let:
    """`let NAME = ...`. `value` is a match (whose bare `Elided` may yet be a set or value), a set, or a file's name."""

    name: str
    value: Match | SetLiteral | FileSet
    span: Span = span_field()
    name_span: Span = span_field()


@dataclass(frozen=True, slots=True)
class FileSet:
    """`file "bots.txt"`: one value a line, read relative to the file that says so."""

    path: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Include:
    path: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Declaration:
    """`pool`: parsed, not built."""

    kind: Literal["pool"]
    name: str
    words: tuple[str, ...]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Assert:
    verdict: str
    match: Match | None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `number` is its place among all rules of the policy in reading order, from 0, set by `resolve`."""

    actions: tuple[Action, ...]
    match: Match | None = None
    guards: tuple[RateGuard | ConnectionsGuard, ...] = ()
    name: str | None = None
    lead: int = 0  # how many of the actions stood before the match
    span: Span = span_field()
    number: int = -1


@dataclass(frozen=True, slots=True)
class Block:
    """`if HEAD { body } [else ...]`; `orelse` is the else branch: another block (`else if`), a body, or None."""

    match: Match | None
    guards: tuple[RateGuard | ConnectionsGuard, ...]
    body: tuple[Rule | Block, ...]
    orelse: Block | tuple[Rule | Block, ...] | None = None
    span: Span = span_field()


Statement: TypeAlias = Hook | Default | Let | Include | Table | Limit | Track | Declaration | Assert | Rule | Block


@dataclass(frozen=True, slots=True)
class SourceTree:
    """One parsed file, statements in order."""

    statements: tuple[Statement, ...]
    file: int = 0


# --------------------------------------------------------------------------------------------------------------- policy


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked policy: names resolved, includes spliced, every rule numbered. What `lower` and the reference read."""

    name: str
    hooks: tuple[HookPoint, ...]
    defaults: tuple[tuple[Direction, Literal["pass", "drop"]], ...]  # ("inbound", v), ("outbound", v)
    body: tuple[Rule | Block, ...]
    rules: tuple[Rule, ...]
    netmask: int | None = None
    tables: tuple[Table, ...] = ()
    limits: tuple[Limit, ...] = ()
    track: Track | None = None

    def default(self, direction: Direction) -> Literal["pass", "drop"]:
        return dict(self.defaults)[direction]
