"""For tests of rules that are looked up."""

from __future__ import annotations

import pytest

from ebpfc.compiler.codegen import runs


@pytest.fixture
def every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rules are a run."""
    monkeypatch.setattr(runs, "RULES_AT_LEAST", 2)
