"""What rules read of one kind of usual packet. In: predicates over bytes alone. Out: their C, and the bytes it needs.

Every header stands at a known place of the frame, so a byte is `data + N`, compared as it lies there; one at an offset
that the packet itself tells gets a pointer of its own (`Computed`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.codegen.compare import compared, value
from ebpfc.compiler.codegen.condition import ALWAYS, NEVER, Condition, Text, all_of, any_of
from ebpfc.compiler.codegen.plan import Plan, group_of
from ebpfc.compiler.codegen.usual_kind import Kind, UnusualError
from ebpfc.compiler.fields import MAX_OFFSET
from ebpfc.compiler.ir import program as ir

REACH = 512
"""Bytes of the frame: what is read beyond is no header."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A pointer to `size` bytes at `offset` (C text), counted from byte `start` of the frame; `limit` is the largest
    offset with which they end before MAX_OFFSET."""

    name: str
    offset: str
    start: int
    size: int

    @property
    def limit(self) -> int:
        return MAX_OFFSET - self.start - self.size


class Reads:
    """Collects what one branch reads: `end`, so many bytes of the frame, and `transport`, whether any of them lie
    behind the IP header."""

    def __init__(self, kind: Kind, plan: Plan) -> None:
        self.kind, self.plan = kind, plan
        self.texts: dict[ir.Expr, str] = {}
        self.computed: list[Computed] = []
        self.end = 0
        self.transport = False

    def condition(self, pred: ir.Pred, negated: bool = False) -> Condition:
        """The C of a predicate that `decide` has left. Raises UnusualError."""
        match pred:
            case ir.Bool():
                return ALWAYS if pred.value != negated else NEVER
            case ir.And() | ir.Or():
                join = all_of if isinstance(pred, ir.And) != negated else any_of
                return join(*(self.condition(i, negated) for i in pred.items))
            case ir.Not():
                return self.condition(pred.item, not negated)
            case ir.In(ir.Load(size=6) as mac, ranges) if ranges and all(a == b for a, b in ranges) and not negated:
                at = self._place(mac)
                return any_of(*(_is_mac(at, wanted) for wanted, _ in ranges))
            case ir.In() | ir.Compare():
                for expr in (pred.value,) if isinstance(pred, ir.In) else (pred.left, pred.right):
                    self._read(expr)
                return compared(pred, self.plan, negated, self.texts)
            case _:
                raise UnusualError

    def _read(self, expr: ir.Expr) -> None:
        """Notes the C of every load; a division by what may be zero is unusual."""
        match expr:
            case ir.Load():
                self.texts[expr] = _number(expr.size, "data", self._place(expr))
            case ir.LoadAt():
                self._read(expr.offset)
                self._compute(expr)
            case ir.Slice():
                self._read(expr.value)
            case ir.Bin():
                self._read(expr.left)
                self._read(expr.right)
                if expr.op in ("/", "%") and not (isinstance(expr.right, ir.Const) and expr.right.value):
                    raise UnusualError
            case ir.Proto():
                raise UnusualError
            case ir.Const() | ir.Meta():
                return

    def _compute(self, load: ir.LoadAt) -> None:
        if load not in self.texts:
            start = self._place(ir.Load(load.layer, load.base, 0, 0))
            name = f"p{len(self.computed)}"
            self.computed.append(Computed(name, value(load.offset, self.plan, self.texts), start, load.size))
            self.texts[load] = _number(load.size, name, 0)

    def _place(self, load: ir.Load) -> int:
        """Where in the frame the load's bytes begin."""
        kind = self.kind
        match group_of(load.base):
            case "ether":
                start = 0
            case "tag1":
                start = 14
            case "tag2":
                start = 18
            case "l4":
                self.transport = True
                start = kind.transport
            case _:
                start = kind.network
        self.end = max(self.end, start + load.offset + load.size)
        if self.end > REACH:
            raise UnusualError
        return start + load.offset


def _number(size: int, base: str, at: int) -> str:
    """The C of a number in host order; of an IPv6 address its two halves as on the wire."""
    here = f"{base} + {at}" if at else base
    match size:
        case 1:
            return f"*(u8 *)({here})"
        case 2:
            return f"B16(*(u16 *)({here}))"
        case 3:
            return f"((u32)*(u8 *)({here}) << 16 | B16(*(u16 *)({base} + {at + 1})))"
        case 4:
            return f"B32(*(u32 *)({here}))"
        case 6:
            return f"((u64)B16(*(u16 *)({here})) << 32 | B32(*(u32 *)({base} + {at + 2})))"
        case _:
            return f"((u64 *)({here}))"


def _is_mac(at: int, wanted: int) -> Condition:
    """The last four bytes first: the others name a maker, and tell less."""
    low, high = wanted & 0xFFFFFFFF, wanted >> 32
    return all_of(Text(f"*(u32 *)(data + {at + 2}) == B32({low:#x})"), Text(f"*(u16 *)(data + {at}) == B16({high:#x})"))
