"""libclang's reading of the C: the text in, what it complains of and how its records lie in memory out.

A second opinion beside the build: it names the place of an error as data instead of text, and its record layouts must
be those that the compiler wrote into BTF. The PyPI package `libclang` may be absent, or older than the compiler: then
there is no second opinion, and the object is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ebpfc.compiler.toolchain.btf import FieldRecord, Record
from ebpfc.compiler.toolchain.cc import C_FILE_NAME

ARGUMENTS = ("-target", "bpfel", "-std=gnu11", "-ffreestanding", "-nostdinc", "-Wall", "-Wextra")
ERROR = 3  # CXDiagnostic_Error; 4 is fatal
_LINE_DIRECTIVE = re.compile(r'\s*#\s*line\s+([0-9]+)(?:\s+"([^"]*)")?')


@dataclass(frozen=True, slots=True)
class CFinding:
    """One complaint: `file` and `line` as `#line` has them, so a rule's own place where it came of a rule."""

    message: str
    file: str
    line: int
    is_error: bool


@dataclass(frozen=True, slots=True)
class ParsedC:
    """`records` maps the names of the file's structs to their layouts, in bytes."""

    findings: tuple[CFinding, ...]
    records: dict[str, Record]


def parse_c(c_text: str) -> ParsedC | None:
    """None when libclang is not installed or does not work here. Never raises for what the C holds."""
    try:
        from clang import cindex
    except ImportError:
        return None
    try:
        unit = cindex.Index.create().parse(C_FILE_NAME, args=list(ARGUMENTS), unsaved_files=[(C_FILE_NAME, c_text)])
    except (cindex.LibclangError, cindex.TranslationUnitLoadError, OSError):
        return None
    return ParsedC(tuple(_findings(unit, c_text)), {record.name: record for record in _records(cindex, unit)})


def first_error(parsed: ParsedC | None) -> CFinding | None:
    """The finding that a build most likely failed of."""
    return next((finding for finding in parsed.findings if finding.is_error), None) if parsed is not None else None


def presumed_place(c_text: str, line: int) -> tuple[str, int]:
    """File and line that `#line` gives to line `line` of the C, both counted from 1."""
    file, shift = C_FILE_NAME, 0
    for number, text in enumerate(c_text.split("\n")[: line - 1], start=1):
        if (directive := _LINE_DIRECTIVE.match(text)) is not None:
            file, shift = directive[2] or file, int(directive[1]) - number - 1
    return file, line + shift


def _findings(unit: Any, c_text: str) -> Iterator[CFinding]:
    for found in unit.diagnostics:
        file, line = presumed_place(c_text, found.location.line)
        yield CFinding(found.spelling, file, line, found.severity >= ERROR)


def _records(cindex: Any, unit: Any) -> Iterator[Record]:
    for cursor in unit.cursor.get_children():
        if cursor.kind == cindex.CursorKind.STRUCT_DECL and cursor.is_definition() and not cursor.is_anonymous():
            fields = tuple(
                FieldRecord(field.spelling, field.get_field_offsetof() // 8, max(field.type.get_size(), 0))
                for field in cursor.type.get_fields()
            )
            yield Record(cursor.spelling, cursor.type.get_size(), fields)
