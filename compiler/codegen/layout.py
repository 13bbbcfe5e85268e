"""C text as the templates leave it → the same C with tabs as a kernel developer sets them.

Templates nest; their output's white space does not follow C's. One pass over the lines sets the depth from the
braces, and one more tab under an `if`, `else` or `for` without braces and on a line that continues the last. Inside a
function a blank line is one that the template wrote as `~`.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z_]+:$")
_UNBRACED = re.compile(r"(\} )?(else )?if \(.*\)$|\} else$|else$|for \(.*\)$")
BLANK = "~"
_CONTINUES = ("||", "&&", ",", "=")


def lay_out(text: str) -> str:
    """The same tokens in the same lines."""
    out: list[str] = []
    depth, before, in_comment = 0, "", False
    for line in (raw.strip() for raw in text.split("\n")):
        if not line:
            if not depth and out and out[-1]:
                out.append("")
            continue
        if line == BLANK:
            out.append("")
            continue
        if in_comment or line.startswith(("/*", "//", "#")):
            out.append(_margin(line, depth, in_comment) + line)
            in_comment = (in_comment or line.startswith("/*")) and not line.endswith("*/")
            continue
        depth_here = depth - (1 if line.startswith("}") else 0)
        continues = before.endswith(_CONTINUES) and depth and line[0] not in "{0123456789"
        extra = 1 if _UNBRACED.match(before) or continues else 0
        margin = 0 if _LABEL.match(line) else depth_here + extra
        out.append("\t" * margin + line)
        depth += line.count("{") - line.count("}")
        before = line
    return "\n".join(out) + "\n"


def _margin(line: str, depth: int, in_comment: bool) -> str:
    if line.startswith("#"):
        return ""
    return "\t" * depth + (" " if in_comment and line.startswith("*") else "")
