"""What the toolchain could not do: an exception that carries one diagnostic. Exit code 3.

In: a code of the PF09xx row, a message, hints, and the tool's own words. Out: `ToolchainError`, printed by the CLI as
any other diagnostic is. The tool's words are offered (`raw`), never shown alone: they speak of C that nobody wrote.
"""

from __future__ import annotations

from ebpfc.compiler.diagnostics.model import Diagnostic


class ToolchainError(Exception):
    """The policy may be right, but no object came of it."""

    def __init__(self, code: str, message: str, *, hints: tuple[str, ...] = (), raw: str = "") -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, "error", message, hints=hints, raw=raw)
