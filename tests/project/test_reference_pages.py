"""The pages that are tables of the code are what `make docs` would write."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "reference_pages.py"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_current(pages: ModuleType) -> None:
    for path, render in pages.PAGES.items():
        assert path.is_file() and path.read_text() == render(), f"{path.name} has fallen behind: run `make docs`"


def test_every_code_is_in_a_group(pages: ModuleType) -> None:
    index = pages.render_errors()
    for code in pages.CODES:
        assert f"[{code}]" in index
