"""Errors of brackets and syntax → diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.diagnostics.model import Diagnostic, Related
from ebpfc.grammar import MAX_DEPTH, LayoutError

if TYPE_CHECKING:
    from lark import UnexpectedInput


def explain(error: LayoutError | UnexpectedInput, text: str, file: int) -> Diagnostic:
    if isinstance(error, LayoutError):
        span = Span(file, error.offset, error.offset + 1)
        return Diagnostic("PF0204", "error", f"{error.kind} bracket", span)
    at = min(error.pos_in_stream or 0, len(text))
    token = getattr(error, "token", None)
    length = len(token) if token is not None else 1
    return Diagnostic("PF0201", "error", "unexpected text", Span(file, at, min(at + length, len(text))))


def too_deep(span: Span) -> Diagnostic:
    return Diagnostic("PF0206", "error", f"nested more than {MAX_DEPTH} deep", span)
