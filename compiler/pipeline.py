"""The spine: rules in, C and the facts about the object out; one line a stage. The toolchain takes it from here.

Raises PolicyError with every diagnostic of the stage that stopped; warnings come with the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ebpfc.compiler.analysis.lint import lint
from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ast.build import parse_expression, parse_source
from ebpfc.compiler.codegen.emit import emit_c
from ebpfc.compiler.codegen.state_view import oldest_kernel
from ebpfc.compiler.codegen.view import Features, build_view
from ebpfc.compiler.describe import describe, named_counters, origins, rule_files
from ebpfc.compiler.diagnostics.model import Diagnostic, Sink
from ebpfc.compiler.ir.program import HookName, Program
from ebpfc.compiler.ir.state import State
from ebpfc.compiler.ir.text import print_program
from ebpfc.compiler.lower import companion_of, lower_with_state
from ebpfc.compiler.passes import PASSES, pass_name, run_passes
from ebpfc.compiler.sema import build_expression_policy, build_resolved
from ebpfc.compiler.source import SourceMap


@dataclass(frozen=True, slots=True)
class SourceInput:
    """A rules file, or an expression of the command line; exactly one is given."""

    path: str | None = None
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """`kernel` is the oldest to load on, None: the oldest on which the policy runs as fast as it can; `netmask` an IPv4
    mask in host order; `trace` makes a test build (no counters) whose return value is
    `(deciding rule + 1) << 8 | verdict & 0xff`, and whose clock is a map."""

    kernel: tuple[int, int] | None = None
    counters: bool = True
    netmask: int | None = None
    dump_after: str | None = None
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """Everything but the object: `line_files` are the rule files under the names that the C knows them by."""

    c_text: str
    manifest: dict[str, Any]
    policy: nodes.Policy
    warnings: tuple[Diagnostic, ...]
    line_files: tuple[tuple[str, bytes], ...]
    dump: str | None = None


def dump_names() -> tuple[str, ...]:
    """What `--dump-after` takes: `lower`, and each pass."""
    return tuple(dict.fromkeys(("lower", *(pass_name(p) for p in PASSES))))


def _say_nothing(_words: str) -> None:
    pass


def compile_policy(
    source: SourceInput,
    options: Options,
    sources: SourceMap | None = None,
    say: Callable[[str], None] = _say_nothing,
) -> Compiled:
    """The whole way from rules to C; `sources` is filled with the files that were read, for messages. `say` is told
    what is being done, each time that changes: "checking 4,000 rules"."""
    sources, sink = sources if sources is not None else SourceMap(), Sink()
    if source.expression is not None:
        return _compiled(_checked_expression(source.expression, options, sources, sink), options, sources, sink)
    assert source.path is not None
    file = sources.read(Path(source.path), sink)
    sink.raise_if_errors()
    policy = _checked_rules(file, source.path, options, sources, sink, say)
    say(f"translating {len(policy.rules):,} rules")
    return _compiled(policy, options, sources, sink)


def compile_text(text: str, options: Options, name: str = "rules.pf") -> Compiled:
    """As `compile_policy`, of rules that stand in no file."""
    sources, sink = SourceMap(), Sink()
    policy = _checked_rules(sources.add_text(name, text), name, options, sources, sink)
    return _compiled(policy, options, sources, sink)


def _checked_rules(
    file: int | None,
    path: str,
    options: Options,
    sources: SourceMap,
    sink: Sink,
    say: Callable[[str], None] = _say_nothing,
) -> nodes.Policy:
    """Parse, resolve, check and lint."""
    assert file is not None
    say(f"reading {len(sources.files[file].line_starts):,} lines")
    tree = parse_source(sources, file, sink)
    sink.raise_if_errors()
    assert tree is not None
    say(f"resolving {len(tree.statements):,} statements")
    resolved = build_resolved(tree, sources, sink, netmask=options.netmask, name=path)
    sink.raise_if_errors()
    assert resolved is not None
    say(f"checking {len(resolved.policy.rules):,} rules")
    lint(resolved, sink)
    return resolved.policy


def _checked_expression(text: str, options: Options, sources: SourceMap, sink: Sink) -> nodes.Policy:
    match = parse_expression(text, sources, sink)
    sink.raise_if_errors()
    assert match is not None
    policy = build_expression_policy(match, sources, sink, netmask=options.netmask)
    sink.raise_if_errors()
    assert policy is not None
    return policy


def _compiled(policy: nodes.Policy, options: Options, sources: SourceMap, sink: Sink) -> Compiled:
    """Lower, run the passes, print the C, for each hook."""
    dumps: dict[str, str] = {}
    observe = _recorder(dumps) if options.dump_after is not None else None
    lowered = [_lowered(policy, hook, observe) for hook in _hooks(policy)]
    programs, state = tuple(program for program, _ in lowered), lowered[0][1]  # every hook has the same state
    names = named_counters(policy)
    features = Features(options.counters and not options.trace, options.trace, oldest_kernel(state, options.kernel))
    companion = companion_of(policy.name, tuple(p.hook for p in programs), state.track)
    view = build_view(programs, origins(policy, sources), len(policy.rules), names, features, state, companion)
    return Compiled(
        emit_c(view),
        describe(policy, programs, names, sources, features, options.netmask, state, companion, view.hooks),
        policy,
        tuple(sink.items),
        rule_files(sources),
        dumps.get(options.dump_after) if options.dump_after is not None else None,
    )


def _lowered(
    policy: nodes.Policy, hook: HookName, observe: Callable[[str, Program], None] | None
) -> tuple[Program, State]:
    """One hook's program, through all passes, and what it remembers."""
    program, state = lower_with_state(policy, hook)
    if observe is not None:
        observe("lower", program)
    return run_passes(program, observe=observe), state


def _hooks(policy: nodes.Policy) -> tuple[HookName, ...]:
    known: tuple[HookName, ...] = ("xdp", "tc ingress", "tc egress")
    return tuple(h for p in policy.hooks for h in known if h == p)


def _recorder(dumps: dict[str, str]) -> Callable[[str, Program], None]:
    """Keeps each stage's programs as text, hook behind hook; of a pass that runs twice its last result."""
    seen: dict[tuple[str, str], str] = {}

    def observe(stage: str, program: Program) -> None:
        seen[stage, program.hook] = print_program(program)
        dumps[stage] = "\n".join(text for (name, _), text in seen.items() if name == stage)

    return observe
