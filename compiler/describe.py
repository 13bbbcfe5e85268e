"""What the object will say about itself, and where each rule stands: policy and sources → plain data, no text of C.

In: a checked policy, its programs, its sources. Out: the manifest without the toolchain's part, the rule files under
their names in C, and the origin of every rule and block.
"""

from __future__ import annotations

import os
from typing import Any

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ast.printer import print_action
from ebpfc.compiler.codegen.emit import comment_text
from ebpfc.compiler.codegen.state_view import counter_names, map_names
from ebpfc.compiler.codegen.step_view import HOOKS, Origin, Origins
from ebpfc.compiler.codegen.view import Features, HookView, counter_base
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.state import WORDS, Kind, State, TrackDecl
from ebpfc.compiler.lower.policy import DIRECTIONS, blocks
from ebpfc.compiler.source import SourceMap
from ebpfc.compiler.toolchain.cc import rule_file_name
from ebpfc.compiler.toolchain.manifest import CounterEntry, HookEntry, RuleEntry, build_manifest


def rule_files(sources: SourceMap) -> tuple[tuple[str, bytes], ...]:
    return tuple((rule_file_name(i, f.path), f.raw) for i, f in enumerate(sources.files))


def named_counters(policy: nodes.Policy) -> tuple[str, ...]:
    """The names after `count`, each once, in the order of the text."""
    return tuple(dict.fromkeys(a.name for r in policy.rules for a in r.actions if isinstance(a, nodes.Count)))


def origins(policy: nodes.Policy, sources: SourceMap) -> Origins:
    rules = {r.number: _origin(r.span, sources) for r in policy.rules}
    heads = {i: _origin(b.span, sources, head=True) for i, b in enumerate(blocks(policy.body))}
    return Origins(rules, heads)


def _origin(span: nodes.Span, sources: SourceMap, head: bool = False) -> Origin:
    if span.file < 0:
        return Origin(rule_file_name(0, "expression"), 1, "")
    line, _ = sources.position(span)
    text = _shown(span, sources)
    if head:
        text = text.split("{\n")[0].split("\n")[0]
    return Origin(rule_file_name(span.file, sources.files[span.file].path), line, comment_text(text))


def _shown(span: nodes.Span, sources: SourceMap) -> str:
    return sources.excerpt(span) if span.file >= 0 else ""


def describe(
    policy: nodes.Policy,
    programs: tuple[ir.Program, ...],
    names: tuple[str, ...],
    sources: SourceMap,
    features: Features,
    netmask: int | None,
    state: State,
    companion: ir.Program | None,
    hooks: tuple[HookView, ...],
) -> dict[str, Any]:
    """The manifest but for the compiler and the maps (docs/manifest.md)."""
    bases = [counter_base(i, len(policy.rules), names) for i in range(len(programs))]
    counters: list[CounterEntry] = []
    for program, base in zip(programs, bases, strict=True):
        way = DIRECTIONS[program.hook]
        hook, after = program.hook, base + len(policy.rules)
        counters += [CounterEntry(base + r.number, hook, "rule", rule=r.number, direction=way) for r in policy.rules]
        counters.append(CounterEntry(after, hook, "default", direction=way))
        counters += [CounterEntry(after + 1 + i, hook, "named", n, direction=way) for i, n in enumerate(names)]
    counted = bases if features.counters else []
    places = [_place(file, sources) for file in range(len(sources.files))]
    return build_manifest(
        policy=policy.name,
        hooks=[HookEntry(p.hook, HOOKS[p.hook][2], HOOKS[p.hook][1]) for p in programs],
        rules=[_rule(r, sources, places, tuple(b + r.number for b in counted)) for r in policy.rules],
        counters=counters if features.counters else [],
        defaults=dict(policy.defaults),
        looks_at_tags=any(_looks_at_tags(p) for p in programs),
        kernel=features.kernel,
        state={**_state(state, features, companion), **_runs(hooks)},
        options={"counters": features.counters, "netmask": netmask},
    )


def _runs(hooks: tuple[HookView, ...]) -> dict[str, Any]:
    """Rules that are looked up in tables; nothing where all are tried."""
    runs = [
        {
            "hook": hook.name,
            "rules": len(run.rules),
            "first": run.rules[0],
            "last": run.rules[-1],
            "forests": [
                {
                    "trees": len(f.trees), "depth": max(t.depth for t in f.trees),
                    "longest": max(t.longest for t in f.trees),
                    "entries": sum(part.rows for part in f.records), "bytes": sum(len(part.data) for part in f.blobs),
                    "ns": round(f.cost),
                }
                for f in run.forests
            ],
        }
        for hook in hooks
        for run in hook.runs
    ]  # fmt: skip
    return {"runs": runs} if runs else {}


def _state(declared: State, features: Features, companion: ir.Program | None) -> dict[str, Any]:
    """Tables, limiters, log, connections (docs/adr/0003, rule 20; 0004); nothing of a policy without."""
    if declared == State():
        return {}
    tables, limiters = map_names(declared)
    logs = [{"rule": log.rule, "text": log.text, "bytes": log.size} for log in declared.logs]
    return {
        "tables": [
            {
                "name": t.name, "map": tables[t.name], "key": _key(t.fields, t.kinds), "net": t.net,
                "timeout": t.timeout, "size": t.size, "evict": t.lru,
            }
            for t in declared.tables
        ],
        "limits": [
            {
                "name": limit.name, "rule": limit.rule, "text": limit.text, "map": limiters[i],
                "key": _key(limit.fields, limit.kinds), "size": limit.size,
            }
            for i, limit in enumerate(declared.limiters)
        ],
        "events": {"map": "pf_events", "logs": logs} if logs else None,
        "counts": [
            {
                "rule": c.rule, "text": c.text, "map": f"c_{i}", "key": _key(c.fields, c.kinds), "most": c.most,
                "size": c.size,
            }
            for i, c in enumerate(declared.counts)
        ],
        "track": _track(declared.track, companion) if declared.track is not None else None,
        "state_counters": {"map": "pf_state", "names": list(counter_names(declared)) if features.counters else []},
    }  # fmt: skip


def _track(declared: TrackDecl, companion: ir.Program | None) -> dict[str, Any]:
    hook = None
    if companion is not None:
        _, section, program = HOOKS[companion.hook]
        hook = {"hook": companion.hook, "program": program, "section": section}
    return {
        "flows": "pf_flows", "opening": "pf_opening", "fragments": "pf_fragments", "size": declared.size,
        "loose": declared.loose, "timeouts": dict(declared.timeouts), "companion": hook,
    }  # fmt: skip


def _key(fields: tuple[str, ...], kinds: tuple[Kind, ...]) -> list[dict[str, Any]]:
    return [{"field": f, "kind": k, "words": WORDS[k]} for f, k in zip(fields, kinds, strict=True)]


def _rule(rule: nodes.Rule, sources: SourceMap, places: list[str], counters: tuple[int, ...]) -> RuleEntry:
    line, column = sources.position(rule.span) if rule.span.file >= 0 else (1, 1)
    file = places[rule.span.file] if rule.span.file >= 0 else ""
    text = " ".join(_shown(rule.span, sources).split())
    actions = tuple(print_action(a) for a in rule.actions)
    return RuleEntry(rule.number, file, line, column, rule.name, text, actions, counters)


def _place(file: int, sources: SourceMap) -> str:
    """A rule file as seen from the main file's folder, below which all lie: the object is the same bytes however the
    command names them, and says nothing of the machine."""
    main = sources.files[0].path
    return os.path.relpath(sources.files[file].path, os.path.dirname(main) or os.curdir)  # noqa: PTH120


def _looks_at_tags(program: ir.Program) -> bool:
    """Whether a verdict can hang on the frame's own tags, which a NIC that strips them hides from XDP."""
    for step in ir.steps(program.body):
        for test in ir.tests(step.pred):
            if isinstance(test, ir.TagIs) and test.layer == 0:
                return True
            if any(x.layer == 0 and _in_tags(x) for x in ir.test_loads(test)):
                return True
        if any(x.layer == 0 and _in_tags(x) for x in ir.step_loads(step)):
            return True
    return False


def _in_tags(load: ir.Load | ir.LoadAt) -> bool:
    if load.base in ("tag1", "tag2"):
        return True
    return load.base == "ether" and (isinstance(load, ir.LoadAt) or load.offset + load.size > 12)
