"""The abstract syntax tree of a policy: what the author wrote, in frozen records, before and after names are resolved.

In: nothing (data only). Out: the closed unions that `sema`, `lower`, `analysis` and the reference semantics walk.

The tree keeps what the meaning hangs on: parentheses (they end an encapsulation's scope), elided
qualifiers (`port 80 or 443` holds an `Elided(443)`) and the order of everything. Before `resolve` a value may be a
`Word` and a set a `Name`; afterwards every word is a `Number` (or a diagnostic), every name is spliced in:
a set is a `SetLiteral` of plain values, a named match is a `Named`.

Addresses are integers in host order (10.0.0.1 is 0x0A000001); IPv6 are 128-bit integers, MAC addresses 48-bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

# --------------------------------------------------------------------------------------------------------------- places


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of characters of one source file; `file` indexes `SourceMap.files`."""

    file: int
    start: int
    end: int


NOWHERE = Span(-1, 0, 0)


def _span() -> Span:
    return field(default=NOWHERE, compare=False, repr=False)


# --------------------------------------------------------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Number:
    """`80`, `0x50`; after resolving also `http` or `tcp-syn`."""

    value: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NumberRange:
    """`8000-8080`: both ends belong to it."""

    low: int
    high: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IPv4:
    """`10.0.0.1`, `10.0.0.0/8`, tcpdump's short `10.1` (parts=2) and `net 10.0.0.0 mask 255.0.0.0` (mask)."""

    address: int
    length: int | None = None
    parts: int = 4
    mask: int | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IPv4Range:
    low: int
    high: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IPv6:
    address: int
    length: int | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IPv6Range:
    low: int
    high: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Mac:
    address: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Word:
    """A name not looked up yet: a service, a protocol, an EtherType, a constant, a `let`, or a host name (refused)."""

    text: str
    escaped: bool = False  # written with a backslash: `proto \tcp`
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class WordRange:
    """`ftp-data-http` or `20-http`: a dashed word that `resolve` splits where both sides are known."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """`{a, b, c-d}`; `name` when it came from a `let`. After resolving, items hold no Word, no Name, no set."""

    items: tuple[Value, ...]
    name: str | None = None
    span: Span = _span()


Value: TypeAlias = Number | NumberRange | IPv4 | IPv4Range | IPv6 | IPv6Range | Mac | Word | WordRange | SetLiteral

# ----------------------------------------------------------------------------------------------------------- arithmetic

ArithOp = Literal["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]
RelOp = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Const:
    """A number in arithmetic (unsigned 32 bit)."""

    value: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ConstName:
    """A named constant not looked up yet (`tcp-syn`, `icmptype`); `resolve` makes it a `Const`."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FrameLength:
    """`len`, `length`: bytes of the whole frame, tags included."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldRef:
    """`ip.ttl`: a row of the field table. `outer` reads the frame's own packet whatever is open."""

    proto: str
    name: str
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Access:
    """`proto[offset:size]`, size 1, 2 or 4, big-endian."""

    proto: str
    offset: Arith
    size: int = 1
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    op: ArithOp
    left: Arith
    right: Arith
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus, modulo 2**32."""

    operand: Arith
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses round arithmetic, kept so that the printer gives back what was written."""

    operand: Arith
    span: Span = _span()


Arith: TypeAlias = Const | ConstName | FrameLength | FieldRef | Access | Binary | Negate | Group

# -------------------------------------------------------------------------------------------------------------- matches

Dir = Literal["src", "dst", "src or dst", "src and dst"]
IdType = Literal["host", "net", "port", "portrange", "proto", "protochain"]
EncapKind = Literal["vlan", "vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes", "pppoed"]


@dataclass(frozen=True, slots=True)
class Primitive:
    """`[proto] [dir] [type] value`: tcpdump's qualified id. What is not written is None (dir None means src or dst)."""

    proto: str | None
    dir: Dir | None
    type: IdType | None
    value: Value
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Elided:
    """A value alone: takes the qualifiers of the primitive before it in the text (`port 80 or 443`)."""

    value: Value
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProtoTest:
    """A protocol's name alone: `ip`, `ip6`, `arp`, `rarp`, `tcp`, `udp`, `sctp`, `icmp`, `icmp6`, `igmp`, `stp` ..."""

    proto: str
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Cast:
    """`[ether|ip|ip6] broadcast|multicast`."""

    proto: str | None
    kind: Literal["broadcast", "multicast"]
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LengthTest:
    """`less N` (len <= N), `greater N` (len >= N)."""

    kind: Literal["less", "greater"]
    value: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DirectionTest:
    direction: Literal["inbound", "outbound"]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IfindexTest:
    value: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Encap:
    """`vlan [ids]`, `vxlan [vni] [port N]` ...: true of a packet with that header, and opens what is inside."""

    kind: EncapKind
    values: Value | None = None
    port: int | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Relation:
    """`arith relop arith`; the right side may be an address where the left is an address field."""

    op: RelOp
    left: Arith
    right: Arith | IPv4 | IPv6 | Mac
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field in qualifier words, as table keys have it: `src`, `dst port`, `ether src`, `proto`, `vlan`, `ifindex`.

    `text` is the canonical spelling: one of src, dst, "src port", "dst port", proto, "ether src", "ether dst",
    vlan, vxlan, ifindex, each also with a leading protocol ("tcp dst port", "ip src").
    """

    text: str
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Member:
    """`FIELD in SET`, `(F1, F2) in TABLE`; `table` names a table, else `items` is the set."""

    keys: tuple[KeyField | FieldRef | Access | Binary | Group, ...]
    items: SetLiteral | Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TcpFlags:
    """`tcp flags S/SA`: of the flags in `mask` exactly those in `value` are set (bits of TCP byte 13)."""

    value: int
    mask: int
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FragmentTest:
    kind: Literal["any", "first", "last"]
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class MalformedTest:
    outer: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class StateTest:
    state: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class PayloadTest:
    """`payload starts "GET "`; not built yet."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ReservedTest:
    """`sni "x"`, `dns "x"`, `http host "x"`: reserved for later."""

    form: str
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Named:
    """A `let` match at the place of its use: counts as parenthesised."""

    name: str
    match: Match
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Paren:
    match: Match
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Not:
    match: Match
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class And:
    """A chain of two or more at one level, from left to right; never nested without a Paren."""

    items: tuple[Match, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Match, ...]
    span: Span = _span()


Atom: TypeAlias = (
    Primitive
    | Elided
    | ProtoTest
    | Cast
    | LengthTest
    | DirectionTest
    | IfindexTest
    | Encap
    | Relation
    | Member
    | TcpFlags
    | FragmentTest
    | MalformedTest
    | StateTest
    | PayloadTest
    | ReservedTest
    | Named
)
Match: TypeAlias = Atom | Paren | Not | And | Or

# ------------------------------------------------------------------------------------------------------ actions, guards


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pass`, `drop`, `reject`, `tx`; an action that decides."""

    kind: Literal["pass", "drop", "reject", "tx"]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Count:
    """`count "name"`: packets and bytes under a name of the author's."""

    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OtherAction:
    """An action that is parsed, not built: `log`, `mark`, `add`, `redirect` ... with its words in order."""

    kind: str
    words: tuple[str, ...]
    decides: bool = False
    span: Span = _span()


Action: TypeAlias = Verdict | Count | OtherAction


@dataclass(frozen=True, slots=True)
class Guard:
    """`over 100/s per src`, `within ...`, `connections > N`: parsed, not built."""

    kind: Literal["over", "within", "connections"]
    words: tuple[str, ...]
    span: Span = _span()


# ----------------------------------------------------------------------------------------------------------- statements

HookPoint = str
"""One of: "xdp", "tc ingress", "tc egress", "cgroup ingress", "cgroup egress", "socket", "netfilter prerouting" ..."""
Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class Hook:
    points: tuple[HookPoint, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Default:
    verdict: Literal["pass", "drop", "reject"]
    direction: Direction | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Let:
    """`let NAME = ...`. `value` is a match (whose bare `Elided` may yet be a set or value), a set, or a file's name."""

    name: str
    value: Match | SetLiteral | FileSet
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class FileSet:
    """`file "bots.txt"`: one value a line, read relative to the file that says so."""

    path: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Include:
    path: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Declaration:
    """`table`, `limit`, `pool`, `track`: parsed, not built."""

    kind: Literal["table", "limit", "pool", "track"]
    name: str | None
    words: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assert:
    verdict: str
    match: Match | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `number` is its place among all rules of the policy in reading order, from 0, set by `resolve`."""

    actions: tuple[Action, ...]
    match: Match | None = None
    guards: tuple[Guard, ...] = ()
    name: str | None = None
    lead: int = 0  # how many of the actions stood before the match
    span: Span = _span()
    number: int = -1


@dataclass(frozen=True, slots=True)
class Block:
    """`if HEAD { body } [else ...]`; `orelse` is the else branch: another block (`else if`), a body, or None."""

    match: Match | None
    guards: tuple[Guard, ...]
    body: tuple[Rule | Block, ...]
    orelse: Block | tuple[Rule | Block, ...] | None = None
    span: Span = _span()


Statement: TypeAlias = Hook | Default | Let | Include | Declaration | Assert | Rule | Block


@dataclass(frozen=True, slots=True)
class SourceTree:
    """One parsed file, statements in order."""

    statements: tuple[Statement, ...]
    file: int = 0


# --------------------------------------------------------------------------------------------------------------- policy


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked policy: names resolved, includes spliced, every rule numbered. What `lower` and the reference read."""

    name: str
    hooks: tuple[HookPoint, ...]
    defaults: tuple[tuple[Direction, Literal["pass", "drop"]], ...]  # ("inbound", v), ("outbound", v)
    body: tuple[Rule | Block, ...]
    rules: tuple[Rule, ...]
    netmask: int | None = None

    def default(self, direction: Direction) -> Literal["pass", "drop"]:
        return dict(self.defaults)[direction]
