"""Where a match means something else than tcpdump's filter of the same words: notes, one a difference that is met.

In: the match of a checked policy, elisions as written. Out: diagnostics of severity note, in the order of
docs/language.md, "Differences from tcpdump". The second difference (`and` beside `or`) is an error of the parser and
never comes here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ebpfc.compiler.analysis.elision import without_elisions
from ebpfc.compiler.analysis.pcap_forms import in_pcap_forms
from ebpfc.compiler.analysis.pcap_spelling import plain_spelling, tcpdump_spelling
from ebpfc.compiler.analysis.seeing_through import over_ipv4, sees_through, walks_extensions
from ebpfc.compiler.ast.nodes import (
    NOWHERE,
    And,
    Atom,
    Encap,
    IPv4,
    IPv4Range,
    IPv6,
    LengthTest,
    Match,
    Named,
    Not,
    Number,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    SetLiteral,
    Span,
)
from ebpfc.compiler.ast.printer import print_match
from ebpfc.compiler.diagnostics.model import Diagnostic
from ebpfc.compiler.fields import MAX_TAGS, PROTOCOLS

NO_SPELLING = "tcpdump has no way to write it"


@dataclass(frozen=True, slots=True)
class _Place:
    """Round a test: tags open, and whether the chains it stands in say `not vlan`, or a protocol of IPv4 or ARP."""

    tags: int = 0
    untagged: bool = False
    not_ipv6: bool = False


@dataclass(frozen=True, slots=True)
class _Test:
    """`ends`: of an encapsulation, the number of the last test in its scope."""

    atom: Atom
    place: _Place
    ends: int = -1


def pcap_differences(match: Match) -> tuple[Diagnostic, ...]:
    whole = without_elisions(match)
    tests: list[_Test] = []
    _walk(whole, _Place(), tests)
    found = (_tags(tests, whole), _extensions(tests), _missing_bytes(whole), _scope(tests, whole), _forms(tests, whole))
    return tuple(note for note in found if note is not None)


def _walk(match: Match, place: _Place, tests: list[_Test]) -> None:
    """Adds the tests of one chain, in the order of the text."""
    items = match.items if isinstance(match, And) else (match,)
    opened: list[int] = []
    place = _in_chain(items, place)
    for item in items:
        match item:
            case Encap(kind):
                opened.append(len(tests))
                tests.append(_Test(item, place))
                place = replace(place, tags=place.tags + 1) if kind == "vlan" else _Place()
            case Or(inside):
                for one in inside:
                    _walk(one, place, tests)
            case Not(inside) | Paren(inside) | Named(_, inside):
                _walk(inside, place, tests)
            case And():
                _walk(item, place, tests)
            case _:
                tests.append(_Test(item, place))
    for index in opened:
        tests[index] = replace(tests[index], ends=len(tests) - 1)


def _in_chain(items: tuple[Match, ...], place: _Place) -> _Place:
    return replace(
        place,
        untagged=place.untagged or (place.tags == 0 and any(_is_not_vlan(item) for item in items)),
        not_ipv6=place.not_ipv6 or any(_is_not_ipv6(item) for item in items),
    )


def _is_not_vlan(match: Match) -> bool:
    inside = match.match if isinstance(match, Not) else None
    while isinstance(inside, Paren):
        inside = inside.match
    return isinstance(inside, Encap) and inside.kind == "vlan" and inside.values is None


def _is_not_ipv6(match: Match) -> bool:
    match match:
        case ProtoTest(proto):
            row = PROTOCOLS.get(proto)
            over_ip = row is not None and row.level == "transport"
            return proto in ("ip", "arp", "rarp") or (row is not None and over_ip and row.ipv6 is None)
        case Primitive("ip" | "arp" | "rarp"):
            return True
        case Primitive(type="host" | "net" | None, value=value):
            items = value.items if isinstance(value, SetLiteral) else (value,)
            return all(isinstance(item, IPv4 | IPv4Range) for item in items)
        case Paren(inside):
            return _is_not_ipv6(inside)
        case _:
            return False


# ---------------------------------------------------------------------------------------------------- the differences


def _tags(tests: list[_Test], whole: Match) -> Diagnostic | None:
    met = [t.atom for t in tests if sees_through(t.atom) and t.place.tags < MAX_TAGS and not t.place.untagged]
    return _note(
        "PF0821",
        "here tags are looked through",
        met,
        "tcpdump looks behind a tag only where a `vlan` stands before it",
        (_to_mean_the_same(tcpdump_spelling(whole)),),
    )


def _extensions(tests: list[_Test]) -> Diagnostic | None:
    met = [t.atom for t in tests if walks_extensions(t.atom) and not t.place.not_ipv6]
    return _note(
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
    met = list(_alternatives(whole, positive=True))
    return _note(
        "PF0824",
        "here a missing byte leaves the rest of the match to decide",
        met,
        "of a packet cut short in here, tcpdump may say otherwise",
        (f"{NO_SPELLING}; it differs on packets cut short only",),
    )


def _alternatives(match: Match, positive: bool) -> Iterator[Match]:
    """What may be unknown while something else decides: in an `or`, or in an `and` under `not`, to the right of it."""
    match match:
        case Not(inside):
            yield from _alternatives(inside, not positive)
        case Paren(inside) | Named(_, inside):
            yield from _alternatives(inside, positive)
        case Or(items) | And(items):
            if isinstance(match, Or) == positive:
                for number, item in enumerate(items[:-1]):
                    if _reads_deep(item) and any(_reads(item) != _reads(later) for later in items[number + 1 :]):
                        yield item
                        break
            for item in items:
                yield from _alternatives(item, positive)
        case Primitive() if _needs_part(match, positive):
            yield match
        case _:
            return


def _needs_part(test: Primitive, positive: bool) -> bool:
    """tcpdump compares IPv6 addresses by 4 bytes: the first that differ decide, and a short net reads no more."""
    items = test.value.items if isinstance(test.value, SetLiteral) else (test.value,)
    return any(
        isinstance(item, IPv6) and (not positive or (item.length is not None and item.length <= 96)) for item in items
    )


def _reads_deep(match: Match) -> bool:
    """Anything beyond the EtherType?"""
    match match:
        case ProtoTest(proto):
            return proto not in PROTOCOLS or PROTOCOLS[proto].level != "net"
        case LengthTest() | Encap("vlan", None):
            return False
        case And(items) | Or(items):
            return any(_reads_deep(item) for item in items)
        case Not(inside) | Paren(inside) | Named(_, inside):
            return _reads_deep(inside)
        case _:
            return True


def _reads(match: Match) -> object:
    """Two tests of which this is equal read the same bytes; without a direction the second may not be read."""
    match match:
        case Primitive(proto, "src" | "dst" as direction, kind):
            return proto, direction, "port" if kind == "portrange" else kind
        case Primitive(proto, None, "proto"):
            return proto, "proto"
        case Encap("vlan"):
            return "vlan"
        case Paren(inside):
            return _reads(inside)
        case _:
            return id(match)


def _scope(tests: list[_Test], whole: Match) -> Diagnostic | None:
    met = [t.atom for t in tests if isinstance(t.atom, Encap) and any(_is_moved(u.atom) for u in tests[t.ends + 1 :])]
    return _note(
        "PF0825",
        "here an encapsulation ends with its `and` chain",
        met,
        "in tcpdump, all to the right of it reads what is inside",
        (_to_mean_the_same(tcpdump_spelling(whole)),),
    )


def _is_moved(atom: Atom) -> bool:
    return sees_through(atom) or isinstance(atom, Encap | Primitive)


def _forms(tests: list[_Test], whole: Match) -> Diagnostic | None:
    met = [t.atom for t in tests if not (isinstance(t.atom, Encap) or in_pcap_forms(t.atom) == t.atom)]
    text = plain_spelling(whole)
    return _note(
        "PF0820",
        "a form that tcpdump does not have",
        met,
        "tcpdump refuses this",
        (f"for tcpdump write `{text}`" if text is not None else NO_SPELLING,),
    )


def _note(code: str, message: str, met: Sequence[Match], label: str, hints: tuple[str, ...]) -> Diagnostic | None:
    """At the first place that meets it; how many others there are stands in the label."""
    if not met:
        return None
    places = sorted({span for item in met if (span := _span_of(item)) != NOWHERE})
    more = f" ({len(places) - 1} more)" if len(places) > 1 else ""
    return Diagnostic(code, "note", message, places[0] if places else NOWHERE, label + more, hints)


def _span_of(match: Match) -> Span:
    return match.span


def _to_mean_the_same(text: str | None) -> str:
    return NO_SPELLING if text is None else f"for tcpdump to mean the same, write `{text}`"
