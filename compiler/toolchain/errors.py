"""What the toolchain could not do: an exception that carries one diagnostic. Exit code 3.

In: a code of the PF09xx row, a message, hints, and the tool's own words. Out: `ToolchainError`, printed by the CLI as any
other diagnostic is. The tool's words are offered (`raw`), never shown alone: they speak of C that the author never wrote.
"""

from __future__ import annotations

from ebpfc.compiler.ast.nodes import NOWHERE, Span
from ebpfc.compiler.diagnostics.model import Diagnostic


class ToolchainError(Exception):
    """The policy may be right, but no object came of it."""

    def __init__(
        self, code: str, message: str, *, hints: tuple[str, ...] = (), raw: str = "", span: Span = NOWHERE, label: str = ""
    ) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, "error", message, span, label, hints, raw=raw)
