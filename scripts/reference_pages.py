"""Writes the pages that are tables of the code: docs/fields.md (the field table) and docs/errors/README.md (the codes).

`python scripts/reference_pages.py` writes them (`make docs`); a test says when they have fallen behind.
"""

from __future__ import annotations

from pathlib import Path

from ebpfc.compiler.diagnostics.codes import CODES
from ebpfc.compiler.fields import FIELDS, PROTOCOLS, Field

DOCS = Path(__file__).parents[1] / "docs"
GROUPS = {
    "PF01": "Files and sources",
    "PF02": "Syntax",
    "PF03": "Names",
    "PF04": "Values",
    "PF05": "Scope of encapsulations",
    "PF06": "Not built yet, or not possible",
    "PF07": "Hooks",
    "PF08": "Warnings",
    "PF09": "Toolchain",
}
KINDS = {"number": "number", "ipv4": "IPv4 address", "ipv6": "IPv6 address", "mac": "MAC address"}


def _place(field: Field) -> str:
    """Where a field's bits are: bytes from the start of its header, and the bits of the number they make."""
    last = field.offset + field.size - 1
    place = f"{field.offset}" if field.size == 1 else f"{field.offset}–{last}"
    whole = field.shift == 0 and field.bits == field.size * 8
    return place if whole else f"{place}, {field.bits} bit{'s' if field.bits > 1 else ''} from bit {field.shift}"


def render_fields() -> str:
    """The page of named fields, a table a protocol."""
    lines = [
        "# Fields",
        "",
        "The named fields of a match: `ip.ttl < 5`, `tcp.window in {0, 1}`. The names are nft's, with `-` written `_`.",
        "Places are bytes from the start of the protocol's own header; bit 0 is the lowest of the big-endian number.",
        "`make docs` writes this page from `compiler/fields.py`.",
    ]
    for protocol in PROTOCOLS.values():
        rows = [field for field in FIELDS.values() if field.proto == protocol.name]
        if not rows:
            continue
        lines += ["", f"## {protocol.name}{f' ({protocol.source})' if protocol.source else ''}", ""]
        lines += ["| field | meaning | bytes | kind |", "|---|---|---|---|"]
        for field in rows:
            place = "" if protocol.level == "meta" else _place(field)
            lines.append(f"| `{field.proto}.{field.name}` | {field.doc} | {place} | {KINDS[field.kind]} |")
    return "\n".join(lines) + "\n"


def render_errors() -> str:
    """The index of the codes, a list a group."""
    lines = [
        "# Messages",
        "",
        "Every error and warning has a code, and every code a page: what is wrong, an example, and the same mended.",
        "`make docs` writes this index from `compiler/diagnostics/codes.py`.",
    ]
    for prefix, heading in GROUPS.items():
        codes = sorted(code for code in CODES if code.startswith(prefix))
        if codes:
            lines += ["", f"## {heading}", "", *(f"- [{code}]({code}.md): {CODES[code]}" for code in codes)]
    return "\n".join(lines) + "\n"


PAGES = {DOCS / "fields.md": render_fields, DOCS / "errors" / "README.md": render_errors}


def main() -> None:
    for path, render in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(render())


if __name__ == "__main__":
    main()
