"""The repository is whole: the rooms' links, the packages' data files, the commands that the README names."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("compiler", "grammar", "runtime", "templates", "testing")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_linked_into_the_package(room: str) -> None:
    link = ROOT / "src" / "ebpfc" / room
    assert link.is_symlink()
    assert str(link.readlink()) == f"../../{room}", "the link must be relative, so that a clone anywhere works"
    assert (link / "__init__.py").is_file()


def test_no_room_is_left_out() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}
    assert packages == set(ROOMS)


def test_every_folder_with_python_in_it_is_a_package() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{path.parent} would be missing from the wheel"


@pytest.mark.parametrize(
    "command", ["demo", "test", ".ci/run", "scripts/setup.sh", "scripts/lint.sh", "scripts/pin.sh"]
)
def test_a_command_can_be_run_and_stops_at_errors(command: str) -> None:
    path = ROOT / command
    assert os.access(path, os.X_OK)
    assert re.search(r"^set -e?uo pipefail$", path.read_text(), re.MULTILINE)


def test_the_readme_names_the_two_commands_and_ci_runs_one_of_them() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "\n./demo\n" in readme
    assert "\n./test\n" in readme
    assert "./test" in (ROOT / ".ci" / "run").read_text()


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    pins = dict(
        line.lower().split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    )
    for requirement in wanted:
        name = re.split(r"[<>=!~;\[ ]", requirement)[0].lower()
        assert name in pins, f"{name} has no exact version in constraints.txt: run scripts/pin.sh"


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)$", makefile, re.MULTILINE))
    documented = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert phony == documented
