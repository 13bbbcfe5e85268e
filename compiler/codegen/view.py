"""IR programs → the frozen view that the templates print: ready-made text and lists, no decisions left.

In: one program a hook, after the passes; where each rule and block stands in its file. Out: `PolicyView`.
Counters are numbered hook by hook (`counter_base`): a hook's rules by their numbers, its default, the named ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ebpfc import __version__
from ebpfc.compiler.codegen.blob import Blob, in_sections
from ebpfc.compiler.codegen.classifier import RunView
from ebpfc.compiler.codegen.condition import all_of, render
from ebpfc.compiler.codegen.entries import WORDS_AT_MOST
from ebpfc.compiler.codegen.gate import (
    NO_GATE,
    Gate,
    asks_facts,
    behind,
    gate_of,
    grouped,
    spelled,
    tests_of,
)
from ebpfc.compiler.codegen.keyed import effects, guards
from ebpfc.compiler.codegen.layer_view import LayerView, WalkedBit, build_layer, has_proto, needs_walk, walked_bits
from ebpfc.compiler.codegen.opening import decides_malformed, opens, told_by_facts
from ebpfc.compiler.codegen.plan import LAYER_NAMES, SLOT_LIMITS, KeyView, LateTest, Plan, Slot, UseView
from ebpfc.compiler.codegen.predicates import condition
from ebpfc.compiler.codegen.runs import in_runs
from ebpfc.compiler.codegen.settled import build_settled
from ebpfc.compiler.codegen.state_view import StateView, build_state
from ebpfc.compiler.codegen.step_view import COMPANION, HOOKS, VERDICTS, Origins, StepView, StepViews
from ebpfc.compiler.codegen.table_view import SetsView, build_sets
from ebpfc.compiler.codegen.tested import Tested
from ebpfc.compiler.codegen.tracking import TrackedView, ask_tracking, kept_inside
from ebpfc.compiler.codegen.usual import Branch, Usual, branches, build_usual
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.state import State

STACK_TESTS, STACK_TESTS_INSIDE, STACK_TESTS_BEHIND_GATE, REGISTER_TESTS = 16, 8, 80, 48
"""Up to how many tests of facts and bytes (those of keys too) what was parsed is kept on the stack: of one layer; with
an inner one; when no rule looks at facts any more. With more it lies in a map that the verifier does not follow, and
beyond REGISTER_TESTS each rule reads the facts from there again: what the verifier must remember grows with every
branch on a register."""
NO_STATE = State()
WIDE_FACTS, MOST_FACTS = 32, 64
EVENT_VERDICTS: Mapping[ir.VerdictName | None, int] = {None: 0, "pass": 1, "drop": 2}


@dataclass(frozen=True, slots=True)
class Features:
    """What the object carries beside the rules: counters, or (in test builds) the deciding rule in the verdict; and the
    oldest kernel that must load it."""

    counters: bool = True
    trace: bool = False
    kernel: tuple[int, int] = (5, 10)


@dataclass(frozen=True, slots=True)
class Member:
    ctype: str
    name: str


@dataclass(frozen=True, slots=True)
class HookView:
    """`holds`: a connection that was found is held until it is kept. Not where connections are counted: the verifier
    would walk their lists once with it and once without."""

    name: str
    number: int
    suffix: str
    tag: str
    section: str
    program: str
    context: str
    is_tc: bool
    in_map: bool
    gates: tuple[tuple[str, str], ...]
    rereads: bool
    default: str
    default_word: str
    default_number: int
    default_reached: bool
    facts: tuple[str, ...]
    first_counter: int
    counts_rules: bool
    traces: bool
    reach: int
    opens: tuple[str, ...]
    gtp: bool
    extensions: bool
    walked: tuple[WalkedBit, ...]
    layers: tuple[LayerView, ...]
    late: tuple[LateTest, ...]
    keys: tuple[KeyView, ...]
    uses: tuple[UseView, ...]
    logs: bool
    tracked: tuple[TrackedView, ...]
    holds: bool
    passes: str
    steps: tuple[StepView, ...]
    runs: tuple[RunView, ...]
    usual: Usual | None
    usual_rules: Mapping[Branch, tuple[StepView, ...]]


@dataclass(frozen=True, slots=True)
class PolicyView:
    title: str
    version: str
    wide_facts: bool
    members: tuple[Member, ...]
    layers: tuple[str, ...]
    tracked: tuple[str, ...]
    has_xdp: bool
    has_tc: bool
    counters: int
    counts_entries: bool
    traces: bool
    state: StateView | None
    sets: SetsView | None
    key_words: int
    hooks: tuple[HookView, ...]

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """What the runs' tables hold, of all hooks."""
        forests = (f for hook in self.hooks for run in hook.runs for f in run.forests)
        return tuple(blob for f in forests for blob in f.blobs)

    @property
    def sections(self) -> Mapping[str, int]:
        return in_sections(self.blobs)


def build_view(
    programs: tuple[ir.Program, ...],
    origins: Origins,
    rules: int,
    names: tuple[str, ...],
    features: Features,
    state: State = NO_STATE,
    companion: ir.Program | None = None,
) -> PolicyView:
    """`rules` is how many the policy has; `names` are its named counters; `state` is what all hooks share; `companion`
    counts nothing."""
    hooks: list[HookView] = []
    plans: list[Plan] = []
    for index, program in enumerate(programs):
        plan, tested, tracked = _planned(program, state)
        first = counter_base(index, rules, names)
        named = {name: first + rules + 1 + i for i, name in enumerate(names)}
        gate = gate_of(tested)
        tested = in_runs(tuple(behind(s, gate) for s in tested), _facts(plan))
        tested = grouped(tuple(map(spelled, tested)))
        views = StepViews(program.hook, index, origins, first, named)
        hooks.append(_hook(program, plan, tested, tracked, gate, views, rules, features))
        plans.append(plan)
    if companion is not None:
        plan, tested, tracked = _planned(companion, state)
        tested = tuple(map(spelled, tested))
        places = Origins({step.number: COMPANION for step in companion.body}, {})
        views = StepViews(companion.hook, len(programs), places, 0, {})
        silent = Features(counters=False, kernel=features.kernel)
        hooks.append(_hook(companion, plan, tested, tracked, NO_GATE, views, 0, silent))
        plans.append(plan)
    wide = max(len(_facts(plan)) for plan in plans) > WIDE_FACTS
    tables = tuple(t for plan in plans for t in plan.tables.values())
    return PolicyView(
        title=f"{programs[0].name}: {rules} rule{'' if rules == 1 else 's'}",
        version=__version__,
        wide_facts=wide,
        members=_members(plans),
        layers=LAYER_NAMES[: max(p.deepest for p in plans) + 1],
        tracked=tuple(name for name in LAYER_NAMES if any(name in p.tracked for p in plans)),
        has_xdp=any(p.hook == "xdp" for p in plans),
        has_tc=any(p.hook != "xdp" for p in plans),
        counters=counter_base(len(programs), rules, names) if features.counters else 0,
        counts_entries=features.counters or features.trace,
        traces=features.trace,
        state=build_state(state, features.kernel) if state != State() else None,
        sets=build_sets(tables) if tables else None,
        key_words=WORDS_AT_MOST if any(hook.runs for hook in hooks) else 0,
        hooks=tuple(hooks),
    )


def _planned(program: ir.Program, state: State) -> tuple[Plan, tuple[Tested, ...], tuple[TrackedView, ...]]:
    """What the program asks, with as many bytes read while parsing as leave room for every fact."""
    suffix, by_facts = HOOKS[program.hook][0], told_by_facts(program)
    encaps = ir.encaps_of(program) | frozenset(kept_inside(state.track))
    for slots in SLOT_LIMITS:
        plan = Plan(program.hook, suffix, by_facts, encaps, slots)
        tested = _tested(program.body, plan)
        tracked = ask_tracking(state.track, state.counts, plan) if state.track is not None else ()
        plan.tracked = frozenset(t.name for t in tracked)
        plan.opens = tuple(opens(program, plan, layer) for layer in range(plan.deepest))
        _complete(plan)
        if len(_facts(plan)) <= MOST_FACTS:
            break
    return plan, tested, tracked


def _tested(body: tuple[ir.Step, ...], plan: Plan) -> tuple[Tested, ...]:
    """Each step with its condition; the plan is asked for what the conditions read."""
    out = []
    for step in body:
        test = all_of(condition(step.pred, plan), *guards(step, plan))
        if isinstance(step, ir.RuleStep):
            verdict = EVENT_VERDICTS[step.verdict]
            out.append(Tested(step, test, effects=tuple(effects(step, plan, verdict))))
        else:
            out.append(Tested(step, test, _tested(step.body, plan), _tested(step.orelse, plan)))
    return tuple(out)


def counter_base(hook: int, rules: int, names: tuple[str, ...]) -> int:
    """The first counter of the hook that stands at place `hook` of the policy's hooks."""
    return hook * (rules + 1 + len(names))


def _complete(plan: Plan) -> None:
    """What the parse of a fact needs besides: `malformed` knows fragments, what is opened where it lies and as what."""
    for layer in plan.layers:
        if "MALFORMED" in layer.facts:
            layer.facts["FRAGMENT"] = None
    for index in range(plan.deepest):
        plan.keep(index, "inside")
        if plan.may_be_alone(index + 1):
            plan.keep(index, "inside_type")


def _facts(plan: Plan) -> tuple[str, ...]:
    """Every fact of a hook's layers once; its place is its bit."""
    return tuple(dict.fromkeys(f for layer in plan.layers for f in layer.facts))


def _members(plans: list[Plan]) -> tuple[Member, ...]:
    layers = [layer for plan in plans for layer in plan.layers]
    slots: dict[Slot, None] = {s: None for layer in layers for s in layer.slots}
    keeps = dict.fromkeys(k for layer in layers for k in layer.keeps)
    members = [Member(s.ctype, s.member + s.length) for s in slots]
    members += [Member("u32", k) for k in ("l2", "l3", "l4", "inside") if k in keeps]
    members += [Member("u16", "inside_type")] if "inside_type" in keeps else []
    members += [Member("u32", "cut")] if any(p.hook != "xdp" for p in plans) else []
    members += [Member("u16", "proto")] if any(has_proto(layer) for layer in layers) else []
    order = ("u64", "u32", "u16", "u8")
    return tuple(sorted(members, key=lambda m: order.index(m.ctype)))


def _hook(
    program: ir.Program,
    plan: Plan,
    tested: tuple[Tested, ...],
    tracked: tuple[TrackedView, ...],
    gate: Gate,
    views: StepViews,
    rules: int,
    features: Features,
) -> HookView:
    suffix, section, name = HOOKS[program.hook]
    gates = tuple(gate.get(layer, frozenset()) for layer in LAYER_NAMES)
    ends = decides_malformed(program) and not plan.tracked
    layers = tuple(
        build_layer(plan, i, frozenset() if LAYER_NAMES[i] in plan.tracked else gates[i], ends and i == 0)
        for i in range(plan.deepest + 1)
    )
    tests = sum(map(tests_of, tested))
    on_stack = (STACK_TESTS, STACK_TESTS_INSIDE, 0)[plan.deepest]
    if plan.deepest and any("MALFORMED" in layer.facts for layer in plan.layers):
        on_stack = 0  # its many ways through one packet, times those through the packet inside
    if not any(asks_facts(s) for s in tested):
        on_stack = STACK_TESTS_BEHIND_GATE
    usual = build_settled(program, plan) if plan.tracked else build_usual(program, plan)
    last = program.body[-1] if program.body else None
    decided = isinstance(last, ir.RuleStep) and last.pred == ir.TRUE and not last.guards and last.verdict is not None
    verdicts = VERDICTS["xdp" if program.hook == "xdp" else "tc"]
    steps = views.steps(tested)
    return HookView(
        name=program.hook,
        number=views.number,
        suffix=suffix,
        tag=f"_{suffix.upper()}",
        section=section,
        program=name,
        context="struct xdp_md" if program.hook == "xdp" else "struct __sk_buff",
        is_tc=program.hook != "xdp",
        in_map=tests > on_stack or bool(plan.tracked or views.runs),
        rereads=tests > REGISTER_TESTS,
        gates=tuple((name, " | ".join(sorted(g))) for name, g in zip(LAYER_NAMES, gates, strict=True) if g),
        default=verdicts[program.default],
        default_word=program.default,
        default_number=rules,
        default_reached=not decided,
        facts=_facts(plan),
        first_counter=views.first,
        counts_rules=features.counters,
        traces=features.trace,
        reach=_reach(layers),
        opens=tuple(render(c) for c in plan.opens),
        gtp=any(e.name == "gtp" for layer in plan.layers[: plan.deepest] for e in layer.encaps),
        extensions=any(needs_walk(layer) for layer in plan.layers),
        walked=walked_bits(plan),
        layers=layers,
        late=tuple(plan.late.values()),
        keys=tuple(plan.keys.values()),
        uses=tuple(plan.uses.values()),
        logs=bool(plan.logs),
        tracked=tracked,
        holds=not any(t.made for t in tracked),
        passes=verdicts["pass"],
        steps=steps,
        runs=tuple(views.runs),
        usual=usual,
        usual_rules={b: views.steps(b.rules) for b in (branches(usual) if usual else ())},
    )


def _reach(layers: tuple[LayerView, ...]) -> int:
    """How many bytes of a packet tc pulls into its linear part: tags, the longest usual headers, what slots read."""
    total = 0
    for layer in layers:
        ether = max((s.end for s in (*layer.ether_near, *layer.ether_far)), default=14)
        network = max(60 + 8 * 8, *(s.end for s in (*layer.ip, *layer.ip6, *layer.arp)), 0)
        total += max(ether, 14 + 8) + network + max(layer.transport_end, 24)
    return total
