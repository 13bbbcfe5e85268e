"""The IR as text and back: `print_program`, `parse_program`; parse(print(p)) == p. For dumps, and to test one pass."""

from __future__ import annotations

import re
from typing import Any, assert_never

from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.state_text import EFFECTS, print_effect, print_key, read_effect, read_key

_TOKEN = re.compile(r"[(){}]|[^\s(){}]+")
_ARITH = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")


def print_expr(expr: ir.Expr) -> str:
    match expr:
        case ir.Const():
            return str(expr.value)
        case ir.Load():
            return f"(load {expr.layer} {expr.base} {expr.offset} {expr.size})"
        case ir.LoadAt():
            return f"(loadat {expr.layer} {expr.base} {print_expr(expr.offset)} {expr.size})"
        case ir.Slice():
            return f"(slice {print_expr(expr.value)} {expr.shift} {expr.width})"
        case ir.Bin():
            return f"({expr.op} {print_expr(expr.left)} {print_expr(expr.right)})"
        case ir.Meta():
            return expr.what
        case ir.Proto():
            return f"(protocol {expr.layer})"
        case _:
            assert_never(expr)


def print_pred(pred: ir.Pred) -> str:
    match pred:
        case ir.Bool():
            return "true" if pred.value else "false"
        case ir.And() | ir.Or():
            word = "and" if isinstance(pred, ir.And) else "or"
            return f"({word} {' '.join(print_pred(i) for i in pred.items)})"
        case ir.Not():
            return f"(not {print_pred(pred.item)})"
        case ir.TypeIs():
            return f"(type {pred.layer} {pred.ethertype})"
        case ir.ProtoIs():
            return f"(proto {pred.layer} {' '.join(map(str, pred.numbers))})"
        case ir.Walked():
            return f"(walked {pred.layer} {pred.number})"
        case ir.TagIs():
            return f"(tag {pred.layer} {pred.index})"
        case ir.EtherIs():
            return f"(ether {pred.layer})"
        case ir.EncapIs():
            return f"(encap {pred.layer} {pred.base})"
        case ir.FragmentIs():
            return f"(fragment {pred.layer} {pred.kind})"
        case ir.MalformedIs():
            return f"(malformed {pred.layer})"
        case ir.StateIs():
            return f"(state {pred.layer} {pred.state}{f' {pred.within.base}' if pred.within else ''})"
        case ir.In():
            return f"(in {print_expr(pred.value)} {' '.join(f'{a}-{b}' for a, b in pred.ranges)})"
        case ir.InTable():
            return f"(table {pred.table} {print_key(pred.key, print_expr)})"
        case ir.Compare():
            return f"(compare {pred.op} {print_expr(pred.left)} {print_expr(pred.right)})"
        case _:
            assert_never(pred)


def print_program(program: ir.Program) -> str:
    hook = program.hook.replace(" ", "-")
    lines = [f"program {program.name} {hook} {program.default}"]
    _print_steps(program.body, "", lines)
    return "\n".join(lines) + "\n"


def _print_steps(body: tuple[ir.Step, ...], indent: str, lines: list[str]) -> None:
    for step in body:
        if isinstance(step, ir.RuleStep):
            counts = "".join(f" count:{name.encode().hex() or '-'}" for name in step.counts)
            effects = "".join(f" {print_effect(e, print_expr)}" for e in (*step.guards, *step.effects))
            lines.append(f"{indent}rule {step.number} {step.verdict or '-'}{counts}{effects} {print_pred(step.pred)}")
            continue
        guards = "".join(f" {print_effect(g, print_expr)}" for g in step.guards)
        lines.append(f"{indent}block {step.number}{guards} {print_pred(step.pred)} {{")
        _print_steps(step.body, indent + "  ", lines)
        if step.orelse:
            lines.append(f"{indent}}} else {{")
            _print_steps(step.orelse, indent + "  ", lines)
        lines.append(f"{indent}}}")


def parse_program(text: str) -> ir.Program:
    """Raises ValueError on what `print_program` never writes."""
    tokens = _TOKEN.findall(text)[::-1]
    if tokens.pop() != "program":
        raise ValueError("an IR program begins with `program`")
    name, hook, default = tokens.pop(), tokens.pop().replace("-", " "), tokens.pop()
    body = _steps(tokens)
    if tokens:
        raise ValueError(f"unexpected {tokens[-1]!r}")
    return ir.Program(name, hook, default, body)


def parse_pred(text: str) -> ir.Pred:
    return _pred(_tree(_TOKEN.findall(text)[::-1]))


def _steps(tokens: list[str]) -> tuple[ir.Step, ...]:
    out: list[ir.Step] = []
    while tokens and tokens[-1] in ("rule", "block"):
        if tokens.pop() == "rule":
            number, verdict, counts = int(tokens.pop()), tokens.pop(), []
            while tokens[-1].startswith("count:"):
                coded = tokens.pop()[6:]
                counts.append(bytes.fromhex(coded).decode() if coded != "-" else "")
            decided: Any = None if verdict == "-" else verdict
            pred, guards, effects = _guarded(tokens)
            out.append(ir.RuleStep(number, pred, decided, tuple(counts), guards, effects))
            continue
        block, (head, guards, _), body = int(tokens.pop()), _guarded(tokens), _braced(tokens)
        orelse: tuple[ir.Step, ...] = ()
        if tokens and tokens[-1] == "else":
            tokens.pop()
            orelse = _braced(tokens)
        out.append(ir.BlockStep(block, head, body, orelse, guards))
    return tuple(out)


def _guarded(tokens: list[str]) -> tuple[ir.Pred, tuple[ir.Guard | ir.Crowd, ...], tuple[ir.Effect, ...]]:
    """Guards and effects up to the predicate."""
    guards: list[ir.Guard | ir.Crowd] = []
    effects: list[ir.Effect] = []
    while (tree := _tree(tokens))[0] in EFFECTS:
        found = read_effect(tree, _expr)
        if isinstance(found, ir.Guard | ir.Crowd):
            guards.append(found)
        else:
            effects.append(found)
    return _pred(tree), tuple(guards), tuple(effects)


def _braced(tokens: list[str]) -> tuple[ir.Step, ...]:
    if tokens.pop() != "{":
        raise ValueError("a block's body stands in braces")
    body = _steps(tokens)
    if tokens.pop() != "}":
        raise ValueError("a block's body stands in braces")
    return body


def _tree(tokens: list[str]) -> Any:
    word = tokens.pop()
    if word != "(":
        return word
    out = []
    while tokens[-1] != ")":
        out.append(_tree(tokens))
    tokens.pop()
    return out


def _expr(tree: Any) -> ir.Expr:
    if isinstance(tree, str):
        return ir.Const(int(tree)) if tree.isdigit() else ir.Meta(tree)  # type: ignore[arg-type]
    match tree:
        case ["load", layer, base, offset, size]:
            return ir.Load(int(layer), base, int(offset), int(size))
        case ["loadat", layer, base, offset, size]:
            return ir.LoadAt(int(layer), base, _expr(offset), int(size))
        case ["protocol", layer]:
            return ir.Proto(int(layer))
        case ["slice", inner, shift, width]:
            return ir.Slice(_expr(inner), int(shift), int(width))
        case [op, left, right] if op in _ARITH:
            return ir.Bin(op, _expr(left), _expr(right))
    raise ValueError(f"not an expression: {tree}")


def _pred(tree: Any) -> ir.Pred:  # noqa: C901 - one case a form
    match tree:
        case "true" | "false":
            return ir.Bool(tree == "true")
        case ["and", *items]:
            return ir.And(tuple(_pred(i) for i in items))
        case ["or", *items]:
            return ir.Or(tuple(_pred(i) for i in items))
        case ["not", item]:
            return ir.Not(_pred(item))
        case ["type", layer, ethertype]:
            return ir.TypeIs(int(layer), int(ethertype))
        case ["proto", layer, *numbers]:
            return ir.ProtoIs(int(layer), tuple(int(n) for n in numbers))
        case ["walked", layer, number]:
            return ir.Walked(int(layer), int(number))
        case ["tag", layer, index]:
            return ir.TagIs(int(layer), int(index))
        case ["ether", layer]:
            return ir.EtherIs(int(layer))
        case ["encap", layer, base] if encap := ir.encap_of(int(layer), base):
            return encap
        case ["fragment", layer, kind]:
            return ir.FragmentIs(int(layer), kind)
        case ["malformed", layer]:
            return ir.MalformedIs(int(layer))
        case ["state", layer, name, *within]:
            return ir.StateIs(int(layer), name, ir.encap_of(int(layer) - 1, within[0]) if within else None)
        case ["in", inner, *ranges]:
            pairs = (r.split("-") for r in ranges)
            return ir.In(_expr(inner), tuple((int(a), int(b)) for a, b in pairs))
        case ["table", name, *key]:
            return ir.InTable(name, read_key(key, _expr))
        case ["compare", op, left, right]:
            return ir.Compare(op, _expr(left), _expr(right))
    raise ValueError(f"not a predicate: {tree}")
