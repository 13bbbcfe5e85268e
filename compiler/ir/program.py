"""The IR: for one hook, an ordered list of rules and blocks over predicates of one packet and what is inside it.

Grammar (as `ir.text` prints it):

    program  = "program" name hook default step*
    step     = "rule" number verdict? count* effect* pred
             | "block" number effect* pred "{" step* "}" ["else" "{" step* "}"]
    pred     = "true" | "false" | (and pred*) | (or pred*) | (not pred) | test
    effect   = (guard over|within LIMITER key*) | (connections COUNT L NAME[:PORT]|- key*)
             | (add TABLE NS|- key*) | (delete TABLE key*) | (log N)
    key      = (KIND (FAMILY BITS|- expr)*)
    test     = (type L N) | (proto L N*) | (walked L N) | (tag L I) | (ether L) | (encap L NAME[:PORT])
             | (fragment L KIND) | (malformed L) | (state L STATE NAME[:PORT]?)
             | (in expr low-high*) | (compare OP expr expr) | (table NAME key*)
    expr     = NUMBER | (load L BASE OFFSET SIZE) | (loadat L BASE expr SIZE) | (slice expr SHIFT WIDTH)
             | (OP expr expr) | len | mark | ifindex

L is the layer: 0 the frame, 1 the packet inside its encapsulation, 2 the one inside that. BASE names the header that
the offset counts from, and with it what must be true of the packet for the byte to exist (`requirements`). All tests
are three-valued (Kleene): a test over loads is false when a requirement of one is false, else unknown when a byte is
missing or a divisor is zero. `Not` is Kleene's complement. `else` belongs to "was not true", and is only ever the
structure of a Block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.compiler.ir.expressions import (
    ArithOp as ArithOp,
    Bin as Bin,
    Const as Const,
    Expr as Expr,
    Load as Load,
    LoadAt as LoadAt,
    Meta as Meta,
    Proto as Proto,
    Slice as Slice,
    loads as loads,
    width as width,
)
from ebpfc.compiler.ir.ranges import Ranges
from ebpfc.compiler.ir.state import (
    AddTo as AddTo,
    Crowd as Crowd,
    DeleteFrom as DeleteFrom,
    Effect as Effect,
    Guard as Guard,
    Key as Key,
    LogEvent as LogEvent,
    key_loads as key_loads,
)

RelOp = Literal["==", "!=", "<", "<=", ">", ">="]
FragmentKind = Literal["any", "first", "last", "later"]
VerdictName = Literal["pass", "drop"]
ConnState = Literal["new", "established", "related", "invalid"]
HookName = Literal["xdp", "tc ingress", "tc egress"]
EncapName = Literal["vxlan", "geneve", "gtp", "gre", "gre-key", "ipip", "mpls-1", "mpls-2", "pppoes", "pppoed"]
LLC = 1500
"""As the number of `TypeIs`: any up to it, a length, behind which an LLC header stands (IEEE 802.3)."""

# ---------------------------------------------------------------------------------------------------------------- tests


@dataclass(frozen=True, slots=True)
class TypeIs:
    """The EtherType after the tags."""

    layer: int
    ethertype: int


@dataclass(frozen=True, slots=True)
class ProtoIs:
    """The transport protocol, of IPv4 or IPv6, is one of `numbers` (sorted)."""

    layer: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """An IPv6 extension header of this number is among those walked."""

    layer: int
    number: int


@dataclass(frozen=True, slots=True)
class TagIs:
    """There is a first (1), a second (2) VLAN tag."""

    layer: int
    index: int


@dataclass(frozen=True, slots=True)
class EtherIs:
    """The packet inside begins with an Ethernet header; else it is an IP packet alone."""

    layer: int


@dataclass(frozen=True, slots=True)
class EncapIs:
    """The header of an encapsulation stands there: `gre-key` one with a key, `mpls-2` a second entry of the stack.

    `port` is the UDP port of those over UDP, else 0 (ADR 0002).
    """

    layer: int
    name: EncapName
    port: int = 0

    @property
    def base(self) -> str:
        """The base of loads from this header."""
        return f"{self.name}:{self.port}" if self.port else self.name


@dataclass(frozen=True, slots=True)
class FragmentIs:
    layer: int
    kind: FragmentKind


@dataclass(frozen=True, slots=True)
class MalformedIs:
    layer: int


@dataclass(frozen=True, slots=True)
class In:
    """The expression's value lies in the ranges."""

    value: Expr
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Compare:
    op: RelOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class InTable:
    """The key is in the table, alive; false, never unknown, where the packet has no such key."""

    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class StateIs:
    """What connection tracking says of the layer's packet (ADR 0004); unknown where there is none. `within`: the
    encapsulation that the packet inside lies in."""

    layer: int
    state: ConnState
    within: EncapIs | None = None


HeaderTest: TypeAlias = TypeIs | ProtoIs | Walked | TagIs | EtherIs | EncapIs | FragmentIs | MalformedIs
Test: TypeAlias = HeaderTest | StateIs | In | Compare | InTable


@dataclass(frozen=True, slots=True)
class Bool:
    value: bool


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Pred, ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Pred, ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: Pred


Pred: TypeAlias = Bool | And | Or | Not | Test
TRUE, FALSE = Bool(True), Bool(False)

# ---------------------------------------------------------------------------------------------------------------- steps


@dataclass(frozen=True, slots=True)
class RuleStep:
    """`number` is the rule's place in the policy; `counts` are the names that it counts under, in order.

    `guards` are tried behind the predicate, from the left; `effects` are what the actions change.
    """

    number: int
    pred: Pred
    verdict: VerdictName | None
    counts: tuple[str, ...] = ()
    guards: tuple[Guard | Crowd, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockStep:
    """`number` is the block's place among all blocks of the policy, in reading order."""

    number: int
    pred: Pred
    body: tuple[Step, ...]
    orelse: tuple[Step, ...] = ()
    guards: tuple[Guard | Crowd, ...] = ()


Step: TypeAlias = RuleStep | BlockStep


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    hook: HookName
    default: VerdictName
    body: tuple[Step, ...]


# ---------------------------------------------------------------------------------------------------------------- facts


OVER_UDP: tuple[EncapName, ...] = ("vxlan", "geneve", "gtp")
OVER_IP: tuple[EncapName, ...] = (*OVER_UDP, "gre", "gre-key", "ipip")


def encap_of(layer: int, base: str) -> EncapIs | None:
    """The encapsulation whose header a base names, if it names one."""
    name, _, port = base.partition(":")
    known = name in get_args(EncapName)
    return EncapIs(layer, name, int(port or 0)) if known else None  # type: ignore[arg-type]


def carriers(name: EncapName) -> tuple[int, ...]:
    """The transport protocols behind which the header stands; none where the EtherType tells it."""
    return (17,) if name in OVER_UDP else {"gre": (47,), "gre-key": (47,), "ipip": (4, 41)}.get(name, ())


def requirements(layer: int, base: str) -> tuple[HeaderTest, ...]:
    """What must be true for bytes of `base` to exist."""
    encap = encap_of(layer, base)
    if encap is not None:
        return (encap,)
    match base:
        case "ether":
            return (EtherIs(layer),) if layer else ()
        case "llc":
            return (TypeIs(layer, LLC),)
        case "tag1" | "tag2":
            return (TagIs(layer, int(base[-1])),)
        case "ports":
            return (ProtoIs(layer, (6, 17, 132)),)
    proto = PROTOCOLS[base]
    if proto.level == "net":
        return (TypeIs(layer, proto.ethertypes[0]),)
    number = proto.ipv4 if proto.ipv4 is not None else proto.ipv6
    assert number is not None
    family = (TypeIs(layer, proto.ethertypes[0]),) if len(proto.ethertypes) == 1 else ()
    return (*family, ProtoIs(layer, (number,)))


def absences(layer: int, base: str) -> tuple[Pred, ...]:
    """Each says, when true, that there are no bytes of `base`: a requirement known to fail, or a later fragment.

    `ah` is of IPv4; an AH header walked over IPv6 leaves it unknown (ADR 0001, rule 16).
    """
    needs = requirements(layer, base)
    if base == "ah":
        return And((Not(needs[0]), Not(Walked(layer, 51)))), FragmentIs(layer, "later")
    later = (FragmentIs(layer, "later"),) if any(_is_transport(n) for n in needs) else ()
    return (*(Not(n) for n in needs), *later)


def _is_transport(need: HeaderTest) -> bool:
    return isinstance(need, ProtoIs) or (isinstance(need, EncapIs) and need.name in OVER_IP)


def test_loads(test: Test) -> tuple[Load | LoadAt, ...]:
    match test:
        case In():
            return tuple(loads(test.value))
        case Compare():
            return (*loads(test.left), *loads(test.right))
        case InTable():
            return key_loads(test.key)
        case _:
            return ()


def step_keys(step: Step) -> tuple[Key, ...]:
    """Of guards and effects."""
    parts = (*step.guards, *(step.effects if isinstance(step, RuleStep) else ()))
    return tuple(part.key for part in parts if not isinstance(part, LogEvent))


def step_loads(step: Step) -> tuple[Load | LoadAt, ...]:
    """Those of the keys of guards and effects."""
    return tuple(load for key in step_keys(step) for load in key_loads(key))


def tests(pred: Pred) -> Iterator[Test]:
    """Every test of a predicate, from left to right."""
    match pred:
        case Bool():
            return
        case And() | Or():
            for item in pred.items:
                yield from tests(item)
        case Not():
            yield from tests(pred.item)
        case _:
            yield pred


def steps(body: tuple[Step, ...]) -> Iterator[Step]:
    """Every step, depth first, in the order of the text."""
    for step in body:
        yield step
        if isinstance(step, BlockStep):
            yield from steps(step.body)
            yield from steps(step.orelse)


def encaps_of(program: Program) -> frozenset[EncapIs]:
    """Every encapsulation whose header a test, or the key of a guard or an effect, names."""
    found = [test for step in steps(program.body) for test in tests(step.pred)]
    read = [load for test in found for load in test_loads(test)]
    read += [load for step in steps(program.body) for load in step_loads(step)]
    named = (encap_of(load.layer, load.base) for load in read)
    return frozenset(e for e in (*found, *named) if isinstance(e, EncapIs))
