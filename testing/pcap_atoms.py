"""One atom of an expression, asked of libpcap on one packet. In: its AST, `Facts`. Out: what ours must say of it.

libpcap is asked behind as many `vlan` as the packet has tags, on a packet without extension headers or over IPv4 where
it would not find the transport (difference 3), with both answers, so that neither means unknown (4). Which difference
applied is noted in `Asker.differences`; where an atom stands in the text is for `differences` to judge.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from ebpfc.compiler.ast.nodes import Access, Atom, Const, Encap, IPv6, Primitive, ProtoTest, Relation
from ebpfc.compiler.ast.printer import print_match
from ebpfc.testing.chain_of_headers import AUTHENTICATION, FIXED, over_ipv4, with_next_header, without_extensions
from ebpfc.testing.libpcap import LibpcapFilter
from ebpfc.testing.pcap_layers import IPV4, IPV6, MULTICAST_MPLS, Facts, geneve_header
from ebpfc.testing.relation_protocols import asked_by_libpcap, protocols_of
from ebpfc.testing.semantics.kleene import Truth, kleene_or

NETWORK: Final = frozenset({"ip", "ip6", "arp", "rarp"})
OVER_BOTH: Final = frozenset({"tcp", "udp", "sctp", "pim"})
"""Transports whose bytes libpcap reads over IPv4 only, and we over IPv6 too."""
TAGS_SEEN_THROUGH, CHAIN, KLEENE, SCOPE, FORGOTTEN, LABELS = 1, 3, 4, 5, 6, 7
"""Numbers of docs/tcpdump.md; FORGOTTEN and LABELS are none: libpcap goes against its own manual there."""
WALKED_BY_LIBPCAP: Final = frozenset({0, 43, 44, 60})


class NotJudgedError(Exception):
    """No spelling of the atom means the same in libpcap: one relation reads an IPv6 header and what lies behind."""


@lru_cache(maxsize=8192)
def _pair(text: str, before: str, netmask: int) -> tuple[LibpcapFilter, LibpcapFilter]:
    """libpcap's filters for an atom and for its negation, behind what is open."""
    return (
        LibpcapFilter(f"{before}({text})", netmask, optimize=False),
        LibpcapFilter(f"{before}(not ({text}))", netmask, optimize=False),
    )


class Asker:
    """Asks of the packet `facts`; `length` is the whole frame's."""

    def __init__(self, facts: Facts, netmask: int, length: int, differences: set[int]) -> None:
        self.facts, self.netmask, self.length, self.differences = facts, netmask, length, differences

    def ask(self, atom: Atom, tags: int, frame: bytes | None = None, *, before: str = "") -> Truth:
        """libpcap's word on the atom: True, False, or None when it rejects the negation too."""
        yes, no = _pair(print_match(atom), "vlan and " * tags + before, self.netmask)
        data = self.facts.frame if frame is None else frame
        return True if yes.matches(data, self.length) else False if no.matches(data, self.length) else None

    def behind_tags(self, atom: Atom) -> Truth:
        """Of what is behind all the tags that the packet has."""
        facts = self.facts
        match atom:
            case Encap(kind="geneve"):
                return self._geneve(atom)
            case Encap(kind="mpls"):
                return self.label(atom, 0)
            case Encap():
                return self.ask(atom, facts.tags)
            case Primitive(type="port" | "portrange"):
                return self._transport_bytes(atom)
            case Primitive(type="proto"):
                return self._protocol(atom)
            case Primitive(type="protochain"):
                return self._protochain(atom)
            case ProtoTest(proto) if proto not in NETWORK and proto != "stp":
                return self._protocol(atom)
            case Relation():
                truth = self._relation(atom)
                return False if truth is None and self._names_absent(atom) else truth
            case Primitive(value=IPv6()) if facts.ethertype == IPV6:
                return self.ask(atom, facts.tags) if self._whole_address(atom) else None
            case _:
                return self.ask(atom, facts.tags)

    # ------------------------------------------------------------------------------------------------- encapsulations

    def label(self, atom: Encap, above: int) -> Truth:
        """MPLS, behind so many `mpls`."""
        facts = self.facts
        if facts.ethertype == MULTICAST_MPLS:
            self.differences.add(LABELS)
            facts = facts.as_unicast()
        return self.ask(atom, facts.tags, facts.frame, before="mpls and " * above)

    def _geneve(self, atom: Encap) -> Truth:
        """libpcap reads the VNI with the byte behind it."""
        if atom.values is not None and len(geneve_header(self.facts)) == 7:
            self.differences.add(KLEENE)
            padded = Facts.of(self.facts.frame + b"\0", alone=self.facts.alone)
            return Asker(padded, self.netmask, self.length, self.differences)._transport_bytes(atom)
        return self._transport_bytes(atom)

    # ------------------------------------------------------------------------------------------------------- protocols

    def _whole_address(self, test: Primitive) -> bool:
        """libpcap reads only the words of an IPv6 address that the prefix needs; a field cut short is unknown here."""
        return len(self.facts.frame) >= self.facts.network + (24 if test.dir == "src" else FIXED)

    def _protocol(self, atom: Primitive | ProtoTest) -> Truth:
        """True of the transport or of an extension header on the way: each is asked for as IPv6's next header."""
        chain, facts = self.facts.chain, self.facts
        if chain is None or not (chain.named or len(facts.frame) >= facts.network + 7):
            return self.ask(atom, facts.tags)
        if chain.extended or not chain.named:
            self.differences.add(CHAIN)
        found: list[Truth] = [
            self.ask(atom, facts.tags, with_next_header(facts.frame, facts.network, number)) for number in chain.named
        ]
        if isinstance(atom, Primitive) and atom.proto == "ip":
            return self.ask(atom, facts.tags)
        unreachable = isinstance(atom, ProtoTest) and atom.proto in ("icmp", "igmp", "vrrp", "carp")
        return kleene_or([*found, False if unreachable or chain.transport is not None else None])

    def _protochain(self, atom: Primitive) -> Truth:
        """`proto`, and over IPv4 also what one authentication header names. libpcap itself is not asked to walk: behind
        an authentication header it goes on at the wrong place, and may never end."""
        named = replace(atom, type="proto")
        noted = set(self.differences)
        truths: list[Truth] = [self._protocol(named)]
        chain = self.facts.chain
        if chain is not None:
            plain = set(chain.named[:-1]) <= WALKED_BY_LIBPCAP or (
                set(chain.named[:-2]) <= WALKED_BY_LIBPCAP and chain.named[-2] == AUTHENTICATION
            )
            if plain and chain.place is not None:
                self.differences &= noted
        elif atom.proto != "ip6" and self._carries_authentication():
            truths.append(self._behind_authentication(named))
        return kleene_or(truths)

    def _carries_authentication(self) -> bool:
        header = self.facts.frame[self.facts.network :]
        return self.facts.ethertype == IPV4 and header[9:10] == bytes((AUTHENTICATION,))

    def _behind_authentication(self, named: Primitive) -> Truth:
        facts, start = self.facts, self.facts.transport
        if facts.later_ipv4:
            self.differences.add(CHAIN)
            return False
        if start is None:
            return None
        ahead = facts.frame[start : start + 2]
        if not ahead:
            return None
        if len(ahead) < 2:
            self.differences.add(KLEENE)
        if ahead[0] == AUTHENTICATION:
            self.differences.add(CHAIN)
        at = facts.network + 9
        return self.ask(named, facts.tags, facts.frame[:at] + ahead[:1] + facts.frame[at + 1 :])

    # ------------------------------------------------------------------------------------------------- bytes of headers

    def _transport_bytes(self, atom: Primitive | Relation | Encap) -> Truth:
        """Ports, and what else is behind a transport header that is over both families."""
        facts, chain = self.facts, self.facts.chain
        if facts.cut_ipv4_fragment:
            self.differences.add(KLEENE)
            return False
        if facts.bad_ipv4:
            start = facts.network
            mended = facts.frame[:start] + b"\x45" + facts.frame[start + 1 : start + 20]
            return self.ask(atom, facts.tags, mended)
        if chain is None:
            return self.ask(atom, facts.tags)
        if chain.extended or isinstance(atom, Relation):
            self.differences.add(CHAIN)
        if chain.later:
            return False
        if chain.transport is None:
            return None
        return self.ask(atom, facts.tags, over_ipv4(facts.frame, facts.network, chain))

    def _relation(self, atom: Relation) -> Truth:
        facts, chain, named = self.facts, self.facts.chain, protocols_of(atom)
        for proto in sorted(named - asked_by_libpcap(atom.left) - asked_by_libpcap(atom.right)):
            self.differences.add(FORGOTTEN)
            if self._relation(Relation(">=", Access(proto, Const(0), 1), Const(0))) is False:
                return False
        transports = named - NETWORK - {"ether"}
        if not transports:
            return self.ask(atom, facts.tags)
        if facts.cut_ipv4_fragment and not named & (NETWORK - {"ip"}):
            return self._transport_bytes(atom)
        if facts.bad_ipv4:
            if named & {"ip", "ether"}:
                raise NotJudgedError
            return self._transport_bytes(atom)
        if chain is None or named & (NETWORK - {"ip6"}) or not transports <= OVER_BOTH | {"icmp6"}:
            return self.ask(atom, facts.tags)
        if transports == {"icmp6"}:
            return self._icmp6(atom, named)
        if named & {"ip6", "ether", "icmp6"}:
            raise NotJudgedError
        return self._transport_bytes(atom)

    def _names_absent(self, atom: Relation) -> bool:
        """A protocol that the packet is known not to have makes a relation false, whatever bytes are missing."""
        self.differences.add(KLEENE)
        return any(self._present(proto) is False for proto in protocols_of(atom) - {"ether"})

    def _present(self, proto: str) -> Truth:
        test = ProtoTest(proto)
        return self.ask(test, self.facts.tags) if proto in NETWORK else self._protocol(test)

    def _icmp6(self, atom: Relation, named: frozenset[str]) -> Truth:
        facts, chain = self.facts, self.facts.chain
        assert chain is not None
        if chain.extended:
            self.differences.add(CHAIN)
            if named != {"icmp6"}:
                raise NotJudgedError
        if chain.later:
            return False
        if chain.transport is None:
            return None
        return self.ask(atom, facts.tags, without_extensions(facts.frame, facts.network, chain))
