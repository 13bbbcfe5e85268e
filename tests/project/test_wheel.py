"""The wheel holds everything: built from a copy of the tree, unpacked elsewhere, imported and run from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("compiler", "grammar", "runtime", "templates", "testing")
SHIPPED = {".py", ".lark", ".j2", ".h"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the tree as it stands; built with the setuptools at hand, so that no index is asked."""
    tree = tmp_path_factory.mktemp("tree")
    for name in (*ROOMS, "src"):
        shutil.copytree(
            ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, tree]
    subprocess.run(build, check=True, timeout=300)
    (path,) = out.glob("ebpfc-*-py3-none-any.whl")
    return path


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_every_room(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    wanted = {
        f"ebpfc/{path.relative_to(ROOT)}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in SHIPPED and path.is_file()
    }
    wanted |= {f"ebpfc/{path.relative_to(ROOT / 'src/ebpfc')}" for path in (ROOT / "src/ebpfc/cli").rglob("*.py")}
    wanted |= {"ebpfc/__init__.py", "ebpfc/__main__.py", "ebpfc/cache_folder.py", "ebpfc/py.typed"}
    assert wanted - held == set()
    assert not [name for name in held if name.startswith(("compiler/", "tests/", "ebpfc/tests/"))]


@pytest.mark.slow
def test_the_unpacked_wheel_checks_a_policy(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "web.pf").write_text(
        "default drop\npass arp\npass icmp6[icmp6type] in {133-137}\npass tcp dst port 80\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import ebpfc; print(ebpfc.__file__)\nfrom ebpfc.cli.main import main; exit(main(['check', 'web.pf']))",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(tmp_path / "site") in done.stdout, "the tree was imported, not the wheel"
