"""What a missing byte leaves unknown here while the rest of the match decides, where tcpdump says no to the packet.

In: a match of a checked policy, elisions written out. Out: its tests of which that is so. Where there is none, tcpdump
and this language say the same of a packet cut anywhere behind its Ethernet header.
"""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.analysis.seeing_through import reads_transport
from ebpfc.compiler.ast.nodes import (
    And,
    Encap,
    IPv6,
    LengthTest,
    Match,
    Member,
    Named,
    Not,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    Relation,
    SetLiteral,
    TcpFlags,
)
from ebpfc.compiler.fields import PROTOCOLS


def left_undecided(match: Match, *, positive: bool = True, inside: bool = False) -> Iterator[Match]:
    """In an `or`, or an `and` under `not`: what stands before something else. `inside`: behind a tag or in a tunnel."""
    match match:
        case Not(inner):
            yield from left_undecided(inner, positive=not positive, inside=inside)
        case Paren(inner) | Named(_, inner):
            yield from left_undecided(inner, positive=positive, inside=inside)
        case Or(items) | And(items):
            places = _places(match, inside)
            if isinstance(match, Or) == positive:
                for number, (item, place) in enumerate(zip(items[:-1], places, strict=False)):
                    if _reads_deep(item, place) and any(_reads(item) != _reads(later) for later in items[number + 1 :]):
                        yield item
                        break
            for item, place in zip(items, places, strict=True):
                yield from left_undecided(item, positive=positive, inside=place)
        case Primitive() if _needs_part(match, positive):
            yield match
        case Primitive() | Encap() | TcpFlags() | Relation() | Member() if not positive and reads_transport(match):
            yield match  # false of a later fragment, of which tcpdump reads the protocol first, behind the offset
        case _:
            return


def _places(match: Or | And, inside: bool) -> list[bool]:
    """Of each item, whether it reads something inside."""
    places: list[bool] = []
    for item in match.items:
        places.append(inside)
        inside = inside or (isinstance(match, And) and isinstance(item, Encap) and item.kind != "pppoed")
    return places


def _needs_part(test: Primitive, positive: bool) -> bool:
    """tcpdump compares IPv6 addresses by 4 bytes: the first that differ decide, and a short net reads no more."""
    items = test.value.items if isinstance(test.value, SetLiteral) else (test.value,)
    return any(
        isinstance(item, IPv6) and (not positive or (item.length is not None and item.length <= 96)) for item in items
    )


def _reads_deep(match: Match, inside: bool) -> bool:
    """Anything beyond the frame's first EtherType?"""
    match match:
        case LengthTest():
            return False
        case ProtoTest(proto) if not inside:
            return proto not in PROTOCOLS or PROTOCOLS[proto].level != "net"
        case Encap("vlan", None) | Encap("pppoed") if not inside:
            return False
        case And(items) | Or(items):
            return any(_reads_deep(item, place) for item, place in zip(items, _places(match, inside), strict=True))
        case Not(inner) | Paren(inner) | Named(_, inner):
            return _reads_deep(inner, inside)
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
