"""Steps with their conditions, and runs, → the view of each: C text, its place in the rules, what it counts.

In: one hook's steps (codegen/tested.py), where rules and blocks stand. Out: `StepView`s, and the `RunView`s among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ebpfc.compiler.codegen.classifier import Outcome, RunView, build_run
from ebpfc.compiler.codegen.condition import render, spell
from ebpfc.compiler.codegen.tested import Run, RunRule, Tested, loose_bits
from ebpfc.compiler.ir import program as ir

HOOKS: Mapping[ir.HookName, tuple[str, str, str]] = {  # suffix of C names, section, program
    "xdp": ("xdp", "xdp", "pf_xdp"),
    "tc ingress": ("in", "tc", "pf_tc_ingress"),
    "tc egress": ("eg", "classifier", "pf_tc_egress"),
}
VERDICTS = {
    "xdp": {"pass": "XDP_PASS", "drop": "XDP_DROP"},
    "tc": {"pass": "TC_ACT_UNSPEC", "drop": "TC_ACT_SHOT"},
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule or block stands: the file's name in the C, its line, its text on one line of printable ASCII."""

    file: str
    line: int
    text: str


COMPANION = Origin("companion", 1, "opens what the policy opens")


@dataclass(frozen=True, slots=True)
class Origins:
    """By rule number and by block number."""

    rules: Mapping[int, Origin]
    blocks: Mapping[int, Origin]


@dataclass(frozen=True, slots=True)
class StepView:
    """A rule (`number`, `verdict`, `counts`) or a block (`body`, `orelse`) with the C of when it holds; or a run."""

    is_rule: bool
    condition: str
    comment: str
    file: str
    line: int
    number: int = -1
    verdict: str = ""
    counts: tuple[int, ...] = ()
    effects: tuple[str, ...] = ()
    body: tuple[StepView, ...] = ()
    orelse: tuple[StepView, ...] = ()
    run: RunView | None = None


class StepViews:
    """Renders the steps of one hook's program."""

    def __init__(
        self,
        hook: ir.HookName,
        number: int,
        origins: Origins,
        first: int,
        named: Mapping[str, int],
    ) -> None:
        self.number, self.origins, self.first, self.named = number, origins, first, named
        self.suffix = HOOKS[hook][0]
        self.runs: list[RunView] = []
        self.verdicts = VERDICTS["xdp" if hook == "xdp" else "tc"]

    def steps(self, body: tuple[Tested, ...]) -> tuple[StepView, ...]:
        return tuple(self._step(s) for s in body)

    def _step(self, tested: Tested) -> StepView:
        if tested.run:
            return self._run(tested.run)
        step, text = tested.step, render(tested.condition)
        if step is None:
            body = self.steps(tested.body)
            return StepView(False, text, f"{len(body)} steps that ask the same", body[0].file, body[0].line, body=body)
        if isinstance(step, ir.BlockStep):
            at = self.origins.blocks[step.number]
            body, orelse = self.steps(tested.body), self.steps(tested.orelse)
            return StepView(False, text, at.text, at.file, at.line, body=body, orelse=orelse)
        at = self.origins.rules[step.number]
        verdict, counts = self._done(step)
        effects = tuple(map(render, tested.effects))
        return StepView(True, text, at.text, at.file, at.line, step.number, verdict, counts, effects)

    def _run(self, run: Run) -> StepView:
        bits = loose_bits(run.rules)
        outcomes = tuple(self._outcome(r, bits.get(r.rule.number)) for r in run.rules)
        view = build_run(f"classify_{self.suffix}_{len(self.runs)}", run, outcomes)
        self.runs.append(view)
        at = self.origins.rules[run.rules[0].rule.number]
        return StepView(False, "", f"{len(run.rules)} rules, looked up together", at.file, at.line, run=view)

    def _outcome(self, found: RunRule, loose: int | None) -> Outcome:
        verdict, counts = self._done(found.rule)
        return Outcome(verdict, counts, tuple(map(render, found.effects)), loose, render(spell(found.rest)))

    def _done(self, rule: ir.RuleStep) -> tuple[str, tuple[int, ...]]:
        """The verdict, and the counters of a rule: those that it names, and its own if it decides nothing."""
        own = () if rule.verdict else (self.first + rule.number,)
        return self.verdicts[rule.verdict] if rule.verdict else "", (*own, *(self.named[n] for n in rule.counts))
