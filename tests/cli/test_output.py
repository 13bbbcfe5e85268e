"""Files are written whole or not at all, and what cannot be written is refused before work begins."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from ebpfc.cli import output
from ebpfc.cli.output import OutputError, check_output, printable, wants_colour, write_output


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "out.o"
    target.write_bytes(b"old")
    write_output(str(target), b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_the_mode_is_what_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_output(str(tmp_path / "out.o"), b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "out.o").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("failing", ["fsync", "fchmod"])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "out.o"
    target.write_bytes(b"old")
    monkeypatch.setattr(f"os.{failing}", fail)
    with pytest.raises(OutputError, match="no space left"):
        write_output(str(target), b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_output(str(tmp_path / "out.o"), b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_device_or_pipe_is_written_in_place_never_replaced(tmp_path: Path) -> None:
    write_output("/dev/null", b"x")
    assert not Path("/dev/null").is_file()
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    write_output(str(link), b"x")
    assert link.is_symlink()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.o", tmp_path / "link.o"
    link.symlink_to(target)
    write_output(str(link), b"x")
    assert link.is_symlink()
    assert target.read_bytes() == b"x"


def test_the_source_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "rules.pf"
    source.write_text("drop")
    (tmp_path / "hard").hardlink_to(source)
    (tmp_path / "soft").symlink_to(source)
    monkeypatch.chdir(tmp_path)
    for name in ("rules.pf", "./rules.pf", "hard", "soft", str(source)):
        with pytest.raises(OutputError, match="source itself"):
            check_output(name, ["rules.pf"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is a folder"),
        (".", "is a folder"),
        ("new/", "is a folder"),
        ("gone/out.o", "no such folder"),
        ("file/out.o", "no such folder|not a directory"),
        ("x" * 5000, "too long"),
        ("a\0b", "not a path"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=words) as caught:
        check_output(name, [])
    assert caught.value.diagnostic.code == "PF0909"


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="no permission"):
        check_output(str(tmp_path / "out.o"), [])


@pytest.mark.parametrize("name", ["-o", "a b", 'q"\\', "\u2028", "*", "\udcff", "..o", "\n", "$(touch x)"])
def test_odd_names_are_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    check_output(name, [])
    write_output(name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_printable_text_stays_and_the_rest_is_escaped() -> None:
    assert printable('edge v2 "é" 好') == 'edge v2 "é" 好'
    assert printable("\x1b[31m\n\0\u2028\u202e\udcff\U000e0001") == r"\x1b[31m\n\x00\u2028\u202e\udcff\U000e0001"


def test_colours_follow_the_choice_then_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour("always", io.StringIO())
    assert not wants_colour("never", Terminal())
    assert not wants_colour("auto", io.StringIO())
    assert wants_colour("auto", Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour("auto", Terminal())
