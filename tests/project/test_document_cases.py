"""Frames in the documents: the policy above a `cases` block judges them as it says, by the reference and the kernel.

In: each `cases` block of docs/ with the nearest `pf` block before it. The form of a case: ebpfc.testing.cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ebpfc.compiler.pipeline import Compiled, Options, SourceInput, compile_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.testing.cases import Case, parse_cases
from ebpfc.testing.documents import fenced_blocks
from ebpfc.testing.kernel import Hook, KernelPolicy
from ebpfc.testing.semantics import Frame, Judge

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Shown:
    """A policy of a document and what the document says of some frames; `line` is that of the block of cases."""

    document: Path
    line: int
    policy: str
    cases: tuple[Case, ...]

    def compile(self, folder: Path) -> tuple[Compiled, dict[int | None, str]]:
        """The policy (a test build, which answers with the deciding rule), and what each rule is called."""
        path, sources = folder / "policy.pf", SourceMap()
        path.write_text(self.policy)
        compiled = compile_policy(SourceInput(path=str(path)), Options(trace=True), sources)
        rules = compiled.policy.rules
        names: dict[int | None, str] = {None: "default"}
        names.update({rule.number: rule.name or str(sources.position(rule.span)[0]) for rule in rules})
        return compiled, names

    def differences(self, judged: list[tuple[str, str]]) -> list[str]:
        return [
            f"{self.document.name}:{self.line + case.line}: {case.text}: {verdict} by {rule}"
            for case, (verdict, rule) in zip(self.cases, judged, strict=True)
            if (verdict, rule) != (case.verdict, case.rule)
        ]


def shown_cases() -> list[Shown]:
    found = []
    for document in sorted(DOCS.rglob("*.md")):
        policy = ""
        for block in fenced_blocks(document.read_text()):
            if block.language == "pf":
                policy = block.text
            elif block.language == "cases":
                found.append(Shown(document, block.line, policy, parse_cases(block.text)))
    return found


@pytest.fixture(params=shown_cases(), ids=lambda shown: f"{shown.document.name}:{shown.line}")
def shown(request: pytest.FixtureRequest) -> Shown:
    value: Shown = request.param
    return value


def test_the_reference_judges_as_the_document_says(shown: Shown, tmp_path: Path) -> None:
    compiled, names = shown.compile(tmp_path)
    judge = Judge(compiled.policy)
    decisions = [judge.decide(Frame(case.frame), case.direction) for case in shown.cases]
    assert not shown.differences([(one.verdict, names[one.rule]) for one in decisions])


@pytest.mark.kernel
def test_the_kernel_judges_as_the_document_says(shown: Shown, tmp_path: Path) -> None:
    compiled, names = shown.compile(tmp_path)
    loaded = KernelPolicy(build_object(compiled, find_compiler(None)))
    try:
        inbound: Hook = "xdp" if "xdp" in loaded.hooks else "tc ingress"
        hooks: dict[str, Hook] = {"inbound": inbound, "outbound": "tc egress"}
        answers = [loaded.judge(hooks[case.direction], case.frame) for case in shown.cases]
    finally:
        loaded.close()
    assert not shown.differences([(verdict, names[rule]) for verdict, rule in answers])


def test_a_wrong_case_is_told() -> None:
    cases = parse_cases("pass default arp 10.0.0.1 > 10.0.0.2\n")
    shown = Shown(DOCS / "x.md", 7, "", cases)
    assert shown.differences([("drop", "ssh")]) == ["x.md:8: arp 10.0.0.1 > 10.0.0.2: drop by ssh"]
