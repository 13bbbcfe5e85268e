"""Policies given as text, checked: what came out, and each diagnostic as (code, text under it)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from ebpfc.compiler.analysis.lint import lint
from ebpfc.compiler.ast.build import parse_expression, parse_source
from ebpfc.compiler.ast.nodes import Policy
from ebpfc.compiler.diagnostics.codes import CODES
from ebpfc.compiler.diagnostics.model import Diagnostic, Sink
from ebpfc.compiler.sema import Resolved, build_expression_policy, build_resolved
from ebpfc.compiler.source import SourceMap


@dataclass(frozen=True, slots=True)
class Checked:
    policy: Policy | None
    found: tuple[tuple[str, str], ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair, d in zip(self.found, self.diagnostics, strict=True) if d.severity == "error")


def _checked(policy: Policy | None, sources: SourceMap, sink: Sink) -> Checked:
    for item in sink.items:
        assert item.code in CODES
        assert item.label or item.severity == "warning" or item.code < "PF03"
    found = tuple((d.code, sources.excerpt(d.span) if d.span.file >= 0 else "") for d in sink.items)
    return Checked(policy, found, tuple(sink.items))


@pytest.fixture
def check() -> Callable[..., Checked]:
    """`check(text)`: the policy, errors and warnings; `main` is the path of the file that the text is said to be."""

    def run(text: str, *, main: Path | None = None, netmask: int | None = None) -> Checked:
        sources, sink = SourceMap(), Sink()
        file = sources.add_text(str(main) if main is not None else "test.pf", text)
        tree = parse_source(sources, file, sink)
        resolved: Resolved | None = None
        if tree is not None and not sink.failed:
            resolved = build_resolved(tree, sources, sink, netmask=netmask, name="test.pf")
            assert (resolved is None) == sink.failed
        if resolved is not None:
            lint(resolved, sink)
        return _checked(resolved.policy if resolved is not None else None, sources, sink)

    return run


@pytest.fixture
def check_expression() -> Callable[..., Checked]:
    """`check_expression(text)`: the same for the match of `ebpfc -e`."""

    def run(text: str, *, netmask: int | None = None) -> Checked:
        sources, sink = SourceMap(), Sink()
        match = parse_expression(text, sources, sink)
        policy = build_expression_policy(match, sources, sink, netmask=netmask) if match is not None else None
        return _checked(policy, sources, sink)

    return run


def _refused(check: Callable[..., Checked], wrong: str, code: str, under: str, right: str) -> None:
    found = check(wrong)
    assert found.policy is None
    assert found.errors == ((code, under),)
    assert check(right).errors == ()


@pytest.fixture
def refused(check: Callable[..., Checked]) -> Callable[..., None]:
    """`refused(wrong, code, under, right)`: a policy with one error, at the words `under`; `right` has none."""
    return partial(_refused, check)


@pytest.fixture
def refused_expression(check_expression: Callable[..., Checked]) -> Callable[..., None]:
    """`refused_expression(wrong, code, under, right)`: the same for the match of `ebpfc -e`."""
    return partial(_refused, check_expression)
