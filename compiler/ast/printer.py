"""An AST → the text of a policy in one canonical spelling.

In: a tree as `build` makes it. Out: text whose parse is that same tree (spans apart). Trees made by other hands get
parentheses where the text would mean something else without them.
"""

from __future__ import annotations

from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    Access,
    Action,
    Add,
    And,
    Arith,
    Assert,
    Binary,
    Block,
    Cast,
    Const,
    ConstName,
    Count,
    Declaration,
    Default,
    Delete,
    DirectionTest,
    Elided,
    Encap,
    FieldRef,
    FileSet,
    FragmentTest,
    FrameLength,
    Group,
    Hook,
    IfindexTest,
    Include,
    IPv4,
    IPv6,
    KeyField,
    LengthTest,
    Let,
    Limit,
    Log,
    Mac,
    MalformedTest,
    Match,
    Member,
    Named,
    Negate,
    Not,
    Or,
    OtherAction,
    Paren,
    PayloadTest,
    Primitive,
    ProtoTest,
    Relation,
    ReservedTest,
    Rule,
    SetLiteral,
    SourceTree,
    Statement,
    StateTest,
    Table,
    TableName,
    TcpFlags,
    Track,
    Verdict,
)
from ebpfc.compiler.ast.print_state import (
    print_field,
    print_guard,
    print_key,
    print_limit,
    print_state_action,
    print_table,
    print_track,
    print_words,
)
from ebpfc.compiler.ast.print_values import print_value, quote
from ebpfc.compiler.fields import TCP_FLAGS

__all__ = [
    "print_action", "print_arith", "print_guard", "print_key", "print_match", "print_rule", "print_tree", "print_value",
    "quote",
]  # fmt: skip
_INDENT = "    "


def print_tree(tree: SourceTree) -> str:
    """The whole file, one statement a line, blocks indented by four."""
    lines: list[str] = []
    for statement in tree.statements:
        lines += _statement_lines(statement)
    return "".join(line + "\n" for line in lines)


def print_rule(rule: Rule) -> str:
    """One rule on one line."""
    parts = [f"{rule.name}:"] if rule.name is not None else []
    parts += [print_action(action) for action in rule.actions[: rule.lead]]
    if rule.match is not None:
        parts.append(print_match(rule.match))
    parts += [print_guard(guard) for guard in rule.guards]
    if after := rule.actions[rule.lead :]:
        parts.append("then " + ", ".join(print_action(action) for action in after))
    return " ".join(parts)


def print_action(action: Action) -> str:
    match action:
        case Verdict():
            return action.kind
        case Count():
            return f"count {quote(action.name)}"
        case Add() | Delete() | Log():
            return print_state_action(action)
        case OtherAction():
            return print_words(action.kind, action.words)
        case _:
            assert_never(action)


def print_match(match: Match) -> str:  # noqa: C901 - one case a node
    """The match on one line."""
    match match:
        case And():
            return " and ".join(_operand(item, (And, Or)) for item in match.items)
        case Or():
            return " or ".join(_operand(item, (Or,)) for item in match.items)
        case Not():
            return f"not {_operand(match.match, (And, Or))}"
        case Paren():
            return f"({print_match(match.match)})"
        case Primitive():
            return _join(_outer(match.outer), match.proto, match.dir, match.type, print_value(match.value))
        case Elided():
            return print_value(match.value)
        case ProtoTest():
            return _join(_outer(match.outer), match.proto)
        case Cast():
            return _join(_outer(match.outer), match.proto, match.kind)
        case LengthTest():
            return f"{match.kind} {match.value}"
        case DirectionTest():
            return match.direction
        case IfindexTest():
            return f"ifindex {match.value}"
        case Encap():
            values = None if match.values is None else print_value(match.values)
            return _join(match.kind, values, None if match.port is None else f"port {match.port}")
        case Relation():
            return f"{print_arith(match.left)} {match.op} {_right(match.right)}"
        case Member():
            keys = ", ".join(_key(key) for key in match.keys)
            items = match.items.name if isinstance(match.items, TableName) else print_value(match.items)
            return f"({keys}) in {items}" if len(match.keys) > 1 else f"{keys} in {items}"
        case TcpFlags():
            return _join(_outer(match.outer), f"tcp flags {_flags(match.value)}/{_flags(match.mask)}")
        case FragmentTest():
            return _join(_outer(match.outer), None if match.kind == "any" else match.kind, "fragment")
        case MalformedTest():
            return _join(_outer(match.outer), "malformed")
        case StateTest():
            return f"state {match.state}"
        case PayloadTest():
            return f"payload starts {quote(match.text)}"
        case ReservedTest():
            return f"{match.form} {quote(match.text)}"
        case Named():
            return match.name
        case _:
            assert_never(match)


def print_arith(arith: Arith) -> str:
    match arith:
        case Const():
            return str(arith.value)
        case ConstName():
            return arith.text
        case FrameLength():
            return "len"
        case FieldRef():
            return _join(_outer(arith.outer), f"{arith.proto}.{arith.name}")
        case Access():
            size = "" if arith.size == 1 else f":{arith.size}"
            return _join(_outer(arith.outer), f"{arith.proto}[{print_arith(arith.offset)}{size}]")
        case Binary():
            return f"{print_arith(arith.left)} {arith.op} {print_arith(arith.right)}"
        case Negate():
            return f"-{print_arith(arith.operand)}"
        case Group():
            return f"({print_arith(arith.operand)})"
        case _:
            assert_never(arith)


def _statement_lines(statement: Statement) -> list[str]:
    match statement:
        case Hook():
            return ["hook " + ", ".join(statement.points)]
        case Default():
            return [_join("default", statement.verdict, statement.direction)]
        case Let():
            return [f"let {statement.name} = {_let_value(statement.value)}"]
        case Include():
            return [f"include {quote(statement.path)}"]
        case Table():
            return [print_table(statement)]
        case Limit():
            return [print_limit(statement)]
        case Track():
            return [print_track(statement)]
        case Declaration():
            return [print_words(_join(statement.kind, statement.name), statement.words)]
        case Assert():
            text = None if statement.match is None else print_match(statement.match)
            return [_join("assert", statement.verdict, text)]
        case Rule():
            return [print_rule(statement)]
        case Block():
            return _block_lines(statement)
        case _:
            assert_never(statement)


def _block_lines(block: Block) -> list[str]:
    lines: list[str] = []
    opening = ""
    rest: Block | tuple[Rule | Block, ...] | None = block
    while isinstance(rest, Block):
        guards = [print_guard(guard) for guard in rest.guards]
        head = _join(None if rest.match is None else print_match(rest.match), *guards)
        lines.append(f"{opening}if {head} {{")
        lines += _body_lines(rest.body)
        opening, rest = "} else ", rest.orelse
    if rest is not None:
        lines += [f"{opening}{{", *_body_lines(rest)]
    return [*lines, "}"]


def _body_lines(body: tuple[Rule | Block, ...]) -> list[str]:
    return [_INDENT + line for statement in body for line in _statement_lines(statement)]


def _let_value(value: Match | SetLiteral | FileSet) -> str:
    match value:
        case SetLiteral():
            return print_value(value)
        case FileSet():
            return f"file {quote(value.path)}"
        case _:
            return print_match(value)


def _operand(match: Match, weaker: tuple[type[And | Or], ...]) -> str:
    text = print_match(match)
    return f"({text})" if isinstance(match, weaker) else text


def _key(key: KeyField | Arith) -> str:
    return print_field(key) if isinstance(key, KeyField) else print_arith(key)


def _right(right: Arith | IPv4 | IPv6 | Mac) -> str:
    return print_value(right) if isinstance(right, IPv4 | IPv6 | Mac) else print_arith(right)


def _flags(bits: int) -> str:
    return "".join(letter for letter, bit in TCP_FLAGS.items() if bits & bit)


def _outer(outer: bool) -> str | None:
    return "outer" if outer else None


def _join(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
