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
_OPENED = re.compile(r"if \((.*)\) \{")
_SINGLE = re.compile(r"(?!(u8|u16|u32|u64|s64|struct|if|for|case|_Pragma)\b)[^{};#/~]*;")
_CONTINUES = ("||", "&&", ",", "=")


def lay_out(text: str) -> str:
    """The same statements; what a template left empty is gone, and so are braces round one statement."""
    out: list[str] = []
    depth, before, in_comment = 0, "", False
    for line in _tidy([raw.strip() for raw in text.split("\n")]):
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


def _tidy(lines: list[str]) -> list[str]:
    """Looking back: `if (X) { } else {` is `if (!(X)) {`, `} else { }` is `}`, one statement has no braces."""
    out: list[str] = []
    for at, line in enumerate(lines):
        if not line:
            if out and out[-1]:
                out.append(line)
            continue
        code = [i for i in range(len(out) - 1, max(len(out) - 6, -1), -1) if out[i]][:2]
        last = out[code[0]] if code else ""
        opened = _OPENED.fullmatch(last)
        if line == "} else {" and opened:
            out[code[0]] = f"if (!({opened[1]})) {{"
        elif line == "}" and last == "} else {":
            out[code[0] :] = ["}"]
        elif line == "}" and len(code) == 2 and _SINGLE.fullmatch(last) and _OPENED.fullmatch(out[code[1]]):
            following = next((later for later in lines[at + 1 :] if later), "")
            if following.startswith("else"):
                out.append(line)
            else:
                out[code[1] :] = [out[code[1]][:-2], last]
        else:
            out.append(line)
    return out


def _margin(line: str, depth: int, in_comment: bool) -> str:
    if line.startswith("#"):
        return ""
    return "\t" * depth + (" " if in_comment and line.startswith("*") else "")
