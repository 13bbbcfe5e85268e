"""Nodes of statements, rules, blocks, guards and actions in the parse tree → AST nodes.

In: what the nodes below were made into; for what is parsed but not built yet (pools, most actions) all its
tokens. Out: AST nodes. Leaves to `sema`: names, hooks, whether a rule's parts go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ebpfc.compiler.ast.build_logic import as_match
from ebpfc.compiler.ast.build_matches import MATCH_HANDLERS
from ebpfc.compiler.ast.build_state import STATE_HANDLERS
from ebpfc.compiler.ast.build_track import TRACK_HANDLERS
from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import read_number, read_string, token_span
from ebpfc.compiler.ast.nodes import (
    Action,
    Assert,
    Block,
    ConnectionsGuard,
    Count,
    Declaration,
    Default,
    Elided,
    FileSet,
    Hook,
    Include,
    Let,
    Match,
    OtherAction,
    RateGuard,
    Rule,
    SetLiteral,
    SourceTree,
    Span,
    Statement,
    Verdict,
)
from ebpfc.compiler.ast.printer import quote

_DECIDING = ("redirect", "balance")


@dataclass(frozen=True, slots=True)
class Point:
    """One of the hooks in a `hook` statement: "tc ingress"."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Lead:
    """The action before the match."""

    action: Action


@dataclass(frozen=True, slots=True)
class Then:
    """The actions after `then`."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """`ssh:` before a rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Head:
    """What stands between `if` and `{`."""

    match: Match | None
    guards: tuple[RateGuard | ConnectionsGuard, ...]


@dataclass(frozen=True, slots=True)
class Else:
    branch: Block | tuple[Rule | Block, ...]


def _is_token(kid: Any) -> bool:
    return hasattr(kid, "start_pos")


def _start(context: Context, kids: Kids, span: Span) -> SourceTree:
    return SourceTree(tuple(kid for kid in kids if not _is_token(kid)), context.file)


def _expression(context: Context, kids: Kids, span: Span) -> Match:
    return as_match(context, kids[0])


# ---------------------------------------------------------------------------------------------------------- statements


def _hook(context: Context, kids: Kids, span: Span) -> Hook:
    points: list[Point] = kids[1::2]
    return Hook(tuple(point.text for point in points), span, tuple(point.span for point in points))


def _hook_point(context: Context, kids: Kids, span: Span) -> Point:
    return Point(" ".join(map(str, kids)), span)


def _verdict(context: Context, kids: Kids, span: Span) -> Verdict:
    return Verdict(str(kids[0]), span)  # type: ignore[arg-type]


def _default(context: Context, kids: Kids, span: Span) -> Default:
    verdict: Verdict = kids[1]
    kind = verdict.kind
    if kind == "tx":
        message = "a default is `pass`, `drop` or `reject`"
        context.sink.error("PF0213", message, verdict.span, "no default", ("write `default drop`",))
        kind = "drop"
    return Default(kind, str(kids[2]) if len(kids) > 2 else None, span)  # type: ignore[arg-type]


def _let(context: Context, kids: Kids, span: Span) -> Let:
    value: Match | SetLiteral | FileSet = kids[3] if isinstance(kids[3], FileSet) else as_match(context, kids[3])
    if isinstance(value, Elided) and isinstance(value.value, SetLiteral):
        value = value.value
    return Let(str(kids[1]), value, span, token_span(kids[1], context.file))


def _file(context: Context, kids: Kids, span: Span) -> FileSet:
    return FileSet(read_string(kids[1], context.file, context.sink), span)


def _include(context: Context, kids: Kids, span: Span) -> Include:
    return Include(read_string(kids[1], context.file, context.sink), span)


def _assertion(context: Context, kids: Kids, span: Span) -> Assert:
    return Assert(kids[1].kind, as_match(context, kids[2]), span)


def _declaration(context: Context, kids: Kids, span: Span) -> Declaration:
    return Declaration("pool", str(kids[1]), _words(context, kids[2:]), span)


# ----------------------------------------------------------------------------------------------------- rules and blocks


def _label(context: Context, kids: Kids, span: Span) -> Label:
    return Label(str(kids[0]))


def _lead(context: Context, kids: Kids, span: Span) -> Lead:
    return Lead(kids[0])


def _then(context: Context, kids: Kids, span: Span) -> Then:
    return Then(tuple(kids[1::2]))


def _rule(context: Context, kids: Kids, span: Span) -> Rule:
    name: str | None = None
    before: tuple[Action, ...] = ()
    after: tuple[Action, ...] = ()
    match: Match | None = None
    guards: list[RateGuard | ConnectionsGuard] = []
    for kid in kids:
        if isinstance(kid, Label):
            name = kid.name
        elif isinstance(kid, Lead):
            before = (kid.action,)
        elif isinstance(kid, Then):
            after = kid.actions
        elif isinstance(kid, RateGuard | ConnectionsGuard):
            guards.append(kid)
        else:
            match = as_match(context, kid)
    actions = before + after
    deciding = [action for action in actions if isinstance(action, Verdict) or _decides(action)]
    if len(deciding) > 1:
        hint = "leave one of them out, or make two rules"
        context.sink.error("PF0212", "a rule has one verdict", deciding[1].span, "a second verdict", (hint,))
    return Rule(actions, match, tuple(guards), name, len(before), span)


def _decides(action: Action) -> bool:
    return isinstance(action, OtherAction) and action.decides


def _head(context: Context, kids: Kids, span: Span) -> Head:
    guards = tuple(kid for kid in kids if isinstance(kid, RateGuard | ConnectionsGuard))
    match = None if isinstance(kids[0], RateGuard | ConnectionsGuard) else as_match(context, kids[0])
    return Head(match, guards)


def _body(context: Context, kids: Kids, span: Span) -> tuple[Rule | Block, ...]:
    rules: list[Rule | Block] = []
    for kid in kids:
        if isinstance(kid, Rule | Block):
            rules.append(kid)
        elif not _is_token(kid):
            _refuse_in_block(context, kid)
    return tuple(rules)


def _refuse_in_block(context: Context, statement: Statement) -> None:
    hint = "move it above the block: names and tables hold for the whole policy"
    context.sink.error("PF0211", "a block holds rules and blocks only", statement.span, "not in a block", (hint,))


def _block(context: Context, kids: Kids, span: Span) -> Block:
    head: Head = kids[1]
    body = next(kid for kid in kids if type(kid) is tuple)
    orelse = kids[-1].branch if isinstance(kids[-1], Else) else None
    return Block(head.match, head.guards, body, orelse, span)


def _orelse(context: Context, kids: Kids, span: Span) -> Else:
    return Else(next(kid for kid in kids if type(kid) is tuple or isinstance(kid, Block)))


# ------------------------------------------------------------------------------------------------------------- actions


def _count(context: Context, kids: Kids, span: Span) -> Count:
    return Count(read_string(kids[1], context.file, context.sink), span)


def _other_action(context: Context, kids: Kids, span: Span) -> OtherAction:
    kind = str(kids[0])
    return OtherAction(kind, _words(context, kids[1:]), kind in _DECIDING, span)


def _words(context: Context, tokens: Kids) -> tuple[str, ...]:
    """Tokens as canonical texts: joined by blanks they parse to the same tokens."""
    words: list[str] = []
    for token in tokens:
        text = str(token)
        if token.type == "STRING":
            text = quote(read_string(token, context.file, context.sink))
        elif token.type == "INT":
            text = str(read_number(text, token_span(token, context.file), context.sink))
        words.append("ether" if text == "link" else text)
    return tuple(words)


FLAT_RULES = frozenset({"pool", "words"})
"""Rules of which the AST keeps the words only."""

CONSTANT_RULES = frozenset({"and", "or", "not", "direction", "id_type", "pname"})
"""Rules whose value hangs on their keywords alone, and not on their place."""

HANDLERS: dict[str, Handler] = (
    MATCH_HANDLERS
    | STATE_HANDLERS
    | TRACK_HANDLERS
    | {
        "start": _start,
        "expression": _expression,
        "hook": _hook,
        "hook_point": _hook_point,
        "verdict": _verdict,
        "default": _default,
        "let": _let,
        "file": _file,
        "include": _include,
        "assertion": _assertion,
        "pool": _declaration,
        "label": _label,
        "lead": _lead,
        "then": _then,
        "rule": _rule,
        "head": _head,
        "body": _body,
        "block": _block,
        "orelse": _orelse,
        "count": _count,
        "words": _other_action,
    }
)
