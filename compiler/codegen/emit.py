"""View → C text. User text reaches C only in `//` comments, through `comment_text`."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, StrictUndefined

from ebpfc.compiler.codegen.blob import Blob
from ebpfc.compiler.codegen.layout import lay_out
from ebpfc.compiler.codegen.template_code import CompiledTemplates
from ebpfc.compiler.codegen.view import PolicyView

C_NAME = "policy.c"
LINE_MARK = "@@LINE@@"
"""Where the C's own line numbers begin again behind those of the rules."""


@cache
def _environment() -> Environment:
    return Environment(
        loader=CompiledTemplates(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - C, not HTML; what users write passes comment_text
    )


def emit_c(view: PolicyView) -> str:
    """The whole C file, self-contained."""
    text = _environment().get_template("policy.c.j2").render(v=view)
    lines = lay_out(text.lstrip("\n")).split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip() == LINE_MARK:
            lines[number - 1] = f'#line {number + 1} "{C_NAME}"'
    return "\n".join([*lines, *map(_definition, view.blobs)])


def _definition(blob: Blob) -> str:
    """What a table declared above holds."""
    return f"static const union {blob.name} {blob.name} = {{.bytes =\n{blob.literal()}}};\n"


def comment_text(text: str, limit: int = 160) -> str:
    """Text fit for a `//` comment: one line of printable ASCII without backslash and question mark (trigraphs)."""
    safe = "".join(c if " " <= c <= "~" and c not in "\\?" else "." for c in " ".join(text.split()))
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."
