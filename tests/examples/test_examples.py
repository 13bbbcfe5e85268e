"""Each example is a policy without a warning, and its cases are judged as they say: by the reference and the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebpfc.compiler.ast.nodes import Verdict
from ebpfc.compiler.pipeline import Compiled, Options, SourceInput, compile_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.testing.cases import Case, parse_cases
from ebpfc.testing.kernel import Hook, KernelPolicy
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted(EXAMPLES.glob("*.pf"))


class Example:
    """A policy of `examples/`, compiled as far as C (a test build: programs answer with the deciding rule)."""

    def __init__(self, path: Path) -> None:
        sources = SourceMap()
        self.compiled: Compiled = compile_policy(SourceInput(path=str(path)), Options(trace=True), sources)
        self.policy = self.compiled.policy
        self.names = {rule.number: rule.name or str(sources.position(rule.span)[0]) for rule in self.policy.rules}

    def called(self, rule: int | None) -> str:
        return "default" if rule is None else self.names[rule]

    def hook(self, case: Case) -> Hook:
        """The hook that sees packets of the case's direction."""
        egress = case.direction == "outbound"
        return "tc egress" if egress else "xdp" if "xdp" in self.policy.hooks else "tc ingress"


@pytest.fixture(params=POLICIES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def cases(path: Path) -> tuple[Case, ...]:
    return parse_cases(path.with_suffix(".cases").read_text())


@pytest.fixture
def example(path: Path) -> Example:
    return Example(path)


def differences(cases: tuple[Case, ...], judged: list[tuple[str, str]]) -> list[str]:
    """The cases that were judged in another way than they say."""
    return [
        f"line {case.line}: {case.text}: {verdict} by {rule}"
        for case, (verdict, rule) in zip(cases, judged, strict=True)
        if (verdict, rule) != (case.verdict, case.rule)
    ]


def test_an_example_has_no_warning(example: Example) -> None:
    assert example.compiled.warnings == ()


def test_the_reference_judges_each_case_as_it_says(example: Example, cases: tuple[Case, ...]) -> None:
    judge = Judge(example.policy)
    decisions = [judge.decide(Frame(case.frame), case.direction) for case in cases]
    assert not differences(cases, [(one.verdict, example.called(one.rule)) for one in decisions])


@pytest.mark.kernel
def test_the_kernel_judges_each_case_as_it_says(example: Example, cases: tuple[Case, ...]) -> None:
    loaded = KernelPolicy(build_object(example.compiled, find_compiler(None)))
    try:
        answers = [loaded.judge(example.hook(case), case.frame) for case in cases]
    finally:
        loaded.close()
    assert not differences(cases, [(verdict, example.called(rule)) for verdict, rule in answers])


def test_every_rule_with_a_verdict_decides_a_case(example: Example, cases: tuple[Case, ...]) -> None:
    deciding = {
        example.called(rule.number)
        for rule in example.policy.rules
        if any(isinstance(action, Verdict) for action in rule.actions)
    }
    assert deciding - {case.rule for case in cases} == set()
