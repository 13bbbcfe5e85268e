"""Tests that cannot be read from slots → three-valued C functions that read the packet when the test runs.

Late are: bytes at an offset computed from the packet, bytes for which no slot is left or that lie far out, and every
division by what is not a constant. The function answers NO when a header is known to be absent, UNKNOWN when a byte is
missing or a divisor is zero, else YES or NO (LANGUAGE.md, "Bytes that are not there").
"""

from __future__ import annotations

from ebpfc.compiler.codegen.compare import compared, value
from ebpfc.compiler.codegen.condition import Condition, Mask, all_of, any_of, render
from ebpfc.compiler.codegen.headers import absent, required, required_of_slot
from ebpfc.compiler.codegen.plan import LAYER_NAMES, LateTest, Plan, group_of, place_in_group
from ebpfc.compiler.codegen.protocols import facts
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.text import print_pred


def is_late(test: ir.In | ir.Compare, plan: Plan) -> bool:
    return any(isinstance(x, ir.LoadAt) or plan.slot(x) is None for x in ir.test_loads(test)) or any(
        _divides(e) for e in ((test.value,) if isinstance(test, ir.In) else (test.left, test.right))
    )


def _divides(expr: ir.Expr) -> bool:
    match expr:
        case ir.Bin():
            risky = expr.op in ("/", "%") and not (isinstance(expr.right, ir.Const) and expr.right.value)
            return risky or _divides(expr.left) or _divides(expr.right)
        case ir.Slice():
            return _divides(expr.value)
        case ir.LoadAt():
            return _divides(expr.offset)
        case _:
            return False


def late_test(test: ir.In | ir.Compare, plan: Plan) -> str:
    """The name of the C function of this test."""
    known = plan.late.get(test)
    if known is None:
        name = f"t_{plan.suffix}_{len(plan.late)}"
        known = plan.late[test] = Reader(plan).function(name, test)
    return known.name


class Reader:
    """Writes the statements of one late test or key: each read in its own variable, guarded."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.texts: dict[ir.Expr, str] = {}
        self.statements: list[str] = []
        self.there: list[Condition] = []

    def function(self, name: str, test: ir.In | ir.Compare) -> LateTest:
        for expr in (test.value,) if isinstance(test, ir.In) else (test.left, test.right):
            self.expression(expr)
        loads, unknown = ir.test_loads(test), render(all_of(*self.there))
        result = render(any_of(compared(test, self.plan, texts=self.texts)))
        return LateTest(
            name, print_pred(test), render(absent(loads, self.plan)), unknown, tuple(self.statements), result
        )

    def expression(self, expr: ir.Expr) -> Condition:
        """Reads it; what must hold before its statements run, for all that was read so far."""
        for load in ir.loads(expr):
            self._need(load)
        self._read(expr)
        return all_of(*self.there)

    def _need(self, load: ir.Load | ir.LoadAt) -> None:
        slot = self.plan.slot(load) if isinstance(load, ir.Load) else None
        if slot is not None and isinstance(load, ir.Load):
            self.there.append(Mask(LAYER_NAMES[load.layer], self.plan.fact(load.layer, slot.fact)))
            self.there.append(required_of_slot(load, self.plan))
            return
        self.there.append(required(load, self.plan))
        if group_of(load.base) == "l4":
            self.there.append(facts(self.plan, load.layer, "PLACE"))

    def _read(self, expr: ir.Expr) -> None:
        """Reads what the expression needs, the innermost first."""
        match expr:
            case ir.LoadAt():
                self._read(expr.offset)
                self._load(expr, value(expr.offset, self.plan, self.texts))
            case ir.Load():
                if self.plan.slot(expr) is None:
                    self._load(expr, str(expr.offset))
            case ir.Slice():
                self._read(expr.value)
            case ir.Bin():
                self._read(expr.left)
                self._read(expr.right)
                if expr.op in ("/", "%") and not (isinstance(expr.right, ir.Const) and expr.right.value):
                    self._divide(expr)
            case ir.Const() | ir.Meta() | ir.Proto():
                return

    def _load(self, load: ir.Load | ir.LoadAt, offset: str) -> None:
        if load in self.texts:
            return
        name = f"v{len(self.texts)}"
        start = self._start(load)
        where = f"{start} + (u64){offset}" if start else f"(u64){offset}"
        reader = "load_frame" if self.plan.hook != "xdp" and load.base == "ether" and load.layer == 0 else "load"
        self.statements.append(f"u64 {name} = {reader}_{self.plan.suffix}(ctx, {where}, {load.size});")
        self.statements.append(f"if (!({name} & THERE))")
        self.statements.append("\treturn UNKNOWN;")
        self.texts[load] = f"(u32){name}"

    def _start(self, load: ir.Load | ir.LoadAt) -> str:
        """The C of the offset at which the header begins."""
        group, name = group_of(load.base), LAYER_NAMES[load.layer]
        if group == "ether":
            if load.layer == 0:
                return ""
            self.plan.keep(load.layer, "l2")
            return f"{name}->l2"
        self.plan.keep(load.layer, "l4" if group == "l4" else "l3")
        start = f"{name}->l4" if group == "l4" else f"{name}->l3"
        behind = place_in_group(load.base)
        return f"{start} + {behind}" if behind else start

    def _divide(self, expr: ir.Bin) -> None:
        if expr in self.texts:
            return
        divisor, name = value(expr.right, self.plan, self.texts), f"d{len(self.texts)}"
        self.statements.append(f"u32 {name} = {divisor};")
        self.statements.append(f"if (!{name})")
        self.statements.append("\treturn UNKNOWN;")
        self.texts[expr] = f"((u32){value(expr.left, self.plan, self.texts)} {expr.op} {name})"
