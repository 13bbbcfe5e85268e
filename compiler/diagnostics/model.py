"""A diagnostic: one finding about a policy, at a place, with what to write instead; and the sink that collects them.

In: findings from any stage. Out: `Sink.items` in the order of the text; `Sink.raise_if_errors` stops at a stage's end.
Messages are lower case, without full stop, and stand alone; the label says at the place what is wrong there;
each hint begins with what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ebpfc.compiler.ast.nodes import NOWHERE, Span

Severity = Literal["error", "warning", "note"]
"""A note is worth knowing and needs no mending: only what was asked for (`ebpfc lint --pcap`) gives one."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to a diagnostic: `text` says why ("included from here", "first made here")."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`code` is `PF` and four digits, a row of `diagnostics.codes.CODES`, and a page of docs/errors/."""

    code: str
    severity: Severity
    message: str
    span: Span = NOWHERE
    label: str = ""
    hints: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    raw: str = ""  # the toolchain's own words, offered on request


class PolicyError(Exception):
    """The policy is wrong (exit code 1): carries every diagnostic collected so far."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(d.message for d in diagnostics if d.severity == "error"))
        self.diagnostics = diagnostics


class Sink:
    """Collects diagnostics; a stage reports all it finds, and the pipeline stops between stages."""

    def __init__(self) -> None:
        self.items: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        span: Span = NOWHERE,
        label: str = "",
        hints: tuple[str, ...] = (),
        related: tuple[Related, ...] = (),
    ) -> None:
        self.items.append(Diagnostic(code, "error", message, span, label, hints, related))

    def warning(
        self,
        code: str,
        message: str,
        span: Span = NOWHERE,
        label: str = "",
        hints: tuple[str, ...] = (),
        related: tuple[Related, ...] = (),
    ) -> None:
        self.items.append(Diagnostic(code, "warning", message, span, label, hints, related))

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.items)

    def raise_if_errors(self) -> None:
        """Raises PolicyError with everything collected when an error is among it."""
        if self.failed:
            raise PolicyError(tuple(self.items))
