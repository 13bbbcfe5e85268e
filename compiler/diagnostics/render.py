"""Diagnostics → text for a terminal, or records for a program.

In: diagnostics and the sources that their spans point into. Out: what to print, each finding with the line that it is
about and the place underlined; or a list of dicts for `--json`. Sources, paths and names are hostile until shown
through `visible`. Pure: nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.diagnostics.model import Diagnostic, Severity
from ebpfc.compiler.diagnostics.visible import cells, visible
from ebpfc.compiler.source import SourceMap

MAX_COLUMNS = 110
"""Columns of a source line that are shown; of a longer one, those around the place."""
_CONTEXT = 40  # columns before the place in such a line
_MAX_CARETS = 80

_RESET, _BOLD, _RED, _YELLOW, _BLUE = "\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m"
_STYLES: dict[Severity, str] = {"error": _RED, "warning": _YELLOW, "note": _BLUE}


@dataclass(frozen=True, slots=True)
class _Pen:
    """Puts colour round text that is safe already, or leaves it."""

    colour: bool

    def paint(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self.colour and text else text


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    line: int
    column: int
    end_line: int
    end_column: int


def render_text(diagnostics: Iterable[Diagnostic], sources: SourceMap, colour: bool) -> str:
    """All diagnostics in the order given, a blank line between two of them; ends with a line end unless empty."""
    pen = _Pen(colour)
    return "\n".join(_render(diagnostic, sources, pen) for diagnostic in diagnostics)


def render_json(diagnostics: Iterable[Diagnostic], sources: SourceMap) -> list[dict[str, Any]]:
    """One dict a diagnostic; lines and columns count from 1, columns in characters, ends are exclusive."""
    return [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            **_json_place(diagnostic.span, sources),
            "label": diagnostic.label,
            "hints": list(diagnostic.hints),
            "related": [{"text": item.text, **_json_place(item.span, sources)} for item in diagnostic.related],
            "raw": diagnostic.raw,
        }
        for diagnostic in diagnostics
    ]


def _render(diagnostic: Diagnostic, sources: SourceMap, pen: _Pen) -> str:
    style = _STYLES[diagnostic.severity]
    title = pen.paint(style, f"{diagnostic.severity}[{visible(diagnostic.code)}]")
    lines = [title + pen.paint(_BOLD, f": {visible(diagnostic.message)}")]
    places = [_place(span, sources) for span in (diagnostic.span, *(item.span for item in diagnostic.related))]
    margin = max([len(str(place.line)) for place in places if place is not None], default=1)
    bar = " " * (margin + 1) + pen.paint(_BLUE, "|")
    lines += _excerpt(diagnostic.span, diagnostic.label, style, sources, pen, margin)
    for number, hint in enumerate(diagnostic.hints):
        if number == 0 and places[0] is not None:
            lines.append(bar)
        lines.append(" " * (margin + 1) + pen.paint(_BLUE, "= ") + pen.paint(_BOLD, "help: ") + visible(hint))
    for item in diagnostic.related:
        lines.append(pen.paint(_BOLD, "note: ") + visible(item.text))
        lines += _excerpt(item.span, "", _BLUE, sources, pen, margin)
    return "".join(line + "\n" for line in lines)


def _excerpt(span: Span, label: str, style: str, sources: SourceMap, pen: _Pen, margin: int) -> list[str]:
    """The place, its line, and the underline with the label; nothing for a span that is nowhere."""
    place = _place(span, sources)
    if place is None:
        return []
    gutter = " " * (margin + 1) + pen.paint(_BLUE, "|")
    text = sources.line_text(span.file, place.line)
    last = place.end_column if place.end_line == place.line else len(text) + 1
    shown, before, under = _window(text, place.column - 1, max(last - 1, place.column))
    marks = " " * before + pen.paint(style, "^" * under + (f" {visible(label)}" if label else ""))
    return [
        " " * margin + pen.paint(_BLUE, "--> ") + f"{visible(place.path)}:{place.line}:{place.column}",
        gutter,
        pen.paint(_BLUE, f"{place.line:>{margin}} |") + f" {shown}",
        f"{gutter} {marks}",
    ]


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """What is shown of the line, and in columns where characters start..end of it begin and how far they reach."""
    first = 0
    if len(line) > MAX_COLUMNS:  # only what can be seen is looked at: a line may be 16 MB
        first = max(0, min(start - _CONTEXT, len(line) - MAX_COLUMNS))
    row = cells(line[first : first + 2 * MAX_COLUMNS])
    before = sum(cell.width for cell in row[: start - first])
    under = sum(cell.width for cell in row[start - first : end - first])
    shown, columns = "", 0
    for count, cell in enumerate(row):
        if columns + cell.width > MAX_COLUMNS:
            under = min(under, MAX_COLUMNS - before)
            shown += "..."
            break
        shown += cell.text
        columns += cell.width
        if count + 1 == len(row) and first + count + 1 < len(line):
            shown += "..."
    if first:
        shown, before = "..." + shown, before + 3
    return shown.rstrip(), before, min(max(under, 1), _MAX_CARETS)


def _place(span: Span, sources: SourceMap) -> _Place | None:
    if not 0 <= span.file < len(sources.files):
        return None
    source = sources.files[span.file]
    start = min(max(span.start, 0), len(source.text))
    end = min(max(span.end, start), len(source.text))
    line, column = sources.position(Span(span.file, start, end))
    end_line, end_column = sources.position(Span(span.file, end, end))
    return _Place(source.path, line, column, end_line, end_column)


def _json_place(span: Span, sources: SourceMap) -> dict[str, Any]:
    place = _place(span, sources)
    if place is None:
        return {"file": None, "line": None, "column": None, "end_line": None, "end_column": None}
    return {
        "file": place.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }
