"""The differences from tcpdump as a judge. In: an expression's AST, a frame. Out: what ours must say, and which apply.

docs/tcpdump.md numbers them. Each atom is asked of libpcap alone, behind as many `vlan` as the frame has tags (1),
on a frame without extension headers or over IPv4 (3), with both answers, so that neither means unknown (4); the
answers are joined by Kleene's logic (4) along `and` chains in which `vlan` opens (5). Difference 2 never comes up: the
compiler refuses such a text. Where none applies, libpcap's answer to the whole text must be ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from ebpfc.compiler.ast.nodes import (
    Access,
    And,
    Atom,
    Cast,
    Const,
    Encap,
    IPv6,
    LengthTest,
    Mac,
    Match,
    Not,
    Or,
    Paren,
    Primitive,
    ProtoTest,
    Relation,
)
from ebpfc.compiler.ast.printer import print_match
from ebpfc.testing.chain_of_headers import FIXED, Chain, follow, over_ipv4, with_next_header, without_extensions
from ebpfc.testing.libpcap import LibpcapFilter
from ebpfc.testing.relation_protocols import asked_by_libpcap, protocols_of
from ebpfc.testing.semantics.kleene import Truth, kleene_and, kleene_not, kleene_or

TAGS: Final = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
MOST_TAGS: Final = 2
IPV4: Final = b"\x08\x00"
IPV6: Final = b"\x86\xdd"
NETWORK: Final = frozenset({"ip", "ip6", "arp", "rarp"})
OVER_BOTH: Final = frozenset({"tcp", "udp", "sctp", "pim"})
"""Transports whose bytes libpcap reads over IPv4 only, and we over IPv6 too."""
TAGS_SEEN_THROUGH, CHAIN, KLEENE, SCOPE, FORGOTTEN = 1, 3, 4, 5, 6
"""Numbers of docs/tcpdump.md; FORGOTTEN is no difference of ours: libpcap goes against its own manual there."""


class NotJudgedError(Exception):
    """No spelling of the atom means the same in libpcap: one relation reads an IPv6 header and what lies behind."""


@dataclass
class Verdict:
    """`truth` is None for unknown; `differences` are the numbers of those that apply."""

    truth: Truth = None
    differences: set[int] = field(default_factory=set)


def judge(match: Match, frame: bytes, netmask: int) -> Verdict:
    """`match` has its elisions written out and its names resolved. Raises NotJudgedError."""
    reader = _Reader(_Facts.of(frame), netmask)
    reader.verdict.truth = reader.chain(match, 0)
    return reader.verdict


@dataclass(frozen=True, slots=True)
class _Facts:
    """`tags` before the type, at most two; `limit`: a third follows. `ethertype` is b"" when it is not there."""

    frame: bytes
    tags: int
    limit: bool
    ethertype: bytes
    chain: Chain | None

    @classmethod
    def of(cls, frame: bytes) -> _Facts:
        tags = 0
        while tags < MOST_TAGS and frame[12 + 4 * tags : 14 + 4 * tags] in TAGS:
            tags += 1
        ethertype = frame[12 + 4 * tags : 14 + 4 * tags]
        chain = follow(frame, 14 + 4 * tags) if ethertype == IPV6 else None
        return cls(frame, tags, ethertype in TAGS, ethertype if len(ethertype) == 2 else b"", chain)

    @property
    def network(self) -> int:
        return 14 + 4 * self.tags

    @property
    def bad_ipv4(self) -> bool:
        """A version or header length that cannot be: where the transport starts is not known (ADR 0001, rule 8)."""
        first = self.frame[self.network : self.network + 1]
        return self.ethertype == IPV4 and bool(first) and (first[0] >> 4 != 4 or first[0] & 15 < 5)

    @property
    def cut_ipv4_fragment(self) -> bool:
        """A later fragment without its protocol: libpcap asks for that first, but no fragment's transport is here."""
        header = self.frame[self.network :]
        return self.ethertype == IPV4 and len(header) in (8, 9) and bool((header[6] << 8 | header[7]) & 0x1FFF)


@lru_cache(maxsize=8192)
def _pair(text: str, tags: int, netmask: int) -> tuple[LibpcapFilter, LibpcapFilter]:
    """libpcap's filters for an atom and for its negation, behind so many tags."""
    before = "vlan and " * tags
    return (
        LibpcapFilter(f"{before}({text})", netmask, optimize=False),
        LibpcapFilter(f"{before}(not ({text}))", netmask, optimize=False),
    )


class _Reader:
    """Walks one expression over one frame; `before` counts the `vlan`s passed in the text, as libpcap does."""

    def __init__(self, facts: _Facts, netmask: int) -> None:
        self.facts, self.netmask, self.before = facts, netmask, 0
        self.verdict = Verdict()

    def chain(self, match: Match, tags: int) -> Truth:
        """One `and` chain, where so many `vlan` are open."""
        truths: list[Truth] = []
        for item in match.items if isinstance(match, And) else (match,):
            if isinstance(item, Encap):
                truths.append(self._atom(item, tags))
                self.before, tags = self.before + 1, tags + 1
            else:
                truths.append(self._inside(item, tags))
        return kleene_and(truths)

    def _inside(self, match: Match, tags: int) -> Truth:
        match match:
            case Not(inside):
                return kleene_not(self.chain(inside, tags))
            case Or(items):
                return kleene_or([self.chain(item, tags) for item in items])
            case Paren(inside):
                return self.chain(inside, tags)
            case And() | Encap():
                return self.chain(match, tags)
            case Primitive(dir="src or dst" | None, type="host" | "net" | "port" | "portrange" | None):
                return kleene_or([self._atom(side, tags) for side in _sides(match)])
            case Primitive(dir="src and dst"):
                return kleene_and([self._atom(side, tags) for side in _sides(match)])
            case _:
                return self._atom(match, tags)

    # ---------------------------------------------------------------------------------------------------------- atoms

    def _atom(self, atom: Atom, tags: int) -> Truth:
        truth = self._truth(atom, tags)
        if truth is None:
            self.verdict.differences.add(KLEENE)
        return truth

    def _truth(self, atom: Atom, tags: int) -> Truth:
        facts = self.facts
        match atom:
            case LengthTest() | Cast(proto=None | "ether"):
                return self._ask(atom, 0)
            case Primitive(value=Mac()):
                return self._ask(atom, 0)
            case Relation() if protocols_of(atom) <= {"ether"}:
                return self._ask(atom, 0)
            case Encap() | Primitive(proto="ether"):
                self._note_place(tags, tags)
                return self._ask(atom, tags)
        self._note_place(tags, facts.tags + facts.limit)
        if facts.limit:
            return None
        match atom:
            case Primitive(type="port" | "portrange"):
                return self._transport_bytes(atom)
            case Primitive(type="proto"):
                return self._protocol(atom)
            case ProtoTest(proto) if proto not in NETWORK:
                return self._protocol(atom)
            case Relation():
                truth = self._relation(atom)
                return False if truth is None and self._names_absent(atom) else truth
            case Primitive(value=IPv6()) if facts.ethertype == IPV6:
                return self._ask(atom, facts.tags) if self._whole_address(atom) else None
            case _:
                return self._ask(atom, facts.tags)

    def _note_place(self, opened: int, ours: int) -> None:
        """libpcap reads an atom behind the `vlan`s before it in the text; we behind `ours` tags.

        With fewer tags than are open, the chain is false anyway.
        """
        if self.before != opened:
            self.verdict.differences.add(SCOPE)
        elif ours > opened:
            self.verdict.differences.add(TAGS_SEEN_THROUGH)

    def _whole_address(self, test: Primitive) -> bool:
        """libpcap reads only the words of an IPv6 address that the prefix needs; a field cut short is unknown here."""
        return len(self.facts.frame) >= self.facts.network + (24 if test.dir == "src" else FIXED)

    def _protocol(self, atom: Primitive | ProtoTest) -> Truth:
        """True of the transport or of an extension header on the way: each is asked for as IPv6's next header."""
        chain, facts = self.facts.chain, self.facts
        if chain is None or not (chain.named or len(facts.frame) >= facts.network + 7):
            return self._ask(atom, facts.tags)
        if chain.extended or not chain.named:
            self.verdict.differences.add(CHAIN)
        found: list[Truth] = [
            self._ask(atom, facts.tags, with_next_header(facts.frame, facts.network, number)) for number in chain.named
        ]
        if isinstance(atom, Primitive) and atom.proto == "ip":
            return self._ask(atom, facts.tags)
        unreachable = isinstance(atom, ProtoTest) and atom.proto in ("icmp", "igmp", "vrrp", "carp")
        return kleene_or([*found, False if unreachable or chain.transport is not None else None])

    def _transport_bytes(self, atom: Primitive | Relation) -> Truth:
        """Ports, and relations of transports that are over both families."""
        facts, chain = self.facts, self.facts.chain
        if facts.cut_ipv4_fragment:
            self.verdict.differences.add(KLEENE)
            return False
        if facts.bad_ipv4:
            start = facts.network
            mended = facts.frame[:start] + b"\x45" + facts.frame[start + 1 : start + 20]
            return self._ask(atom, facts.tags, mended)
        if chain is None:
            return self._ask(atom, facts.tags)
        if chain.extended or isinstance(atom, Relation):
            self.verdict.differences.add(CHAIN)
        if chain.later:
            return False
        if chain.transport is None:
            return None
        return self._ask(atom, facts.tags, over_ipv4(facts.frame, facts.network, chain))

    def _relation(self, atom: Relation) -> Truth:
        facts, chain, named = self.facts, self.facts.chain, protocols_of(atom)
        for proto in sorted(named - asked_by_libpcap(atom.left) - asked_by_libpcap(atom.right)):
            self.verdict.differences.add(FORGOTTEN)
            if self._relation(Relation(">=", Access(proto, Const(0), 1), Const(0))) is False:
                return False
        transports = named - NETWORK - {"ether"}
        if not transports:
            return self._ask(atom, facts.tags)
        if facts.cut_ipv4_fragment and not named & (NETWORK - {"ip"}):
            return self._transport_bytes(atom)
        if facts.bad_ipv4:
            if named & {"ip", "ether"}:
                raise NotJudgedError
            return self._transport_bytes(atom)
        if chain is None or named & (NETWORK - {"ip6"}) or not transports <= OVER_BOTH | {"icmp6"}:
            return self._ask(atom, facts.tags)
        if transports == {"icmp6"}:
            return self._icmp6(atom, chain, named)
        if named & {"ip6", "ether", "icmp6"}:
            raise NotJudgedError
        return self._transport_bytes(atom)

    def _names_absent(self, atom: Relation) -> bool:
        """A protocol that the packet is known not to have makes a relation false, whatever bytes are missing."""
        self.verdict.differences.add(KLEENE)
        return any(self._present(proto) is False for proto in protocols_of(atom) - {"ether"})

    def _present(self, proto: str) -> Truth:
        test = ProtoTest(proto)
        return self._ask(test, self.facts.tags) if proto in NETWORK else self._protocol(test)

    def _icmp6(self, atom: Relation, chain: Chain, named: frozenset[str]) -> Truth:
        facts = self.facts
        if chain.extended:
            self.verdict.differences.add(CHAIN)
            if named != {"icmp6"}:
                raise NotJudgedError
        if chain.later:
            return False
        if chain.transport is None:
            return None
        return self._ask(atom, facts.tags, without_extensions(facts.frame, facts.network, chain))

    def _ask(self, atom: Atom, tags: int, frame: bytes | None = None) -> Truth:
        """libpcap's word on the atom: True, False, or None when it rejects the negation too."""
        yes, no = _pair(print_match(atom), tags, self.netmask)
        length = len(self.facts.frame)
        data = self.facts.frame if frame is None else frame
        return True if yes.matches(data, length) else False if no.matches(data, length) else None


def _sides(test: Primitive) -> tuple[Primitive, Primitive]:
    return replace(test, dir="src"), replace(test, dir="dst")
