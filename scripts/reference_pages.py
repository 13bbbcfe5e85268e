"""Writes the pages that are tables of the code: docs/fields.md (the field table), docs/names.md (words, and names that
stand for numbers), docs/errors/README.md (the codes) and docs/tcpdump.md (pcap-filter(7) line by line).

`python scripts/reference_pages.py` writes them (`make docs`); a test says when they have fallen behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ebpfc.compiler import names
from ebpfc.compiler.diagnostics.codes import CODES
from ebpfc.compiler.fields import FIELDS, PROTOCOLS, Field
from ebpfc.grammar import RESERVED_WORDS
from ebpfc.testing.pcap_page import render_tcpdump

DOCS = Path(__file__).parents[1] / "docs"
GROUPS = {
    "PF01": "Files and sources",
    "PF02": "Syntax",
    "PF03": "Names",
    "PF04": "Values",
    "PF05": "Scope of encapsulations",
    "PF06": "Not built yet, or not possible",
    "PF07": "Hooks",
    "PF08": "Warnings and notes",
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


def _listed(table: Mapping[str, int], hexadecimal: bool = False) -> str:
    """`http` 80, `https` 443: one paragraph, by number."""
    ordered = sorted(table.items(), key=lambda entry: (entry[1], entry[0]))
    return ", ".join(f"`{name}` {number:#06x}" if hexadecimal else f"`{name}` {number}" for name, number in ordered)


def render_names() -> str:
    """The page of reserved words and of every name that stands for a number."""
    lines = [
        "# Names",
        "",
        "What a word stands for is fixed in the compiler, so that a policy means the same on every machine: nothing is",
        "looked up in `/etc/services`, `/etc/protocols` or a resolver. `make docs` writes this page from",
        "`grammar/rules.lark` and `compiler/names.py`.",
        "",
        "## Words of the language",
        "",
        "Reserved: none of them can be the name of a rule, a set or a match.",
        "",
        ", ".join(f"`{word}`" for word in sorted(RESERVED_WORDS)),
        "",
        "## Constants",
        "",
        "In arithmetic (`tcp[tcpflags]`, `icmp[icmptype] == icmp-echo`), as in pcap-filter(7); no name of a `let`.",
        "",
        ", ".join(f"`{name}` {number}" for name, number in names.PCAP_CONSTANTS.items()),
        "",
        "## Values of fields",
        "",
        "Beside their field (`ip.dscp == ef`, `icmp.type in {echo-request, echo-reply}`), as in nft(8).",
        "",
    ]
    shared = {id(names.IP_PROTOCOLS): "protocols", id(names.ETHERTYPES): "ethertypes", id(names.SERVICES): "services"}
    for (proto, field), table in names.FIELD_NAMES.items():
        where = shared.get(id(table))
        words = _listed(table) if where is None else f"[{where}](#{where})"
        lines.append(f"- `{proto}.{field}`: {words}")
    for heading, what, table, hexadecimal in (
        ("Protocols", "After `proto`, `ip proto`, `ip6 proto`.", names.IP_PROTOCOLS, False),
        ("EtherTypes", "After `ether proto`.", names.ETHERTYPES, True),
        ("Services", "After `port`, `portrange`, and beside ports.", names.SERVICES, False),
    ):
        lines += ["", f"## {heading}", "", f"{what} None of them can be the name of a `let`.", ""]
        lines.append(_listed(table, hexadecimal))
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


PAGES = {
    DOCS / "fields.md": render_fields,
    DOCS / "names.md": render_names,
    DOCS / "errors" / "README.md": render_errors,
    DOCS / "tcpdump.md": render_tcpdump,
}


def main() -> None:
    for path, render in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(render())


if __name__ == "__main__":
    main()
