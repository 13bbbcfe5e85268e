"""The differences from tcpdump as a judge. In: an expression's AST, a frame. Out: what ours must say, and which apply.

docs/tcpdump.md numbers them. `pcap_atoms` asks libpcap each atom alone, of the packet that is open there; here its
answers are joined by Kleene's logic (4) along `and` chains in which encapsulations open what is inside (5), behind as
many tags and labels as there are (1). Difference 2 never comes up: the compiler refuses such a text. Where none
applies, libpcap's answer to the whole text must be ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ebpfc.compiler.ast.nodes import (
    And,
    Atom,
    Cast,
    Encap,
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
from ebpfc.testing.pcap_atoms import KLEENE, LABELS, SCOPE, TAGS_SEEN_THROUGH, Asker, NotJudgedError
from ebpfc.testing.pcap_layers import Facts, inside
from ebpfc.testing.relation_protocols import protocols_of
from ebpfc.testing.semantics.kleene import Truth, kleene_and, kleene_not, kleene_or

__all__ = ["NotJudgedError", "Verdict", "judge"]


@dataclass
class Verdict:
    """`truth` is None for unknown; `differences` are the numbers of those that apply."""

    truth: Truth = None
    differences: set[int] = field(default_factory=set)


def judge(match: Match, frame: bytes, netmask: int) -> Verdict:
    """`match` has its elisions written out and its names resolved. Raises NotJudgedError."""
    reader = _Reader(len(frame), netmask)
    reader.verdict.truth = reader.chain(match, _Place(Facts.of(frame)))
    return reader.verdict


@dataclass(frozen=True, slots=True)
class _Place:
    """What is open: `kinds` from the outermost in, `tags` of them in the packet that `facts` are of.

    Inside what is not there, there are no facts, and nothing is known. Behind `labels` entries of MPLS in a row,
    `stack` is the packet that has them.
    """

    facts: Facts | None
    tags: int = 0
    labels: int = 0
    kinds: tuple[str, ...] = ()
    stack: Facts | None = None

    def opened(self, kind: str, truth: Truth) -> _Place:
        """Behind one more encapsulation; the second of two labels opens what the first has opened."""
        kinds = (*self.kinds, kind)
        if kind == "vlan":
            return _Place(self.facts, self.tags + 1, 0, kinds)
        if kind == "mpls" and self.labels:
            return replace(self, labels=self.labels + 1, kinds=kinds)
        found = inside(self.facts, kind) if self.facts and truth else None
        return _Place(found, 0, int(kind == "mpls"), kinds, self.facts)


class _Reader:
    """Walks one expression over one frame; `passed` are the encapsulations before this place in the text, which is what
    libpcap goes by."""

    def __init__(self, length: int, netmask: int) -> None:
        self.length, self.netmask = length, netmask
        self.passed: tuple[str, ...] = ()
        self.verdict = Verdict()

    def chain(self, match: Match, place: _Place) -> Truth:
        """One `and` chain, where so much is open."""
        truths: list[Truth] = []
        for item in match.items if isinstance(match, And) else (match,):
            if isinstance(item, Encap) and item.kind != "pppoed":
                truths.append(self._atom(item, place))
                bare = item if item.values is None or truths[-1] else replace(item, values=None)
                there = truths[-1] if bare is item else self._atom(bare, place)
                self.passed = (*self.passed, item.kind)
                place = place.opened(item.kind, there)
            else:
                truths.append(self._inside(item, place))
        return kleene_and(truths)

    def _inside(self, match: Match, place: _Place) -> Truth:
        match match:
            case Not(inside):
                return kleene_not(self.chain(inside, place))
            case Or(items):
                return kleene_or([self.chain(item, place) for item in items])
            case Paren(inside):
                return self.chain(inside, place)
            case Encap(kind="pppoed"):
                return self._atom(match, place)
            case And() | Encap():
                return self.chain(match, place)
            case Primitive(dir="src or dst" | None, type="host" | "net" | "port" | "portrange" | None):
                return kleene_or([self._atom(side, place) for side in _sides(match)])
            case Primitive(dir="src and dst"):
                return kleene_and([self._atom(side, place) for side in _sides(match)])
            case _:
                return self._atom(match, place)

    # ---------------------------------------------------------------------------------------------------------- atoms

    def _atom(self, atom: Atom, place: _Place) -> Truth:
        facts = Facts.of(b"") if _reads_nothing(atom) else place.facts
        if facts is None:
            return None
        truth = self._truth(atom, place, facts)
        if truth is None:
            self.verdict.differences.add(KLEENE)
        return truth

    def _truth(self, atom: Atom, place: _Place, facts: Facts) -> Truth:
        asker = Asker(facts, self.netmask, self.length, self.verdict.differences)
        if _reads_ethernet(atom) and facts.alone:
            self.verdict.differences.add(SCOPE)
            return False
        if isinstance(atom, ProtoTest) and atom.proto == "stp" and facts.alone:
            self.verdict.differences.add(SCOPE)  # a PPP protocol to libpcap
        match atom:
            case _ if _reads_nothing(atom):
                return asker.ask(atom, 0)
            case Encap(kind="mpls") if place.labels and place.stack is not None:
                self._note_place(place, place.tags)
                asker = Asker(place.stack, self.netmask, self.length, self.verdict.differences)
                return asker.label(atom, place.labels)
            case _ if _reads_its_link(atom):
                self._note_tunnels(place)
                return asker.ask(atom, 0)
        if facts.foreign or (facts.bottom and facts.bottom != place.labels):
            self.verdict.differences.add(SCOPE if facts.foreign else TAGS_SEEN_THROUGH)
        if isinstance(atom, Encap | Primitive) and _counts_tags(atom):
            self._note_place(place, place.tags)
            return asker.ask(atom, place.tags)
        self._note_place(place, facts.tags + facts.limit)
        return None if facts.limit else asker.behind_tags(atom)

    def _note_place(self, place: _Place, ours: int) -> None:
        """libpcap reads an atom behind what stands before it in the text; we behind `ours` tags.

        With fewer tags than are open, the chain is false anyway.
        """
        if self.passed != place.kinds:
            self.verdict.differences.add(SCOPE)
        elif ours > place.tags:
            self.verdict.differences.add(TAGS_SEEN_THROUGH)
        if "mpls" in place.kinds and not place.labels:
            self.verdict.differences.add(LABELS)

    def _note_tunnels(self, place: _Place) -> None:
        """A tag moves no Ethernet header, a tunnel does."""
        if [kind for kind in self.passed if kind != "vlan"] != [kind for kind in place.kinds if kind != "vlan"]:
            self.verdict.differences.add(SCOPE)


def _counts_tags(atom: Encap | Primitive) -> bool:
    """Of what is behind the tags that are open, and no more."""
    return atom.kind == "vlan" if isinstance(atom, Encap) else atom.proto == "ether"


def _reads_nothing(atom: Atom) -> bool:
    """Is it of the frame's length alone, whatever is open?"""
    return isinstance(atom, LengthTest) or (isinstance(atom, Relation) and not protocols_of(atom))


def _reads_its_link(atom: Atom) -> bool:
    """Is it of the packet's own Ethernet header, whatever tags follow?"""
    match atom:
        case Cast(proto=None | "ether") | Primitive(value=Mac()):
            return True
        case Relation():
            return protocols_of(atom) == {"ether"}
        case _:
            return False


def _reads_ethernet(atom: Atom) -> bool:
    """Is it false where there is no Ethernet header?"""
    match atom:
        case Cast(proto=None | "ether") | Primitive(value=Mac()) | Primitive(proto="ether"):
            return True
        case Encap(kind="vlan"):
            return True
        case Relation():
            return "ether" in protocols_of(atom)
        case _:
            return False


def _sides(test: Primitive) -> tuple[Primitive, Primitive]:
    return replace(test, dir="src"), replace(test, dir="dst")
