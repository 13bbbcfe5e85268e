"""Which compiler is taken, and what is said when there is none or a wrong one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ebpfc.compiler.toolchain import find
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import find_compiler

NOWHERE_PATH = {"PATH": "/nonexistent"}


def script(folder: Path, name: str, version: str, status: int = 0) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{version}'\nexit {status}\n")
    program.chmod(0o755)
    return program


def code_of(cc: str | None, environment: dict[str, str]) -> str:
    with pytest.raises(ToolchainError) as caught:
        find_compiler(cc, environment)
    assert caught.value.diagnostic.hints, "a toolchain error says what to do"
    return caught.value.diagnostic.code


@pytest.fixture
def no_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_pinned_zig", lambda: None)


def test_the_option_goes_before_the_variable_and_both_before_the_pinned(tmp_path: Path) -> None:
    first = script(tmp_path, "first", "clang version 15.0.1")
    second = script(tmp_path, "second", "clang version 16.0.2")
    environment = {"PATH": "/usr/bin:/bin", "EBPFC_CC": str(second)}
    assert find_compiler(str(first), environment).version == (15, 0, 1)
    assert find_compiler(None, environment).version == (16, 0, 2)


def test_an_empty_variable_counts_as_none(no_pinned: None) -> None:
    assert code_of(None, {**NOWHERE_PATH, "EBPFC_CC": ""}) == "PF0901"


def test_no_compiler_at_all_says_what_to_install(no_pinned: None) -> None:
    with pytest.raises(ToolchainError) as caught:
        find_compiler(None, NOWHERE_PATH)
    assert caught.value.diagnostic.code == "PF0901"
    assert any("ebpfc[clang]" in hint for hint in caught.value.diagnostic.hints)


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="the extra ebpfc[clang] is not installed")
def test_the_pinned_compiler_needs_no_path() -> None:
    assert find_compiler(None, NOWHERE_PATH).name == "ziglang"


def test_the_newest_clang_on_path_wins(tmp_path: Path, no_pinned: None) -> None:
    script(tmp_path, "clang-15", "clang version 15.0.0")
    script(tmp_path, "clang-18", "Some Linux clang version 18.1.3 (build 7)")
    environment = {"PATH": str(tmp_path)}
    assert find_compiler(None, environment).version == (18, 1, 3)
    script(tmp_path, "clang", "clang version 21.1.0")
    assert find_compiler(None, environment).version == (21, 1, 0)


def test_a_broken_clang_on_path_is_passed_over(tmp_path: Path, no_pinned: None) -> None:
    script(tmp_path, "clang-19", "cannot open shared object", status=127)
    script(tmp_path, "clang-14", "clang version 14.0.6")
    assert find_compiler(None, {"PATH": str(tmp_path)}).version == (14, 0, 6)


@pytest.mark.parametrize("cc", ["no-such-compiler", "/nonexistent/clang", "", " ", "'", "/", "a\0b", "\udcff"])
def test_what_cannot_be_run(cc: str) -> None:
    assert code_of(cc, {"PATH": "/usr/bin:/bin"}) == "PF0902"


def test_what_is_no_clang_or_too_old(tmp_path: Path) -> None:
    assert code_of(str(script(tmp_path, "gcc", "gcc (GCC) 12.2.0")), {}) == "PF0903"
    assert code_of(str(script(tmp_path, "old", "clang version 13.0.1")), {}) == "PF0903"
    assert code_of(str(script(tmp_path, "loud", "clang version 19.0.0", status=1)), {}) == "PF0903"


def test_a_path_with_spaces_and_quotes_is_one_word(tmp_path: Path) -> None:
    folder = tmp_path / "a folder; rm -rf $HOME 'x\""
    folder.mkdir()
    program = script(folder, "my clang", "clang version 17.0.0")
    assert find_compiler(str(program), {}).command == (str(program),)


def test_a_relative_name_is_found_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "mine", "clang version 17.0.0")
    monkeypatch.chdir(tmp_path)
    assert find_compiler("./mine", {}).command == (str(tmp_path / "mine"),)


def test_words_after_the_name_are_kept(tmp_path: Path) -> None:
    program = script(tmp_path, "ccache", "clang version 17.0.0")
    assert find_compiler(f"{program} clang-17", {}).command == (str(program), "clang-17")
