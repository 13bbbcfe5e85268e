"""The demo meets what it expects, in the kernel, and leaves nothing behind; where it cannot run it says why."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo.py"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The demo as a module; records look their module up by its name."""
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.kernel
@pytest.mark.slow
def test_the_demo_meets_what_it_expects_and_cleans_up() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        [sys.executable, DEMO], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as done:
        printed, _ = done.communicate(timeout=120)
    assert done.returncode == 0, printed
    assert "17 of 17 probes" in printed and "DIFFERS" not in printed
    assert "edge.pf:28  ssh: pass" in printed, "each rule is shown with its place"
    assert not list(Path("/run/netns").glob(f"pf-{done.pid}-*"))


@pytest.mark.kernel
@pytest.mark.slow
def test_the_demo_can_fail(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lenient = tmp_path / "edge.pf"
    lenient.write_text((ROOT / "examples/edge.pf").read_text().replace("telnet: drop", "telnet: pass"))
    monkeypatch.setattr(demo, "POLICY", str(lenient))
    probes = demo.probes
    monkeypatch.setattr(demo, "probes", lambda wire: [probe for probe in probes(wire) if "VXLAN 5001" in probe.what])
    assert demo.main() == 1
    printed = capsys.readouterr().out
    assert "drop by telnet  pass by telnet  DIFFERS" in printed
    assert "1 of 2 probes" in printed


def test_without_root_the_demo_says_so(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert demo.main() == 2
    assert "needs root" in capsys.readouterr().err


def test_chatter_decides_only_where_it_is_expected(demo: ModuleType) -> None:
    before = {"ssh": 1, "neighbours": 4, "default": 0}
    after = {"ssh": 2, "neighbours": 5, "default": 1}
    assert demo.deciding_rules(before, after, "ssh") == "ssh"
    assert demo.deciding_rules(before, after, "default") == "ssh and default"
    assert demo.deciding_rules(before, before, "ssh") == "no rule"
