"""Style, types and imports are clean, and the import contracts are able to fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT / "src"),
}


@pytest.mark.slow
def test_the_checks_that_run_nothing_are_clean() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "lint.sh"], env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("compiler/fields.py", "import ebpfc.runtime"),
        ("runtime/__init__.py", "import ebpfc.compiler.fields"),
        ("grammar/__init__.py", "import ebpfc.compiler.fields"),
        ("src/ebpfc/cache_folder.py", "import ebpfc.compiler.fields"),
        ("templates/__init__.py", "import lark"),
        ("compiler/passes/__init__.py", "import ebpfc.compiler.ast.nodes"),
        ("compiler/codegen/__init__.py", "import lark"),
        ("testing/semantics/__init__.py", "import ebpfc.compiler.names"),
    ],
)
def test_an_import_across_the_rooms_is_refused(tmp_path: Path, place: str, line: str) -> None:
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for room in ("compiler", "grammar", "runtime", "templates", "testing", "src"):
        shutil.copytree(ROOT / room, tmp_path / room, symlinks=True, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / place).open("a") as file:
        file.write(f"\n{line}\n")
    done = subprocess.run(
        ["lint-imports", "--no-cache"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
