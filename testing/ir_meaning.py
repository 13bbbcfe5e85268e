"""What an IR program does, by the book: a program and a world in, verdict, deciding rule and counts out.

A world answers every header test and every load without any packet: true, false or unknown; a number or missing. Worlds
are drawn at random, but for what passes build on: a packet has one EtherType and one transport protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import assert_never, get_args

from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import contains
from ebpfc.compiler.passes.fold_constants import arithmetic

Truth = bool | None
NO_TRANSPORT, UDP = 256, 17
LINK_ENCAPS = {"mpls-1": 0x8847, "mpls-2": 0x8847, "pppoes": 0x8864, "pppoed": 0x8863}
IP = (0x0800, 0x86DD)
TYPES = (None, *IP, *IP, 0x0806, 0x8035, 0x88B5, 0x8847, 0x8863, 0x8864, ir.LLC)
TRANSPORTS = (None, 1, 4, 6, 6, UDP, UDP, 41, 47, 58, 132)


@dataclass(slots=True)
class World:
    """The same seed answers the same question alike, whenever it is asked."""

    seed: int
    answers: dict[object, int | None] = field(default_factory=dict)

    def _draw(self, key: object, choices: Sequence[int | None]) -> int | None:
        if key not in self.answers:
            self.answers[key] = Random(f"{self.seed} {key!r}").choice(choices)
        return self.answers[key]

    def header(self, test: ir.HeaderTest) -> Truth:
        kind = self._draw(("type", test.layer), TYPES)
        over_ip = self._draw(("proto", test.layer), TRANSPORTS)
        proto = None if kind is None else over_ip if kind in IP else NO_TRANSPORT
        match test:
            case ir.TypeIs():
                return None if kind is None else kind == test.ethertype
            case ir.ProtoIs():
                return None if proto is None else proto in test.numbers
            case ir.Walked() if kind is None or kind != IP[1]:
                return None if kind is None else False
            case ir.EncapIs() if test.name in LINK_ENCAPS:
                if kind != LINK_ENCAPS[test.name]:
                    return None if kind is None else False
            case ir.EncapIs() if proto not in ir.carriers(test.name):
                return None if proto is None else False
            case _:
                pass
        return self._draw(test, (True, True, False, None))  # type: ignore[return-value]

    def memory(self, asked: ir.InTable | ir.Guard | ir.Crowd) -> bool:
        """Whether a table has the key, a guard holds: known for every packet."""
        return bool(self._draw(asked, (0, 1)))

    def connection(self, test: ir.StateIs) -> Truth:
        """A packet has one state, or none of the four; that of a packet inside may be unknown."""
        states = (*get_args(ir.ConnState), "none", *((None,) if test.layer else ()))
        if ("state", test.layer) not in self.answers:
            self.answers["state", test.layer] = Random(f"{self.seed} state {test.layer}").randrange(len(states))
        found = states[self.answers["state", test.layer] or 0]
        return None if found is None else found == test.state

    def number(self, expr: ir.Load | ir.LoadAt | ir.Meta | ir.Proto) -> int | None:
        top = (1 << ir.width(expr)) - 1
        return self._draw(expr, (None, 0, 1, 5, 80, top, top // 3, 8472 & top))


@dataclass(frozen=True, slots=True)
class Outcome:
    """`rule` None is the default; `counts` are the names counted under, `effects` what is done, in order."""

    verdict: str
    rule: int | None
    counts: tuple[str, ...]
    effects: tuple[ir.Effect, ...] = ()


def run(program: ir.Program, world: World) -> Outcome:
    matched = list(_matched(program.body, world))
    counts = tuple(name for step in matched for name in step.counts)
    effects = tuple(effect for step in matched for effect in step.effects)
    if matched and matched[-1].verdict is not None:
        return Outcome(matched[-1].verdict, matched[-1].number, counts, effects)
    return Outcome(program.default, None, counts, effects)


def _matched(body: tuple[ir.Step, ...], world: World) -> Iterator[ir.RuleStep]:
    """The rules that match, in order, up to the one that decides."""
    for step in body:
        if isinstance(step, ir.BlockStep):
            inside = step.body if _holds(step, world) else step.orelse
            for found in _matched(inside, world):
                yield found
                if found.verdict is not None:
                    return
        elif _holds(step, world):
            yield step
            if step.verdict is not None:
                return


def _holds(step: ir.Step, world: World) -> bool:
    """The predicate is true, and every guard behind it holds."""
    return truth(step.pred, world) is True and all(world.memory(guard) for guard in step.guards)


def truth(pred: ir.Pred, world: World) -> Truth:
    match pred:
        case ir.Bool():
            return pred.value
        case ir.And():
            values = [truth(i, world) for i in pred.items]
            return False if False in values else None if None in values else True
        case ir.Or():
            values = [truth(i, world) for i in pred.items]
            return True if True in values else None if None in values else False
        case ir.Not():
            value = truth(pred.item, world)
            return None if value is None else not value
        case ir.In():
            number = _read(pred, pred.value, world)
            return number if number is None or isinstance(number, bool) else contains(pred.ranges, number)
        case ir.Compare():
            return _compare(pred, world)
        case ir.InTable():
            return world.memory(pred)
        case ir.StateIs():
            return world.connection(pred)
        case _:
            return world.header(pred)


def _read(test: ir.Test, expr: ir.Expr, world: World) -> int | Truth:
    """The expression's number; False when a header that the test names is absent, None when it is unknown."""
    for load in ir.test_loads(test):
        if any(truth(reason, world) is True for reason in ir.absences(load.layer, load.base)):
            return False
        if any(truth(need, world) is not True for need in ir.requirements(load.layer, load.base)):
            return None
    return number_of(expr, world)


def _compare(test: ir.Compare, world: World) -> Truth:
    left, right = _read(test, test.left, world), _read(test, test.right, world)
    if left is False or right is False:
        return False
    if left is None or right is None:
        return None
    return {"==": left == right, "!=": left != right, "<": left < right,
            "<=": left <= right, ">": left > right, ">=": left >= right}[test.op]  # fmt: skip


def number_of(expr: ir.Expr, world: World) -> int | None:
    match expr:
        case ir.Const():
            return expr.value
        case ir.Load() | ir.Meta() | ir.Proto():
            return world.number(expr)
        case ir.LoadAt():
            offset = number_of(expr.offset, world)
            return None if offset is None else world.number(ir.Load(expr.layer, expr.base, offset, expr.size))
        case ir.Slice():
            value = number_of(expr.value, world)
            return None if value is None else value >> expr.shift & ((1 << expr.width) - 1)
        case ir.Bin():
            left, right = number_of(expr.left, world), number_of(expr.right, world)
            return None if left is None or right is None else arithmetic(expr.op, left, right)
        case _:
            assert_never(expr)
