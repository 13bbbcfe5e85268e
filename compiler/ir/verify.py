"""Checks an IR program for what every stage may assume; run after each pass in tests. Raises ValueError."""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.fields import ACCESSORS, MAX_OPEN, MAX_TAGS
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import normal
from ebpfc.compiler.ir.text import print_expr, print_pred

LAYERS = tuple(range(MAX_OPEN + 1))
LOAD_SIZES = (1, 2, 3, 4, 6, 16)


def verify_program(program: ir.Program) -> None:
    """Each rule once, layers and sizes that exist, ranges in normal form."""
    rules = [s.number for s in ir.steps(program.body) if isinstance(s, ir.RuleStep)]
    _hold(len(rules) == len(set(rules)), "a rule stands twice")
    for step in ir.steps(program.body):
        for key in _keys(step):
            _verify_key(key)
        for test in ir.tests(step.pred):
            _verify_test(test)


def _verify_test(test: ir.Test) -> None:
    shown = print_pred(test)
    match test:
        case ir.In():
            _hold(test.ranges == normal(test.ranges), f"ranges out of order in {shown}")
            _verify_expr(test.value)
        case ir.Compare():
            _verify_expr(test.left)
            _verify_expr(test.right)
        case ir.InTable():
            _verify_key(test.key)
        case ir.TagIs():
            _hold(test.layer in LAYERS and 1 <= test.index <= MAX_TAGS, shown)
        case ir.EtherIs():
            _hold(test.layer in LAYERS[1:], shown)
        case ir.EncapIs():
            _hold(test.layer in LAYERS and (test.port > 0) == (test.name in ir.OVER_UDP), shown)
        case ir.ProtoIs():
            _hold(test.layer in LAYERS and tuple(sorted(set(test.numbers))) == test.numbers, shown)
        case _:
            _hold(test.layer in LAYERS, shown)


def _keys(step: ir.Step) -> Iterator[ir.Key]:
    """Those of guards and effects."""
    for part in (*step.guards, *(step.effects if isinstance(step, ir.RuleStep) else ())):
        if not isinstance(part, ir.LogEvent):
            yield part.key


def _verify_key(key: ir.Key) -> None:
    for field in key:
        _hold(bool(field.options), "a key field without a place")
        for option in field.options:
            _hold((option.family in (4, 6)) == (field.kind == "address"), "a family is of addresses")
            _verify_expr(option.value)


def _verify_expr(expr: ir.Expr) -> None:
    for load in ir.loads(expr):
        known = load.base in (*ACCESSORS, "tag1", "tag2", "ports", "llc") or ir.encap_of(load.layer, load.base)
        _hold(bool(known) and load.layer in LAYERS and load.size in LOAD_SIZES, print_expr(load))


def _hold(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(f"not well-formed IR: {what}")
