"""A match → its tests in the order of the text, each with what the chains round it say of the packet that it reads.

In: a match of a checked policy, elisions written out. Out: a `Test` for each atom, those of named matches too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile

from ebpfc.compiler.ast.nodes import (
    And,
    Atom,
    Encap,
    IPv4,
    IPv4Range,
    Match,
    Named,
    Not,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    SetLiteral,
)
from ebpfc.compiler.fields import MAX_TAGS, PROTOCOLS

_TUNNELS = ("vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes")


@dataclass(frozen=True, slots=True)
class Place:
    """Round a test: tags open, and whether the chains it stands in say `not vlan`, or a protocol of IPv4 or ARP.

    `alone`: the packet is IP's alone; `stack`: its MPLS labels have just been asked, another `mpls` asks for the next.
    """

    tags: int = 0
    untagged: bool = False
    not_ipv6: bool = False
    alone: bool = False
    stack: bool = False

    @property
    def may_be_tagged(self) -> bool:
        return self.tags < MAX_TAGS and not (self.untagged or self.alone)


@dataclass(frozen=True, slots=True)
class Test:
    """`ends`: of an encapsulation, the number of the last test in its scope."""

    atom: Atom
    place: Place
    ends: int = -1


def tests_of(match: Match) -> list[Test]:
    tests: list[Test] = []
    _walk(match, Place(), tests)
    return tests


def _walk(match: Match, place: Place, tests: list[Test]) -> None:
    """Adds the tests of one chain."""
    items = match.items if isinstance(match, And) else (match,)
    opened: list[int] = []
    place = _in_chain(items, place)
    for number, item in enumerate(items, 1):
        match item:
            case Encap():
                opened.append(len(tests))
                tests.append(Test(item, place))
                place = _in_chain(items[number:], _behind(item, place))
            case Or(inside):
                for one in inside:
                    _walk(one, place, tests)
            case Not(inside) | Paren(inside) | Named(_, inside):
                _walk(inside, place, tests)
            case And():
                _walk(item, place, tests)
            case _:
                tests.append(Test(item, place))
    for index in opened:
        tests[index] = replace(tests[index], ends=len(tests) - 1)


def _behind(encap: Encap, place: Place) -> Place:
    match encap.kind:
        case "vlan":
            return replace(place, tags=place.tags + 1, stack=False)
        case "mpls" if place.stack:
            return place
        case "pppoed":
            return place
        case "ipip" | "gtp" | "mpls" | "pppoes":
            return Place(alone=True, stack=encap.kind == "mpls")
        case _:
            return Place()


def _in_chain(items: tuple[Match, ...], place: Place) -> Place:
    """The place with what its chain says of the packet that is open, up to where the next is opened."""
    of_packet = tuple(takewhile(lambda item: not (isinstance(item, Encap) and item.kind in _TUNNELS), items))
    behind_tag = takewhile(lambda item: not (isinstance(item, Encap) and item.kind == "vlan"), of_packet)
    return replace(
        place,
        untagged=place.untagged or any(_is_not_vlan(item) for item in behind_tag),
        not_ipv6=place.not_ipv6 or any(_is_not_ipv6(item) for item in of_packet),
    )


def _is_not_vlan(match: Match) -> bool:
    inside = match.match if isinstance(match, Not) else None
    while isinstance(inside, Paren):
        inside = inside.match
    return isinstance(inside, Encap) and inside.kind == "vlan" and inside.values is None


def _is_not_ipv6(match: Match) -> bool:
    match match:
        case ProtoTest(proto, outer=False):
            row = PROTOCOLS.get(proto)
            over_ip = row is not None and row.level == "transport"
            return proto in ("ip", "arp", "rarp") or (row is not None and over_ip and row.ipv6 is None)
        case Primitive("ip" | "arp" | "rarp", outer=False):
            return True
        case Primitive(type="host" | "net" | None, value=value, outer=False):
            items = value.items if isinstance(value, SetLiteral) else (value,)
            return all(isinstance(item, IPv4 | IPv4Range) for item in items)
        case Paren(inside):
            return _is_not_ipv6(inside)
        case _:
            return False
