"""Text made to hurt, wherever a user may write: it reaches neither C, nor a path, nor a shell, nor the terminal.

The C of a hostile policy, its comments and `#line` apart, is the C of the same policy in harmless words; the object's
instructions are the same bytes. A policy that the language does not take ends in a diagnostic, and leaves nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ebpfc.cli.main import main
from ebpfc.compiler.toolchain.elf import read_elf
from ebpfc.compiler.toolchain.inspect import inspect_object

ROOT = Path(__file__).parents[2]

HOSTILE = {
    "end of a comment": "*/ int x; /*",
    "newline": "\nint x;",
    "carriage return": "\rint x;",
    "trailing backslash": "x\\",
    "trigraph of a backslash": "x??/",
    "trigraph of a hash": "??=error",
    "quotes": "\"'`",
    "NUL": "a\0b",
    "line separator": "a\u2028#error",
    "next line": "a\x85#error",
    "override of direction": "\u202e;x tni",
    "escape sequence": "\x1b[2J\x1b]0;x\x07",
    "shell": "$(touch pwned) `touch pwned`; touch pwned",
    "path": "../../../tmp/pwned",
    "template": "{{ 7 * 7 }} {% include 'x' %} {# #}",
    "format": "%s%n%d",
    "directive": "\n#include \"/etc/passwd\"\n#line 1 \"x\"",
    "lone surrogate": "\udcff",
}  # fmt: skip
each_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "outer" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    return work


def write(path: Path, text: str) -> None:
    """Every character as it is: line ends, and bytes that are no UTF-8."""
    path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def quoted(text: str) -> str:
    """As a string of the language: escapes where it has them."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + re.sub(r"[\0\x07\x1b\x85]", lambda found: f"\\x{ord(found[0]):02x}", text) + '"'


def code_of(c_text: str) -> str:
    """The C without what the compiler does not read: comments, of which each ends as it began, and `#line`."""
    without = re.sub(r"//[^\n]*|/\*.*?\*/", "", c_text, flags=re.DOTALL)
    return "\n".join(re.sub(r"^#line.*", "", line).rstrip() for line in without.splitlines())


def sections_of(path: Path) -> dict[str, bytes]:
    """The object's instructions and data that loads."""
    elf = read_elf(path.read_bytes())
    return {one.name: one.data for one in elf.sections if one.name in ("xdp", ".text", ".rodata", "license")}


def give(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(["-o", "out.o", "--emit-c", "out.c", "--color", "never", *argv])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    for shown in (printed.out, printed.err):
        assert re.sub(r"[\n\t]", "", shown).isprintable(), shown
    assert status in (0, 1), printed.err
    return status, printed.out, printed.err


def assert_same_code(hostile: Path, harmless: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both have been compiled to out.o and out.c beside them."""
    text = (hostile / "out.c").read_text("ascii")
    assert re.sub(r"[\n\t]", "", text).isprintable()
    assert "\\\n" not in re.sub(r"^#define.*(?:\\\n.*)*", "", text, flags=re.MULTILINE) and "??" not in text
    assert code_of(text) == code_of((harmless / "out.c").read_text("ascii"))
    assert sections_of(hostile / "out.o") == sections_of(harmless / "out.o")
    assert main(["inspect", str(hostile / "out.o")]) == 0
    assert re.sub(r"[\n\t]", "", capsys.readouterr().out).isprintable()


def compiled_beside(folder: Path, capsys: pytest.CaptureFixture[str], **files: str) -> Path:
    """Compiles main.pf among these files in a folder of its own."""
    other = folder.parent / "harmless"
    other.mkdir()
    for name, text in files.items():
        (other / name.replace("_", ".")).write_text(text)
    old = Path.cwd()
    os.chdir(other)
    try:
        assert give(capsys, "main.pf")[0] == 0
    finally:
        os.chdir(old)
    return other


def assert_nothing_written(folder: Path, *expected: str) -> None:
    assert not (folder / "out.o").exists() and not (folder / "out.c").exists()
    assert {path.name for path in folder.iterdir()} == set(expected)
    assert not list(folder.parents[1].rglob("pwned*"))


@each_text
def test_a_rule_s_name(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A name is letters, digits and `_`: whatever else is refused."""
    write(folder / "main.pf", f"x{text}: drop tcp\npass\n")
    status, _, printed = give(capsys, "main.pf")
    assert status == 1 and "error[PF" in printed
    assert_nothing_written(folder, "main.pf")


@each_text
def test_a_string(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    rules = f"drop tcp then count {quoted(text)}\npass\n"
    write(folder / "main.pf", rules)
    status, _, printed = give(capsys, "main.pf")
    if status == 1:
        assert "error[PF" in printed
        assert_nothing_written(folder, "main.pf")
        return
    harmless = compiled_beside(folder, capsys, main_pf='drop tcp then count "x"\npass\n')
    assert_same_code(folder, harmless, capsys)
    manifest = inspect_object((folder / "out.o").read_bytes()).manifest
    assert manifest is not None
    assert [one["name"] for one in manifest["counters"] if one["name"] is not None] == [text]


def test_most_strings_are_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the test above does not pass by refusing all."""
    for name in ("end of a comment", "newline", "trailing backslash", "trigraph of a backslash", "quotes", "shell"):
        (folder / "main.pf").write_text(f"drop tcp then count {quoted(HOSTILE[name])}\npass\n")
        assert give(capsys, "main.pf")[0] == 0, name


@each_text
def test_a_comment(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A newline ends the comment: what stands behind it is read as rules, and refused."""
    rules = f"drop tcp # {text}\npass # {text}\n"
    write(folder / "main.pf", rules)
    status, _, printed = give(capsys, "main.pf")
    if status == 1:
        assert "error[PF" in printed
        assert_nothing_written(folder, "main.pf")
        return
    assert_same_code(folder, compiled_beside(folder, capsys, main_pf="drop tcp\npass\n"), capsys)


@each_text
def test_a_file_s_name(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Of the policy itself; those with `/` or NUL in them are no names of a file here."""
    name = text.replace("/", "_").replace("\0", "_") + ".pf"
    Path(name).write_text("drop tcp\npass\n")
    assert give(capsys, "--", name)[0] == 0
    manifest = inspect_object((folder / "out.o").read_bytes()).manifest
    assert manifest is not None and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", manifest["policy"])
    assert {path.name for path in folder.iterdir()} == {"out.o", "out.c", name}
    assert_same_code(folder, compiled_beside(folder, capsys, main_pf="drop tcp\npass\n"), capsys)


@each_text
def test_the_name_of_an_included_file_and_of_a_file_of_values(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    name = text.replace("/", "_").replace("\0", "_")
    Path(name + ".inc").write_text("drop udp\n")
    Path(name + ".txt").write_text("10.0.0.1\n")
    rules = f"include {quoted(name + '.inc')}\nlet bad = file {quoted(name + '.txt')}\ndrop src host bad\npass\n"
    write(folder / "main.pf", rules)
    status, _, printed = give(capsys, "main.pf")
    if status == 1:
        assert "error[PF" in printed
        assert_nothing_written(folder, "main.pf", name + ".inc", name + ".txt")
        return
    harmless = compiled_beside(
        folder,
        capsys,
        main_pf='include "a.inc"\nlet bad = file "b.txt"\ndrop src host bad\npass\n',
        a_inc="drop udp\n",
        b_txt="10.0.0.1\n",
    )
    assert_same_code(folder, harmless, capsys)


@each_text
def test_a_path_in_a_policy(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """What is included is named by the policy; a name of no file, or one outside, is told and not opened."""
    (folder.parents[1] / "pwned").write_text("pass\n")
    write(folder / "main.pf", f"include {quoted(text)}\npass\n")
    status, _, printed = give(capsys, "main.pf")
    assert status == 1 and "error[PF" in printed
    (folder.parents[1] / "pwned").unlink()
    assert_nothing_written(folder, "main.pf")


@each_text
def test_an_expression_of_the_command_line(folder: Path, text: str) -> None:
    """By the real command, as no shell of ours is in between; an argument cannot hold NUL."""
    expression = text.replace("\0", "\x01")
    done = subprocess.run(
        [sys.executable, "-m", "ebpfc", "-o", "out.o", "-e", f"tcp and {expression}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        errors="surrogateescape",
    )
    assert done.returncode == 1 and "error[PF" in done.stderr, done.stderr
    assert re.sub(r"[\n\t]", "", done.stderr).isprintable()
    assert_nothing_written(folder)


@each_text
def test_messages_as_json(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    write(folder / "main.pf", f"drop tcp dst port {text} 70000\n")
    assert main(["check", "main.pf", "--json"]) == 1
    printed = capsys.readouterr().out
    assert printed.isascii() or printed.replace("\n", "").isprintable()
    assert json.loads(printed)["diagnostics"]
