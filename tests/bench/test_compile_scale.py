"""The stages that the bench times are those of the compiler."""

from __future__ import annotations

from pathlib import Path

from bench.compile_scale import acl, run_stages


def test_every_stage_runs(tmp_path: Path) -> None:
    path = tmp_path / "scale.pf"
    path.write_text(acl(50), "ascii")
    assert list(run_stages(path)) == ["parse", "resolve", "check", "lint", "lower", "passes", "describe"]
