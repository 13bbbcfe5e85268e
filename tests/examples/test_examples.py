"""Each example is a policy without a warning, and its cases are judged as they say: by the reference and the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebpfc.compiler.ast.build import parse_source
from ebpfc.compiler.ast.nodes import Policy, Verdict
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.sema import build_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.testing.cases import Case, parse_cases
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted(EXAMPLES.glob("*.pf"))


class Example:
    """A policy of `examples/`, read and checked, with what its rules are called in cases."""

    def __init__(self, path: Path) -> None:
        sink, sources = Sink(), SourceMap()
        index = sources.read(path, sink)
        assert index is not None
        tree = parse_source(sources, index, sink)
        policy = build_policy(tree, sources, sink, name=path.stem) if tree is not None else None
        assert policy is not None, sink.items
        self.policy: Policy = policy
        self.diagnostics = sink.items
        self.names = {rule.number: rule.name or str(sources.position(rule.span)[0]) for rule in policy.rules}

    def called(self, rule: int | None) -> str:
        return "default" if rule is None else self.names[rule]


@pytest.fixture(params=POLICIES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def cases(path: Path) -> tuple[Case, ...]:
    return parse_cases(path.with_suffix(".cases").read_text())


def test_an_example_has_no_warning(path: Path) -> None:
    assert Example(path).diagnostics == []


def test_the_reference_judges_each_case_as_it_says(path: Path, cases: tuple[Case, ...]) -> None:
    example = Example(path)
    judge = Judge(example.policy)
    wrong = []
    for case in cases:
        decision = judge.decide(Frame(case.frame), case.direction)
        if (decision.verdict, example.called(decision.rule)) != (case.verdict, case.rule):
            wrong.append(f"line {case.line}: {case.text}: {decision.verdict} by {example.called(decision.rule)}")
    assert not wrong


def test_every_rule_with_a_verdict_decides_a_case(path: Path, cases: tuple[Case, ...]) -> None:
    example = Example(path)
    deciding = {
        example.called(rule.number)
        for rule in example.policy.rules
        if any(isinstance(action, Verdict) for action in rule.actions)
    }
    assert deciding - {case.rule for case in cases} == set()
