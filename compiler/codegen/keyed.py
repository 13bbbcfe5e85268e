"""Keys of tables and limiters → views of the C functions that read them, and what asks tables and limiters by them.

In: the IR's keys, guards, effects; the plan, which is asked for the bytes. Out: C text of conditions and statements,
and in the plan a `KeyView` for each key, a `UseView` for each lookup, guard, addition and deletion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ebpfc.compiler.codegen.compare import value
from ebpfc.compiler.codegen.condition import Condition, Text, all_of, count_tests, render
from ebpfc.compiler.codegen.late import Reader
from ebpfc.compiler.codegen.plan import LAYER_NAMES, KeyFieldView, KeyOptionView, KeyView, Plan, UseView
from ebpfc.compiler.codegen.protocols import facts
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir import state

ADDRESS_BITS = {4: 32, 6: 128}


def in_table(test: ir.InTable, plan: Plan, negated: bool = False) -> Condition:
    """The key is there and in the table; negated: the complement."""
    return _called(_use(plan, "in", test.key, test.table), "!{}" if negated else "{}")


def guards(step: ir.Step, plan: Plan) -> tuple[Condition, ...]:
    """One condition for each guard, each a function of its own: they take tokens, and stand where they were written."""
    return tuple(_guard(g, plan) for g in step.guards)


def _guard(guard: ir.Guard | ir.Crowd, plan: Plan) -> Condition:
    match guard:
        case ir.Guard():
            wanted = {"over": "OVER", "within": "WITHIN"}[guard.kind]
            return _called(_use(plan, "rate", guard.key, str(guard.limiter), once=True), f"{{}} == {wanted}")
        case ir.Crowd():
            return _called(_use(plan, "many", guard.key, str(guard.count), once=True))
        case _:
            assert_never(guard)


def listed(count: state.CountDecl, plan: Plan) -> str:
    """C of the statement that lists a connection just made."""
    return render(_called(_use(plan, "made", count.crowd.key, str(count.crowd.count)), "{};"))


def effects(step: ir.RuleStep, plan: Plan, verdict: int) -> Iterator[Text]:
    """C statements; `verdict` is the number that events have for the rule's own."""
    for effect in step.effects:
        match effect:
            case ir.AddTo():
                until = "-" if effect.duration is None else str(effect.duration)
                yield _called(_use(plan, "add", effect.key, effect.table, until), "{};")
            case ir.DeleteFrom():
                yield _called(_use(plan, "delete", effect.key, effect.table), "{};")
            case ir.LogEvent():
                plan.logs[effect.log] = None
                yield Text(f"log_{plan.suffix}(ctx, {effect.log}, {step.number}, {verdict}, LOG_{effect.log});")
            case _:
                assert_never(effect)


def _called(use: UseView, form: str = "{}") -> Text:
    """The C of its call, within `form`. What works on lists is a global function: of its paths the caller has none."""
    if use.action in ("many", "made"):
        return Text(form.format(f"{use.name}(ctx)"))
    return Text(form.format(f"{use.name}(ctx, w)"), tests=1 + (use.key.tests if use.key else 0))


def _use(plan: Plan, action: str, key: ir.Key, target: str, until: str = "", once: bool = False) -> UseView:
    """The C function that does this with this key."""
    asked = (action, key, target, until, len(plan.uses) if once else 0)
    if asked not in plan.uses:
        name = f"{action}_{plan.suffix}_{len(plan.uses)}"
        plan.uses[asked] = UseView(name, action, _key(plan, key) if key else None, target, until)
    return plan.uses[asked]


def _key(plan: Plan, key: ir.Key) -> KeyView:
    if key not in plan.keys:
        fields = tuple(KeyFieldView(tuple(_option(plan, f.kind, o) for o in f.options)) for f in key)
        words = state.words(tuple(f.kind for f in key))
        tests = sum(o.tests for f in fields for o in f.options)
        plan.keys[key] = KeyView(f"key_{plan.suffix}_{len(plan.keys)}", words, fields, tests)
    return plan.keys[key]


def _option(plan: Plan, kind: state.Kind, option: state.Option) -> KeyOptionView:
    reader = Reader(plan)
    there = reader.expression(option.value)
    if isinstance(option.value, ir.Proto):
        name = LAYER_NAMES[option.value.layer]
        there = all_of(facts(plan, option.value.layer, "PROTO"), Text(f"{name}->proto != NO_TRANSPORT"))
    text = value(option.value, plan, reader.texts)
    words = tuple(_words(kind, option, text))
    return KeyOptionView(render(there), tuple(reader.statements), words, count_tests(there))


def _words(kind: state.Kind, option: state.Option, text: str) -> Iterator[str]:
    """Each word as it stands in the key, big-endian."""
    match kind:
        case "number":
            yield f"B32({text})"
        case "mac":
            yield f"B32((u32)({text} >> 32))"
            yield f"B32((u32){text})"
        case "address":
            yield f"B32({option.family})"
            yield from _address_words(option, text)
        case _:
            assert_never(kind)


def _address_words(option: state.Option, text: str) -> Iterator[str]:
    """An IPv6 address is two u64 in network order; `option.bits` of an address count."""
    size = ADDRESS_BITS[option.family]
    bits = size if option.bits is None else option.bits
    mask = ((1 << bits) - 1) << (size - bits)
    words = (
        [f"B32({text})"] if option.family == 4 else [f"(u32)({text}[{i // 2}]{' >> 32' * (i % 2)})" for i in range(4)]
    )
    for place, word in enumerate(words):
        part = mask >> (size - 32 * (place + 1)) & 0xFFFFFFFF
        yield word if part == 0xFFFFFFFF else "0" if not part else f"{word} & B32({part:#x})"
    yield from ["0"] * (4 - len(words))
