"""Compiling: the same bytes everywhere, nothing left behind, and each way to fail in words of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ebpfc.compiler.toolchain.build import CompiledPolicy
from ebpfc.compiler.toolchain.cc import compile_c, printable_lines, rule_file_name, without_line_directives
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.testing.waiting import comes_true


def failure(
    policy: CompiledPolicy, compiler: Compiler, c_text: str | None = None, timeout: float = 30
) -> ToolchainError:
    with pytest.raises(ToolchainError) as caught:
        compile_c(policy.c_text if c_text is None else c_text, policy.line_files, compiler, timeout=timeout)
    return caught.value


def test_the_same_bytes_whatever_the_folder_home_and_environment(
    policy: CompiledPolicy, each_compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compile_c(policy.c_text, policy.line_files, each_compiler)
    odd = tmp_path / "a=b c;$(x)"
    odd.mkdir()
    monkeypatch.chdir(odd)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("TMPDIR", str(odd))
    monkeypatch.setattr("tempfile.tempdir", None)
    for name in ("CPATH", "C_INCLUDE_PATH", "CCC_OVERRIDE_OPTIONS", "CFLAGS"):
        monkeypatch.setenv(name, "#^-O0")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert compile_c(policy.c_text, policy.line_files, each_compiler) == first
    assert list(odd.iterdir()) == []
    assert str(tmp_path).encode() not in first


def test_nothing_of_the_machine_is_in_the_object(policy: CompiledPolicy, each_compiler: Compiler) -> None:
    made = compile_c(policy.c_text, policy.line_files, each_compiler)
    for word in (b"/tmp", b"/root", b"/home", str(Path.cwd()).encode()):
        assert word not in made


def test_the_rule_s_own_text_is_in_the_object(policy: CompiledPolicy, compiler: Compiler) -> None:
    made = compile_c(policy.c_text, policy.line_files, compiler)
    assert b"drop proto 6\0" in made
    assert b"keep TCP out" not in made


def test_a_clang_without_the_bpf_target(policy: CompiledPolicy, fake_compiler: Callable[[str], Compiler]) -> None:
    words = 'error: unable to create target: "No available targets are compatible with triple bpfel"'
    assert failure(policy, fake_compiler(f"echo '{words}' >&2; exit 1")).diagnostic.code == "PF0904"


def test_refused_c_is_said_to_be_our_bug_with_the_words_apart(policy: CompiledPolicy, compiler: Compiler) -> None:
    found = failure(policy, compiler, policy.c_text + "\nint broken(void) { return no_such; }\n").diagnostic
    assert found.code == "PF0905"
    assert "no_such" not in found.message
    assert "no_such" in found.raw
    assert any("bug of ebpfc" in hint for hint in found.hints)


def test_a_warning_is_an_error(policy: CompiledPolicy, compiler: Compiler) -> None:
    c_text = policy.c_text + "\nint late(void) { int unused; return 0; }\n"
    assert failure(policy, compiler, c_text).diagnostic.code == "PF0905"


def test_too_much_stack_is_said_to_be_the_policy_s_size(policy: CompiledPolicy, compiler: Compiler) -> None:
    c_text = policy.c_text + (
        '\nSEC("xdp") int pf_big(struct xdp_md *ctx)'
        "{ volatile u8 big[4096]; big[ctx->data & 4095] = 1; return big[7]; }\n"
    )
    assert failure(policy, compiler, c_text).diagnostic.code == "PF0908"


@pytest.mark.parametrize(
    "body",
    [
        "kill -SEGV $$",
        "echo 'fatal error: error in backend' >&2; echo 'PLEASE submit a bug report to ...' >&2; exit 70",
        "exit 0",
        "exit 3",
        "printf '\\377\\376\\033[31m\\000 garbage' >&2; exit 1",
        "yes garbage | head -c 3000000; exit 1",
    ],
)
def test_a_compiler_that_crashes_or_talks_nonsense(
    policy: CompiledPolicy, fake_compiler: Callable[[str], Compiler], body: str
) -> None:
    found = failure(policy, fake_compiler(body)).diagnostic
    assert found.code == "PF0906"
    assert len(found.raw) <= 256 * 1024


def test_a_compiler_that_hangs_is_ended_with_its_children(
    policy: CompiledPolicy, fake_compiler: Callable[[str], Compiler], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    found = failure(policy, fake_compiler(f"sleep 60 & echo $! > {pid_file}; wait"), timeout=3).diagnostic
    assert found.code == "PF0906"
    assert time.monotonic() - began < 30
    child = int(pid_file.read_text())
    assert comes_true(lambda: has_ended(child))


def has_ended(number: int) -> bool:
    """Also where nobody has asked how: a zombie (proc_pid_stat(5))."""
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_child_that_keeps_the_pipe_open_holds_nothing_up(
    policy: CompiledPolicy, fake_compiler: Callable[[str], Compiler]
) -> None:
    began = time.monotonic()
    failure(policy, fake_compiler("sleep 30 & exit 1"))
    assert time.monotonic() - began < 20


def test_the_compiler_gets_no_standard_input_and_a_clean_environment(
    policy: CompiledPolicy, fake_compiler: Callable[[str], Compiler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "leaks")
    found = failure(policy, fake_compiler("cat; env; exit 1")).diagnostic
    assert "leaks" not in found.raw
    assert "LC_ALL=C" in found.raw


def test_no_place_for_temporary_files(
    policy: CompiledPolicy, compiler: Compiler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert failure(policy, compiler).diagnostic.code == "PF0907"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("rules.pf", "0-rules.pf"),
        ("/etc/x/../edge v2.pf", "0-edge_v2.pf"),
        ('a"b\nc\\.pf', "0-a_b_c_.pf"),
        ("..", "0-.."),
        ("-o", "0--o"),
        ("\u2028\u202e*/.pf", "0-.pf"),
        ("x/", "0-rules"),
        ("x" * 5000 + ".pf", "0-" + "x" * 61 + ".pf"),
        ("caf\u00e9.pf", "0-caf_.pf"),
        ("\udcff", "0-_"),
    ],
)
def test_names_of_rule_files_are_harmless(path: str, name: str) -> None:
    assert rule_file_name(0, path) == name


@pytest.mark.parametrize("name", ["../0-x", "0-a/b", "x", "0-", "policy.c", "0-a\n", '0-"', "0-" + "x" * 65])
def test_other_names_are_refused(policy: CompiledPolicy, compiler: Compiler, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        compile_c(policy.c_text, [(name, b"")], compiler)


def test_directives_go_and_lines_stay() -> None:
    assert without_line_directives('a\n#line 3 "0-x"\nb // #line 4\n') == "a\n\nb // #line 4\n"


def test_copies_of_rules_hold_printable_text_on_the_same_lines() -> None:
    hostile = 'a\x1b[31m\u2028b\r\nc\td\x00\\\n*/ ??/ "\x07'.encode()
    kept = printable_lines(hostile)
    assert kept.count(b"\n") == hostile.count(b"\n")
    assert all(32 <= byte < 127 or byte == 10 for byte in kept)
    assert kept.split(b"\n")[1] == b"c d?\\"


def test_hostile_rule_text_compiles_and_stays_text(policy: CompiledPolicy) -> None:
    rules = b'hook xdp\n#include "/etc/passwd"\ndrop proto 6 # */ \\ ??/ \x1b[31m\n'
    made = compile_c(policy.c_text, [("0-rules.pf", rules)], find_compiler(None))
    assert b"\x1b[" not in made
    assert b"root:" not in made
