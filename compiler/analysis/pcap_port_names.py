"""Names of ports where tcpdump asks the machine what they mean: at most one note.

In: a match as written, names unresolved, and the same resolved. Out: a diagnostic of severity note. tcpdump takes a
name from the machine's list of services: `port ssh` is of TCP alone where that lists `ssh` for TCP alone, and
`udp port ssh` is refused. Here a name stands for its number, of whatever protocol.
"""

from __future__ import annotations

from ebpfc.compiler.analysis.atoms import atoms
from ebpfc.compiler.analysis.elision import without_elisions
from ebpfc.compiler.analysis.pcap_differences import note
from ebpfc.compiler.analysis.pcap_spelling import plain_spelling
from ebpfc.compiler.ast.nodes import Match, Primitive, SetLiteral, Word, WordRange
from ebpfc.compiler.diagnostics.model import Diagnostic


def port_name_note(written: Match, resolved: Match) -> Diagnostic | None:
    """Of names without a protocol before `port`; with one, tcpdump means the same or refuses."""
    met = [atom for atom in atoms(without_elisions(written)) if _is_port_name(atom)]
    text = plain_spelling(resolved)
    return note(
        "PF0828",
        "here the name of a port stands for its number",
        met,
        "in tcpdump for that of the protocols that the machine's list of services gives it",
        ("write the number" if text is None else f"for tcpdump write `{text}`",),
    )


def _is_port_name(test: Match) -> bool:
    match test:
        case Primitive(None, _, "port" | "portrange", value):
            items = value.items if isinstance(value, SetLiteral) else (value,)
            return any(isinstance(item, Word | WordRange) for item in items)
        case _:
            return False
