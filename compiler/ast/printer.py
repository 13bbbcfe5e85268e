"""An AST → the text of a policy in one canonical spelling.

In: a tree as `build` makes it. Out: text whose parse is that same tree (spans apart). Trees made by other hands get
parentheses where the text would mean something else without them.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    Access,
    Action,
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
    IPv4Range,
    IPv6,
    IPv6Range,
    KeyField,
    LengthTest,
    Let,
    Mac,
    MalformedTest,
    Match,
    Member,
    Named,
    Negate,
    Not,
    Number,
    NumberRange,
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
    TcpFlags,
    Value,
    Verdict,
    Word,
    WordRange,
)
from ebpfc.compiler.fields import TCP_FLAGS

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
    parts += [_words(guard.kind, guard.words) for guard in rule.guards]
    if after := rule.actions[rule.lead :]:
        parts.append("then " + ", ".join(print_action(action) for action in after))
    return " ".join(parts)


def print_action(action: Action) -> str:
    match action:
        case Verdict():
            return action.kind
        case Count():
            return f"count {quote(action.name)}"
        case OtherAction():
            return _words(action.kind, action.words)
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
            items = print_value(match.items)
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


def print_value(value: Value) -> str:
    match value:
        case Number():
            return str(value.value)
        case NumberRange():
            return f"{value.low}-{value.high}"
        case IPv4():
            return _ipv4(value)
        case IPv4Range():
            return f"{IPv4Address(value.low)}-{IPv4Address(value.high)}"
        case IPv6():
            address = str(IPv6Address(value.address))
            return address if value.length is None else f"{address}/{value.length}"
        case IPv6Range():
            return f"{IPv6Address(value.low)}-{IPv6Address(value.high)}"
        case Mac():
            return ":".join(f"{byte:02x}" for byte in value.address.to_bytes(6, "big"))
        case Word():
            return f"\\{value.text}" if value.escaped else value.text
        case WordRange():
            return value.text
        case SetLiteral():
            return value.name if value.name is not None else "{" + ", ".join(map(print_value, value.items)) + "}"
        case _:
            assert_never(value)


def quote(text: str) -> str:
    """A string of the language that reads back as `text` (characters up to U+00FF, and printable ones)."""
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    match character:
        case '"' | "\\":
            return "\\" + character
        case "\n":
            return "\\n"
        case "\r":
            return "\\r"
        case "\t":
            return "\\t"
        case _:
            return character if character.isprintable() else f"\\x{ord(character):02x}"


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
        case Declaration():
            return [_words(_join(statement.kind, statement.name), statement.words)]
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
        guards = [_words(guard.kind, guard.words) for guard in rest.guards]
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
    return _join(_outer(key.outer), key.text) if isinstance(key, KeyField) else print_arith(key)


def _right(right: Arith | IPv4 | IPv6 | Mac) -> str:
    return print_value(right) if isinstance(right, IPv4 | IPv6 | Mac) else print_arith(right)


def _ipv4(value: IPv4) -> str:
    octets = value.address.to_bytes(4, "big")[: value.parts]
    text = ".".join(map(str, octets))
    if value.mask is not None:
        return f"{text} mask {IPv4Address(value.mask)}"
    return text if value.length is None else f"{text}/{value.length}"


def _flags(bits: int) -> str:
    return "".join(letter for letter, bit in TCP_FLAGS.items() if bits & bit)


def _outer(outer: bool) -> str | None:
    return "outer" if outer else None


def _words(kind: str, words: tuple[str, ...]) -> str:
    text = kind
    for word in words:
        close = word in (")", "}", ",", "/") or text.endswith(("(", "{", "/"))
        text += word if close else f" {word}"
    return text


def _join(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
