"""A parsed policy → the policy with names resolved: includes and `let`s are gone, rules are numbered.

In: the tree of the main file, its source map. Out: `Resolved`: a `Policy` in which no Word, ConstName, WordRange,
FileSet or set within a set is left, and the definitions for `lint`. Everything of the language that is parsed and not
built answers here, at its place. When the sink has failed the policy is incomplete, and no later stage may read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal, assert_never

from ebpfc.compiler.ast.nodes import (
    Action,
    Add,
    Assert,
    Block,
    ConnectionsGuard,
    Count,
    Declaration,
    Default,
    Delete,
    Direction,
    Hook,
    HookPoint,
    Include,
    Let,
    Limit,
    Log,
    Match,
    OtherAction,
    Policy,
    RateGuard,
    Rule,
    SourceTree,
    Span,
    Statement,
    StateTest,
    Table,
    Track,
    Verdict,
)
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.sema import refused
from ebpfc.compiler.sema.definitions import Definition, Definitions
from ebpfc.compiler.sema.includes import FileReader, expand_includes
from ebpfc.compiler.sema.lets import LetResolver
from ebpfc.compiler.sema.matches import MatchResolver
from ebpfc.compiler.sema.values import ValueResolver
from ebpfc.compiler.source import SourceMap

BUILT_HOOKS: tuple[HookPoint, ...] = ("xdp", "tc ingress", "tc egress")
KNOWN_HOOKS: tuple[HookPoint, ...] = (
    *BUILT_HOOKS, "cgroup ingress", "cgroup egress", "socket",
    "netfilter prerouting", "netfilter input", "netfilter forward", "netfilter output", "netfilter postrouting",
)  # fmt: skip
_DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound")


@dataclass(frozen=True, slots=True)
class Resolved:
    """`definitions` are the names in the order of the text, `unused` those that nothing uses.

    `start` is the beginning of the main file, `default_span` the first `default` line.
    """

    policy: Policy
    definitions: tuple[Definition, ...]
    unused: tuple[Definition, ...]
    default_span: Span | None
    start: Span


def policy_name(path: str) -> str:
    """A file's stem reduced to `[A-Za-z0-9_-]{1,32}`, safe in a path, in C and in a message."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", PurePath(path).stem)
    return stem[:32] or "policy"


def resolve(tree: SourceTree, sources: SourceMap, sink: Sink, *, netmask: int | None, name: str) -> Resolved:
    reader = FileReader.of_main(sources, tree.file, sink)
    statements = expand_includes(tree, reader)
    return _PolicyResolver(reader, netmask, sink, statements).resolve(name, Span(tree.file, 0, 0))


def resolve_expression(match: Match, sink: Sink, *, netmask: int | None, name: str) -> Policy:
    """What `match` is true of passes, the rest drops, on XDP."""
    definitions = Definitions()
    matches = MatchResolver(definitions, ValueResolver(definitions, sink), netmask, sink)
    resolved = matches.resolve(match)
    if matches.tracked:
        untracked(matches.tracked[0], "write the policy to a file, with a line `track`", sink)
    rule = Rule((Verdict("pass", match.span),), resolved, lead=1, span=match.span, number=0)
    return Policy(name, ("xdp",), (("inbound", "drop"), ("outbound", "drop")), (rule,), (rule,), netmask)


def untracked(asks: StateTest | ConnectionsGuard, hint: str, sink: Sink) -> None:
    """`state` or `connections` in a policy without `track`; said once, at the first."""
    word = "state" if isinstance(asks, StateTest) else "connections"
    message = f"`{word}` needs `track`: nothing keeps connections here"
    sink.error("PF0323", message, asks.span, "nothing is tracked", (hint,))


@dataclass(slots=True)
class _Settings:
    """Hooks, defaults and tracking as met so far, each with its place."""

    hooks: dict[HookPoint, Span] = field(default_factory=dict)
    defaults: dict[Direction | None, tuple[Literal["pass", "drop"], Span]] = field(default_factory=dict)
    track: Track | None = None

    def default(self, direction: Direction) -> Literal["pass", "drop"]:
        found = self.defaults.get(direction, self.defaults.get(None))
        return found[0] if found is not None else "pass"


class _PolicyResolver:
    def __init__(self, reader: FileReader, netmask: int | None, sink: Sink, statements: tuple[Statement, ...]) -> None:
        self.sink = sink
        self.netmask = netmask
        self.statements = statements
        self.settings = _Settings()
        self.definitions = Definitions()
        for statement in statements:
            match statement:
                case Let():
                    self.definitions.announce("let", statement.name, statement.name_span)
                case Table():
                    self.definitions.announce("table", statement.name, statement.name_span)
                case Limit():
                    self.definitions.announce("limit", statement.name, statement.name_span)
                case _:
                    pass
        self.matches = MatchResolver(self.definitions, ValueResolver(self.definitions, sink), netmask, sink)
        self.lets = LetResolver(self.definitions, self.matches, reader, sink)
        self.rules: list[Rule] = []
        self.rule_names: dict[str, Span] = {}
        self.declared: set[str] = set()

    def resolve(self, name: str, start: Span) -> Resolved:
        body: list[Rule | Block] = []
        for statement in self.statements:
            match statement:
                case Rule():
                    body.append(self._rule(statement))
                case Block():
                    body.append(self._block(statement))
                case _:
                    self._statement(statement)
        settings = self.settings
        if self.matches.tracked and settings.track is None:
            untracked(self.matches.tracked[0], "write a line `track` at the top", self.sink)
        defaults = tuple((direction, settings.default(direction)) for direction in _DIRECTIONS)
        hooks = tuple(settings.hooks) or ("xdp",)
        tables = self.matches.tables
        policy = Policy(
            name, hooks, defaults, tuple(body), tuple(self.rules), self.netmask,
            tuple(tables.tables), tuple(tables.limits), settings.track,
        )  # fmt: skip
        spans = [span for _, span in settings.defaults.values()]
        return Resolved(
            policy, tuple(self.definitions.made.values()), self.definitions.unused(), spans[0] if spans else None, start
        )

    def _statement(
        self, statement: Hook | Default | Let | Include | Table | Limit | Track | Declaration | Assert
    ) -> None:
        match statement:
            case Hook():
                self._hook(statement)
            case Default():
                self._default(statement)
            case Let():
                self.lets.define(statement)
            case Table():
                self.matches.tables.declare_table(statement)
            case Limit():
                self.matches.tables.declare_limit(statement)
            case Track():
                self._track(statement)
            case Declaration():
                refused.not_built(self.sink, "PF0601", statement.kind, statement.span)
                self.definitions.broken.add(statement.name)
            case Assert():
                refused.not_built(
                    self.sink, "PF0606", "assert", statement.span, "leave it out; `ebpfc check` still lints"
                )
            case Include():
                raise AssertionError("includes are expanded before")
            case _:
                assert_never(statement)

    def _hook(self, hook: Hook) -> None:
        for point, span in zip(hook.points, hook.point_spans, strict=True):
            if point in self.settings.hooks:
                self.sink.error(
                    "PF0313", f"hook `{point}` stands twice", span, "named before",
                    ("name each hook once",), (Related(self.settings.hooks[point], "first here"),),
                )  # fmt: skip
            elif point in BUILT_HOOKS:
                self.settings.hooks[point] = span
            elif point in KNOWN_HOOKS:
                refused.not_built(self.sink, "PF0607", point, span, "write `xdp`, `tc ingress` or `tc egress`")
            else:
                self.sink.error(
                    "PF0318", f"there is no hook `{point}`", span, "unknown hook",
                    (refused.hook_hint(point),),
                )  # fmt: skip

    def _default(self, default: Default) -> None:
        made = self.settings.defaults
        if default.direction in made:
            which = f" {default.direction}" if default.direction else ""
            self.sink.error(
                "PF0314", f"the default{which} stands twice", default.span, "set before",
                ("keep one of them",), (Related(made[default.direction][1], "first here"),),
            )  # fmt: skip
        elif default.verdict == "reject":
            refused.not_built(self.sink, "PF0603", "default reject", default.span, "write `default drop`")
        else:
            made[default.direction] = (default.verdict, default.span)

    def _track(self, track: Track) -> None:
        first = self.settings.track
        if first is not None:
            self.sink.error(
                "PF0322", "`track` stands twice", track.span, "a second line",
                ("put all options on one line",), (Related(first.span, "first here"),),
            )  # fmt: skip
        else:
            self.settings.track = track

    # --- rules and blocks

    def _rule(self, rule: Rule) -> Rule:
        if rule.name is not None:
            first = self.rule_names.setdefault(rule.name, rule.span)
            if first is not rule.span:
                self.sink.error(
                    "PF0316", f"two rules are named `{rule.name}`", rule.span, "named like another",
                    ("give each rule a name of its own",), (Related(first, "first here"),),
                )  # fmt: skip
        match = None if rule.match is None else self.matches.resolve(rule.match)
        actions, guards = self._actions(rule.actions), self._guards(rule.guards)
        numbered = replace(rule, match=match, actions=actions, guards=guards, number=len(self.rules))
        self.rules.append(numbered)
        return numbered

    def _block(self, block: Block) -> Block:
        match = None if block.match is None else self.matches.resolve(block.match)
        guards = self._guards(block.guards)
        self.matches.blocks += 1
        body = self._body(block.body)
        orelse = block.orelse
        if isinstance(orelse, Block):
            orelse = self._block(orelse)
        elif orelse is not None:
            orelse = self._body(orelse)
        self.matches.blocks -= 1
        return replace(block, match=match, guards=guards, body=body, orelse=orelse)

    def _body(self, items: Iterable[Rule | Block]) -> tuple[Rule | Block, ...]:
        return tuple(self._rule(item) if isinstance(item, Rule) else self._block(item) for item in items)

    def _guards(self, guards: tuple[RateGuard | ConnectionsGuard, ...]) -> tuple[RateGuard | ConnectionsGuard, ...]:
        self.matches.tracked += [guard for guard in guards if isinstance(guard, ConnectionsGuard)]
        return tuple(self.matches.tables.guard(guard) or guard for guard in guards)

    def _actions(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(self._action(action) for action in actions)

    def _action(self, action: Action) -> Action:
        match action:
            case Verdict():
                if action.kind not in ("pass", "drop"):
                    hint = "write `drop`" if action.kind == "reject" else "write `pass` or `drop`"
                    refused.not_built(self.sink, "PF0603", action.kind, action.span, hint)
            case OtherAction():
                refused.not_built(self.sink, "PF0603", action.kind, action.span, 'count instead: `count "name"`')
            case Add() | Delete():
                return self.matches.tables.action(action) or action
            case Count() | Log():
                pass
            case _:
                assert_never(action)
        return action
