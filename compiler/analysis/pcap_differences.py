"""Where a match means something else than tcpdump's filter of the same words: notes, one a difference that is met.

In: the match of a checked policy, elisions as written. Out: diagnostics of severity note, in the order of
docs/language.md, "Differences from tcpdump". The second difference (`and` beside `or`) is an error of the parser and
never comes here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ebpfc.compiler.analysis.atoms import atoms
from ebpfc.compiler.analysis.elision import without_elisions
from ebpfc.compiler.analysis.pcap_forms import PCAP_OPENS, in_pcap_forms
from ebpfc.compiler.analysis.pcap_missing_bytes import left_undecided
from ebpfc.compiler.analysis.pcap_spelling import plain_spelling, tcpdump_spelling
from ebpfc.compiler.analysis.pcap_tests import Place, Test, tests_of
from ebpfc.compiler.analysis.seeing_through import (
    over_ipv4,
    reads_ethernet,
    sees_through,
    walks_extensions,
)
from ebpfc.compiler.ast.nodes import (
    NOWHERE,
    Atom,
    Encap,
    Match,
    Number,
    Primitive,
    ProtoTest,
    Span,
)
from ebpfc.compiler.ast.printer import print_match
from ebpfc.compiler.diagnostics.model import Diagnostic
from ebpfc.compiler.fields import PROTOCOLS

NO_SPELLING = "tcpdump has no way to write it"


def pcap_differences(match: Match) -> tuple[Diagnostic, ...]:
    whole = without_elisions(match)
    tests = tests_of(whole)
    found = (
        _tags(tests, whole),
        _extensions(tests),
        _chains(tests),
        _missing_bytes(whole),
        _scope(tests, whole),
        _labels(tests),
        _alone(tests),
        _forms(tests, whole),
    )
    return tuple(note for note in found if note is not None)


# ---------------------------------------------------------------------------------------------------- the differences


def _tags(tests: list[Test], whole: Match) -> Diagnostic | None:
    met = [t.atom for t in tests if sees_through(t.atom) and t.place.may_be_tagged]
    return note(
        "PF0821",
        "here tags are looked through",
        met,
        "tcpdump looks behind a tag only where a `vlan` stands before it",
        (_to_mean_the_same(whole),),
    )


def _extensions(tests: list[Test]) -> Diagnostic | None:
    met = [t.atom for t in tests if walks_extensions(t.atom) and not t.place.not_ipv6]
    return note(
        "PF0823",
        "here IPv6 extension headers are looked through",
        met,
        "tcpdump looks right behind the IPv6 header, or at IPv4 alone",
        _extension_hints(met[0]) if met else (),
    )


def _extension_hints(atom: Atom) -> tuple[str, ...]:
    numbers: tuple[int | None, int | None] | None = None
    match atom:
        case ProtoTest(proto):
            numbers = PROTOCOLS[proto].ipv4, PROTOCOLS[proto].ipv6
        case Primitive(proto, type="proto", value=Number(number)):
            numbers = None if proto == "ip6" else number, number
    if numbers is not None:
        spelling = ("" if numbers[0] is None else f"ip proto {numbers[0]} or ") + f"ip6 protochain {numbers[1]}"
        return (f"for tcpdump write `{spelling}`, which walks headers 0, 43, 44, 60, and 51 as the last",)
    if not over_ipv4(atom):
        return (NO_SPELLING,)
    return (f"{NO_SPELLING}; of IPv4 alone both mean the same: `ip and {print_match(atom)}`",)


def _missing_bytes(whole: Match) -> Diagnostic | None:
    met = list(left_undecided(whole))
    return note(
        "PF0824",
        "here a missing byte leaves the rest of the match to decide",
        met,
        "of a packet cut short in here, tcpdump may say otherwise",
        (f"{NO_SPELLING}; it differs on packets cut short only",),
    )


def _scope(tests: list[Test], whole: Match) -> Diagnostic | None:
    met = [
        t.atom
        for t in tests
        if isinstance(t.atom, Encap)
        and t.atom.kind in PCAP_OPENS
        and any(_is_moved(u.atom, t.atom) for u in tests[t.ends + 1 :])
    ]
    return note(
        "PF0825",
        "here an encapsulation ends with its `and` chain",
        met,
        "in tcpdump, all to the right of it reads what is inside",
        (_to_mean_the_same(whole),),
    )


def _is_moved(atom: Atom, by: Encap) -> bool:
    return (
        sees_through(atom)
        or isinstance(atom, Encap | Primitive)
        or (by.kind not in ("vlan", "mpls") and reads_ethernet(atom))
    )


def _labels(tests: list[Test]) -> Diagnostic | None:
    return note(
        "PF0826",
        "here a stack of labels is looked through",
        [t.atom for t in tests if isinstance(t.atom, Encap) and t.atom.kind == "mpls" and not t.place.stack],
        "tcpdump takes this label for the last, and does not know 0x8848",
        (f"{NO_SPELLING}; of one label and EtherType 0x8847 both mean the same",),
    )


def _alone(tests: list[Test]) -> Diagnostic | None:
    return note(
        "PF0829",
        "never true of an IP packet alone, as it is inside",
        [t.atom for t in tests if t.place.alone and _is_of_ethernet(t.atom, t.place)],
        "tcpdump compares other bytes here, or refuses this",
        ("write it before what opens the packet inside",),
    )


def _is_of_ethernet(atom: Atom, place: Place) -> bool:
    """Does it ask for what only an Ethernet header, or an EtherType, announces?"""
    match atom:
        case Encap("mpls"):
            return not place.stack
        case Encap("vlan" | "pppoes" | "pppoed") | ProtoTest("stp" | "arp" | "rarp") | Primitive("arp" | "rarp"):
            return True
        case _:
            return reads_ethernet(atom)


def _chains(tests: list[Test]) -> Diagnostic | None:
    return note(
        "PF0827",
        "here a chain of headers is walked as everywhere in this language",
        [t.atom for t in tests if isinstance(t.atom, Primitive) and t.atom.type == "protochain"],
        "tcpdump walks any number of headers, 51 over IPv4, and 0, 43, 44, 51 and 60 over IPv6",
        (f"{NO_SPELLING}; it differs behind two headers 51 over IPv4, and over IPv6 behind 135, 139 and 140",),
    )


def _forms(tests: list[Test], whole: Match) -> Diagnostic | None:
    met = [t.atom for t in tests if in_pcap_forms(t.atom) != t.atom]
    text = plain_spelling(whole) or tcpdump_spelling(whole)
    return note(
        "PF0820",
        "a form that tcpdump does not have",
        met,
        "tcpdump refuses this",
        (f"for tcpdump write `{text}`" if text is not None else NO_SPELLING,),
    )


def note(code: str, message: str, met: Sequence[Match], label: str, hints: tuple[str, ...]) -> Diagnostic | None:
    """At the first place that meets it; how many others there are stands in the label."""
    if not met:
        return None
    places = sorted({span for item in met if (span := _span_of(item)) != NOWHERE})
    more = f" ({len(places) - 1} more)" if len(places) > 1 else ""
    return Diagnostic(code, "note", message, places[0] if places else NOWHERE, label + more, hints)


def _span_of(match: Match) -> Span:
    return match.span


def _to_mean_the_same(whole: Match) -> str:
    text = tcpdump_spelling(whole)
    if text is not None:
        return f"for tcpdump to mean the same, write `{text}`"
    tunnels = any(isinstance(atom, Encap) and atom.kind not in ("vlan", "pppoed") for atom in atoms(whole))
    return "no way is known to say the same to tcpdump" if tunnels else NO_SPELLING
