"""Reading: each thing that is no text of a policy has its own code; positions count from 1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.source import MAX_BYTES, SourceMap


def codes_of(path: Path) -> list[str]:
    sink = Sink()
    place = Span(0, 3, 5)
    assert SourceMap().read(path, sink, at=place) is None
    assert all(item.span == place for item in sink.items)
    return [item.code for item in sink.items]


def test_a_text_is_read_with_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "rules.pf"
    file.write_bytes(b"pass\r\n# \xc3\xa9\n")
    sources, sink = SourceMap(), Sink()
    assert sources.read(file, sink, shown="rules.pf") == 0
    assert sink.items == []
    (source,) = sources.files
    assert (source.path, source.text, source.raw) == ("rules.pf", "pass\r\n# é\n", b"pass\r\n# \xc3\xa9\n")


def test_a_missing_file(tmp_path: Path) -> None:
    assert codes_of(tmp_path / "nothing.pf") == ["PF0101"]
    (tmp_path / "file").write_text("pass")
    assert codes_of(tmp_path / "file" / "below.pf") == ["PF0101"]


def test_a_folder(tmp_path: Path) -> None:
    assert codes_of(tmp_path) == ["PF0102"]


def test_no_permission_as_the_system_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert codes_of(tmp_path / "x") == ["PF0103"]


@pytest.mark.parametrize("content", [b"pass\x00\n", b"\x7fELF\x02\x01\x01\x00\x00"])
def test_a_binary(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert codes_of(tmp_path / "x") == ["PF0104"]


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n\n"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert codes_of(tmp_path / "x") == ["PF0105"]


def test_sixteen_megabytes_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"#" * MAX_BYTES)
    assert SourceMap().read(file, Sink()) == 0
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    assert codes_of(file) == ["PF0106"]


def test_an_endless_file_is_no_regular_one() -> None:
    assert codes_of(Path("/dev/zero")) == ["PF0108"]


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    assert codes_of(tmp_path / "x") == ["PF0108"]


@pytest.mark.parametrize("content", ["é".encode("latin-1"), "pass".encode("utf-16-le") + b"\xff", b"\xff\xfep"])
def test_another_encoding(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content.replace(b"\x00", b"\xff"))
    assert codes_of(tmp_path / "x") == ["PF0107"]


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_what_is_no_path(path: str) -> None:
    assert codes_of(Path(path)) == ["PF0108"]


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "x")
    assert codes_of(tmp_path / "x") == ["PF0108"]


@pytest.mark.parametrize(
    ("start", "line", "column", "text"),
    [(0, 1, 1, "ab"), (2, 1, 3, "ab"), (4, 2, 1, "é\u2028c"), (6, 2, 3, "é\u2028c"), (8, 3, 1, ""), (9, 4, 1, "")],
)
def test_positions(start: int, line: int, column: int, text: str) -> None:
    sources = SourceMap()
    sources.add_text("x", "ab\r\né\u2028c\n\n")
    assert sources.position(Span(0, start, start)) == (line, column)
    assert sources.line_text(0, line) == text


def test_the_text_under_a_span() -> None:
    sources = SourceMap()
    first, second = sources.add_text("a", "pass"), sources.add_text("b", "drop tcp")
    assert (first, second) == (0, 1)
    assert sources.excerpt(Span(1, 5, 8)) == "tcp"
