"""A small program in, the answers to usual packets out: given at once, all others are left to the whole parse.

Usual is a frame whose headers are whole and plain: no tags (or a few), IPv4 without options and in one piece, IPv6
without extension headers, ARP. There every header stands at a place that is known when the C is compiled, no byte is
missing, and each kind of packet (EtherType, protocol) gets a branch with what is left of the rules:

    tcp port 80   →   IPv4, protocol 6: bytes 34 and 36 are compared; any other protocol: the default

Any doubt (a frame cut short, one more tag, options, a test that the kind does not settle) is the whole parse's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ebpfc.compiler.codegen.condition import ALWAYS, all_of, render
from ebpfc.compiler.codegen.plan import Plan
from ebpfc.compiler.codegen.tested import Tested
from ebpfc.compiler.codegen.usual_kind import (
    BEHIND_EXTENSIONS,
    HEADER,
    IPV4,
    IPV6,
    NEXT_HEADER,
    TYPES,
    Kind,
    Told,
    UnusualError,
    decide,
)
from ebpfc.compiler.codegen.usual_reads import Computed, Reads
from ebpfc.compiler.fields import IPV6_EXTENSIONS
from ebpfc.compiler.ir import program as ir

TESTS_AT_MOST, PROTOCOLS_AT_MOST = 24, 16
"""Of all rules: each branch repeats what is left of them, and each protocol has one."""
TESTS_WITH_TAG, TESTS_WITH_TAGS = 6, 2
"""So few are repeated for frames with a tag, with two, even where no rule asks for tags."""
TCP, UDP = 6, 17
SHORTEST = {IPV4: 54, IPV6: 74}
"""Bytes of a TCP segment without options and data in a frame that nobody padded. One bounds check covers as many."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A packet whose connection is looked up: IP version, protocol (TCP or UDP), where both headers begin."""

    family: int
    protocol: int
    network: int
    transport: int

    @property
    def is_tcp(self) -> bool:
        return self.protocol == TCP

    @property
    def length_at(self) -> int:
        """IPv4's total length, IPv6's payload length."""
        return self.network + (2 if self.family == 4 else 4)


@dataclass(frozen=True, slots=True)
class Branch:
    """The rules in one kind of packet: what is left of each. `need` bytes must be there, and `doubt` (C text) not
    hold, else it is the whole parse's. `decided`: the last rule always matches. `settled`: what is left where the
    packet is known to be established."""

    need: int = 0
    doubt: str = ""
    computed: tuple[Computed, ...] = ()
    rules: tuple[Tested, ...] = ()
    decided: bool = False
    settled: Settled | None = None


DEFAULT = Branch()
"""No rule is left: such packets get the default."""


@dataclass(frozen=True, slots=True)
class Family:
    """One EtherType. Branches are None where all is left to the whole parse; `rest` is of the other protocols.

    `doubt` and `asked` (C text) come before the protocol, whose byte is at `next_header`: where `asked` does not hold
    no rule does. `reads`: so many bytes for all these. `walks`: extension headers may change the answer.
    """

    ethertype: str
    next_header: int
    doubt: str
    asked: str
    reads: int
    by_protocol: tuple[tuple[tuple[int, ...], Branch | None], ...]
    rest: Branch | None
    walks: bool

    @property
    def branches(self) -> tuple[Branch | None, ...]:
        return (*(branch for _, branch in self.by_protocol), self.rest)


@dataclass(frozen=True, slots=True)
class Usual:
    """By the type at byte `type_at`, when `need` bytes are there; `rest` is of all other types.

    `tagged` is the same for frames with one tag more, None: they are left to the whole parse; `sees_tags` False: they
    get the same answer.
    """

    type_at: int
    need: int
    families: tuple[Family, ...]
    rest: Branch | None
    tagged: Usual | None
    sees_tags: bool = True


def build_usual(program: ir.Program, plan: Plan) -> Usual | None:
    """None: at tc, with blocks, `malformed`, tunnels or state, with too many tests, or where no packet gains."""
    tests = [test for step in program.body for test in ir.tests(step.pred)]
    if program.hook != "xdp" or len(tests) > TESTS_AT_MOST:
        return None
    headers = [n for test in tests for load in ir.test_loads(test) for n in ir.requirements(load.layer, load.base)]
    asked = [t for t in (*tests, *headers) if not isinstance(t, ir.In | ir.Compare)]
    builder = _Builder(program, plan, asked)
    plain = all(is_plain(step) for step in program.body) and all(_is_told(t) for t in asked)
    if not plain or len(builder.protocols) > PROTOCOLS_AT_MOST:
        return None
    asks_tags = any(isinstance(t, ir.TagIs) for t in asked)
    tags = 2 if len(tests) <= TESTS_WITH_TAGS else 1 if asks_tags or len(tests) <= TESTS_WITH_TAG else 0
    usual = builder.usual(0, tags)
    return usual if any(True for _ in branches(usual)) else None


def branches(usual: Usual) -> Iterator[Branch]:
    """All that are answered at once."""
    for branch in (*(b for family in usual.families for b in family.branches), usual.rest):
        if branch is not None:
            yield branch
    if usual.tagged:
        yield from branches(usual.tagged)


def is_plain(step: ir.Step) -> bool:
    return isinstance(step, ir.RuleStep) and not step.guards and not step.effects


def _is_told(test: ir.Test) -> bool:
    """A test of the frame's own headers, that its kind may settle."""
    return isinstance(test, Told) and test.layer == 0


class _Builder:
    """The branches of one program, by what its rules ask of headers."""

    def __init__(self, program: ir.Program, plan: Plan, asked: Sequence[ir.Test]) -> None:
        self.rules = tuple(step for step in program.body if isinstance(step, ir.RuleStep))
        self.plan = plan
        protocols = {n for t in asked if isinstance(t, ir.ProtoIs) for n in t.numbers}
        self.protocols = sorted(protocols, key=lambda n: (n not in (TCP, UDP), n))
        self.sees_protocols = any(isinstance(t, ir.ProtoIs) for t in asked)
        self.fragments = any(isinstance(t, ir.FragmentIs) for t in asked)
        self.walked = not protocols.isdisjoint(IPV6_EXTENSIONS) or any(isinstance(t, ir.Walked) for t in asked)
        self.sees_headers = bool(asked)

    def usual(self, tags: int, more: int) -> Usual:
        """Behind so many tags, and so many `more`."""
        rest = self.branch(Kind(tags, None))
        type_at = 12 + 4 * tags
        if not self.sees_headers:
            return Usual(type_at, rest.need if rest else 0, (), rest, None, sees_tags=False)
        tagged = self.usual(tags + 1, more - 1) if more else None
        families = tuple(f for f in (self.family(tags, t) for t in TYPES) if _differs(f, rest))
        limit = SHORTEST[IPV6 if all(f.ethertype == TYPES[IPV6] for f in families) else IPV4] + 4 * tags
        own = [b.need for f in families for b in f.branches if b]
        later = [n for n in (*own, rest.need if rest else 0, tagged.need if tagged else 0) if n <= limit]
        told = type_at + 2 + (NEXT_HEADER[IPV4] + 1 if self.sees_protocols else 0)  # what is not there is not known
        return Usual(type_at, max(told, *(f.reads for f in families), *later), families, rest, tagged)

    def family(self, tags: int, ethertype: int) -> Family:
        kind = Kind(tags, ethertype)
        rest = self.branch(kind)
        kinds = [Kind(tags, ethertype, n) for n in self.protocols if _may_follow(n, ethertype)]
        kinds = [k for k in kinds if self.branch(k) != rest]
        walks = ethertype == IPV6 and self.branch(Kind(tags, IPV6, BEHIND_EXTENSIONS)) is None
        asked = self.asked_of_all(rest, kinds)
        reads = Reads(kind, self.plan)
        asked_text = render(all_of(*(reads.condition(p) for p in asked))) if asked else ""
        groups: dict[Branch | None, list[int]] = {}
        for k in kinds:
            assert k.protocol is not None
            groups.setdefault(self.branch(k, asked), []).append(k.protocol)
        doubt = _in_pieces(kind) if self.fragments and ethertype == IPV4 else ""
        next_header = kind.network + NEXT_HEADER.get(ethertype, 0)
        return Family(
            TYPES[ethertype],
            next_header,
            doubt,
            asked_text,
            max(next_header + 1 if groups or walks else 0, kind.network + 8 if doubt else 0, reads.end),
            tuple((tuple(numbers), branch) for branch, numbers in groups.items()),
            rest,
            walks,
        )

    def asked_of_all(self, rest: Branch | None, kinds: list[Kind]) -> tuple[ir.Pred, ...]:
        """What the only rule asks of the bytes before the transport, whatever the protocol. Asked first, it spares
        most packets the look at the protocol.

        Sound: where it is false no protocol's branch matches, and with an unknown protocol no more is known.
        """
        if rest != DEFAULT or len(self.rules) != 1 or self.fragments or self.walked:
            return ()
        if any(self.branch(kind) is None for kind in kinds):
            return ()
        parts = [_conjuncts(decide(self.rules[0].pred, kind)) for kind in kinds]
        return tuple(p for p in parts[0] if _before_transport(p) and all(p in more for more in parts)) if parts else ()

    def branch(self, kind: Kind, known: tuple[ir.Pred, ...] = ()) -> Branch | None:
        """`known` was asked before."""
        left: list[Tested] = []
        reads, decided = Reads(kind, self.plan), False
        try:
            for rule in self.rules:
                pred = decide(rule.pred, kind)
                if pred == ir.FALSE:
                    continue
                condition = reads.condition(ir.And(tuple(p for p in _conjuncts(pred) if p not in known)))
                left.append(Tested(rule, condition))
                decided = rule.verdict is not None and condition == ALWAYS
                if decided:
                    break
        except UnusualError:
            return None
        if not reads.transport:
            return Branch(reads.end, "", tuple(reads.computed), tuple(left), decided)
        return Branch(max(reads.end, kind.transport), not_plain(kind), tuple(reads.computed), tuple(left), decided)


def _may_follow(protocol: int, ethertype: int) -> bool:
    return ethertype == IPV4 or (ethertype == IPV6 and protocol not in IPV6_EXTENSIONS)


def _differs(family: Family, rest: Branch | None) -> bool:
    return bool(family.by_protocol or family.rest != rest or family.doubt or family.walks)


def not_plain(kind: Kind) -> str:
    """The C of: the transport does not stand right behind the IP header's fixed part."""
    first = f"*(u8 *)(data + {kind.network})"
    return f"{first} != 0x45 || {_in_pieces(kind)}" if kind.ethertype == IPV4 else f"{first} >> 4 != 6"


def _in_pieces(kind: Kind) -> str:
    return f"(*(u16 *)(data + {kind.network + 6}) & B16(0x3fff))"


def _conjuncts(pred: ir.Pred) -> tuple[ir.Pred, ...]:
    return pred.items if isinstance(pred, ir.And) else (pred,)


def _before_transport(pred: ir.Pred) -> bool:
    """It reads only bytes up to the IP header's end."""
    loads = [load for test in ir.tests(pred) for load in ir.test_loads(test)]
    return bool(loads) and all(
        isinstance(load, ir.Load) and load.base in ("ether", "ip", "ip6") and load.offset + load.size <= HEADER[IPV6]
        for load in loads
    )
