"""Drawing: the place underlined, and nothing of a hostile source reaches the terminal as it is."""

from __future__ import annotations

import json

import pytest

from ebpfc.compiler.ast.nodes import NOWHERE, Span
from ebpfc.compiler.diagnostics.model import Diagnostic, Related
from ebpfc.compiler.diagnostics.render import MAX_COLUMNS, render_json, render_text
from ebpfc.compiler.diagnostics.visible import REPLACEMENT, visible
from ebpfc.compiler.source import SourceMap


def source(text: str, path: str = "rules.pf") -> SourceMap:
    sources = SourceMap()
    sources.add_text(path, text)
    return sources


def drawn(text: str, start: int, end: int, label: str = "") -> list[str]:
    item = Diagnostic("PF0201", "error", "wrong", Span(0, start, end), label)
    return render_text([item], source(text), colour=False).splitlines()


def test_a_diagnostic_is_drawn_whole() -> None:
    item = Diagnostic(
        "PF0210",
        "error",
        "`drop` is a word of the language",
        Span(0, 9, 13),
        "a keyword",
        ("choose another name",),
        (Related(Span(0, 0, 4), "first made here"),),
    )
    assert render_text([item], source("pass\nlet drop = 5\n"), colour=False) == (
        "error[PF0210]: `drop` is a word of the language\n"
        " --> rules.pf:2:5\n"
        "  |\n"
        "2 | let drop = 5\n"
        "  |     ^^^^ a keyword\n"
        "  |\n"
        "  = help: choose another name\n"
        "note: first made here\n"
        " --> rules.pf:1:1\n"
        "  |\n"
        "1 | pass\n"
        "  | ^^^^\n"
    )


def test_nothing_to_say_is_nothing() -> None:
    assert render_text([], source(""), colour=False) == ""


def test_a_diagnostic_without_a_place_has_no_excerpt() -> None:
    item = Diagnostic("PF0101", "error", "no such file: x", NOWHERE, "not found", ("check the path",))
    assert render_text([item], SourceMap(), colour=False) == (
        "error[PF0101]: no such file: x\n  = help: check the path\n"
    )


def test_colour_adds_escapes_and_nothing_else() -> None:
    import re

    item = Diagnostic("PF0801", "warning", "unused", Span(0, 0, 4), "here", ("leave it out",))
    plain = render_text([item], source("pass\n"), colour=False)
    coloured = render_text([item], source("pass\n"), colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize(
    ("text", "start", "end", "line", "marks"),
    [
        ("drop\ttcp", 5, 8, "drop    tcp", "        ^^^"),
        ("\tdrop", 1, 5, "    drop", "    ^^^^"),
        ("日本 tcp", 3, 6, "日本 tcp", "     ^^^"),
        ("日本", 1, 2, "日本", "  ^^"),
        ("e\u0301 tcp", 3, 6, "e\u0301 tcp", "  ^^^"),
        ("a", 1, 1, "a", " ^"),
        ("", 0, 0, "", "^"),
        ("ab\r\ncd", 0, 1, "ab", "^"),
        ("ab\ncd", 1, 4, "ab", " ^"),
        ("a\x1b[31mb", 0, 1, f"a{REPLACEMENT}[31mb", "^"),
        ("a\x00b", 2, 3, f"a{REPLACEMENT}b", "  ^"),
        ("a\u202eb\u2028c\u0085d\x9be", 0, 1, f"a{REPLACEMENT}b{REPLACEMENT}c{REPLACEMENT}d{REPLACEMENT}e", "^"),
    ],
)
def test_the_place_is_underlined(text: str, start: int, end: int, line: str, marks: str) -> None:
    lines = drawn(text, start, end)
    assert lines[3] == f"1 | {line}".rstrip() or lines[3] == f"1 | {line}"
    assert lines[4] == f"  | {marks}"


@pytest.mark.parametrize("at", [0, 10, 500, 5000, 9_990])
def test_of_a_long_line_the_place_is_shown(at: int) -> None:
    text = "x" * at + "WRONG" + "y" * (10_000 - at)
    lines = drawn(text, at, at + 5)
    shown, marks = lines[3][4:], lines[4][4:]
    assert len(shown) <= MAX_COLUMNS + 6
    start = marks.index("^")
    assert shown[start : start + 5] == "WRONG"
    assert marks.strip() == "^^^^^"


def test_a_very_long_place_is_cut() -> None:
    lines = drawn("x" * 100_000, 0, 100_000, "all of it")
    assert all(len(line) < 2 * MAX_COLUMNS for line in lines)


HOSTILE = "a\x1b]0;title\x07\nb\u202ec\u2066d\r\x00\x7f\u2029"


def test_hostile_text_is_harmless_wherever_it_stands() -> None:
    item = Diagnostic(
        "PF0201", "error", HOSTILE, Span(0, 0, 3), HOSTILE, (HOSTILE,), (Related(Span(0, 1, 2), HOSTILE),)
    )
    shown = render_text([item], source(HOSTILE, path=HOSTILE), colour=False)
    assert all(character == "\n" or character.isprintable() for character in shown)
    for line in shown.splitlines():
        assert line[:1] in "en123456789 "  # our own words begin every line


def test_visible_keeps_printable_text() -> None:
    assert visible("tcp → 日本 é") == "tcp → 日本 é"
    assert visible("\u0301a") == REPLACEMENT + "a"


@pytest.mark.parametrize("span", [Span(5, 0, 1), Span(-1, 0, 0), Span(0, 50, 60), Span(0, 3, 1), Span(0, -4, -1)])
def test_spans_out_of_place_are_survived(span: Span) -> None:
    item = Diagnostic("PF0201", "error", "wrong", span)
    assert "wrong" in render_text([item], source("pass\n"), colour=False)
    assert render_json([item], source("pass\n"))[0]["message"] == "wrong"


def test_records_for_programs() -> None:
    item = Diagnostic("PF0801", "warning", "m", Span(0, 6, 9), "l", ("h",), (Related(Span(0, 0, 4), "r"),), "raw")
    records = render_json([item], source("pass\n\ntcp"))
    assert json.loads(json.dumps(records)) == [
        {
            "code": "PF0801",
            "severity": "warning",
            "message": "m",
            "file": "rules.pf",
            "line": 3,
            "column": 1,
            "end_line": 3,
            "end_column": 4,
            "label": "l",
            "hints": ["h"],
            "related": [{"text": "r", "file": "rules.pf", "line": 1, "column": 1, "end_line": 1, "end_column": 5}],
            "raw": "raw",
        }
    ]


def test_drawing_sixteen_megabytes_on_one_line_is_quick() -> None:
    import time

    started = time.process_time()
    drawn("x" * 16_000_000, 8_000_000, 16_000_000)
    assert time.process_time() - started < 1
