"""Every code that a diagnostic may carry, with its title. One row here is one page of docs/errors/.

PF01xx source, PF02xx syntax, PF03xx names, PF04xx values, PF05xx scope, PF06xx not built or not possible, PF07xx hooks,
PF08xx warnings, PF09xx toolchain. A code keeps its meaning for ever: a row may go, its number does not come back.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # sources
    "PF0101": "file not found",
    "PF0102": "a folder instead of a file",
    "PF0103": "no permission to read",
    "PF0104": "binary instead of text",
    "PF0105": "empty source",
    "PF0106": "source too large",
    "PF0107": "not UTF-8",
    "PF0108": "file cannot be read",
    # syntax
    "PF0201": "unexpected word",
    "PF0202": "unexpected character",
    "PF0203": "unexpected end",
    "PF0204": "unclosed bracket",
    "PF0205": "bracket without its opener",
    "PF0206": "nesting too deep",
    "PF0207": "`and` and `or` mixed without parentheses",
    "PF0208": "`%` or `^` beside another operator without parentheses",
    "PF0209": "a word of another firewall's language",
    "PF0210": "a keyword as a name",
    "PF0211": "statement inside a block",
    "PF0212": "more than one verdict",
    "PF0213": "a word that cannot stand here",
    "PF0214": "unclosed string",
    # values
    "PF0401": "leading zero",
    "PF0402": "number too large",
    "PF0403": "bad address",
    "PF0404": "bad prefix length",
    "PF0405": "host bits set in a net",
    "PF0406": "host name",
    "PF0407": "empty range",
    "PF0408": "bad string",
    "PF0409": "bad access size",
    "PF0410": "bad TCP flags",
    # toolchain
    "PF0901": "no compiler found",
    "PF0902": "the named compiler does not run",
    "PF0903": "not a clang, or too old",
    "PF0904": "a compiler without the BPF target",
    "PF0905": "the compiler refused the C",
    "PF0906": "the compiler failed",
    "PF0907": "no place for temporary files",
    "PF0908": "policy too large to compile",
    "PF0909": "output cannot be written",
    "PF0910": "not a BPF object",
    "PF0999": "internal error",
}
