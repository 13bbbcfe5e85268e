"""What a resolved policy may not say though each of its words is right: scope of encapsulations, limits of hooks.

In: a `Policy` of `resolve`. Out: diagnostics only. Afterwards `lower` may rely on the limits of `fields.py` (MAX_TAGS,
MAX_OPEN, MAX_LABELS, MAX_PORTS, MAX_TRACKED, MAX_KEPT), on one kind of tunnel a UDP port, on bodies and keys that read
what the match before them opened, and on fields that every reachable hook has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ebpfc.compiler.ast.nodes import (
    Access,
    And,
    Arith,
    Binary,
    Block,
    ConnectionsGuard,
    DirectionTest,
    Encap,
    FieldRef,
    Group,
    HookPoint,
    Key,
    Match,
    Member,
    Named,
    Negate,
    Not,
    Or,
    Paren,
    Policy,
    Primitive,
    Relation,
    Rule,
    Span,
    StateTest,
)
from ebpfc.compiler.ast.printer import print_key
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.fields import MAX_KEPT, MAX_LABELS, MAX_OPEN, MAX_PORTS, MAX_TAGS, MAX_TRACKED, PORTS
from ebpfc.compiler.sema.closed_encaps import closed_encaps, head_hint
from ebpfc.compiler.sema.used_keys import reads_open_packet, reads_tag, used_fields


@dataclass(frozen=True, slots=True)
class Open:
    """What is open at a place: tunnels round the packet read, tags opened in it, labels that led to it at the last."""

    tunnels: int = 0
    tags: int = 0
    labels: int = 0


def check(policy: Policy, sink: Sink) -> None:
    checker = _Checker(policy, sink)
    for span in (*(table.span for table in policy.tables), *(limit.span for limit in policy.limits)):
        checker.kept(span)
    checker.body(policy.body, Open(), outbound=False)


class _Checker:
    def __init__(self, policy: Policy, sink: Sink) -> None:
        self.hooks: tuple[HookPoint, ...] = policy.hooks
        self.limits = {limit.name: limit for limit in policy.limits}
        self.sink = sink
        self._said: set[tuple[str, Span]] = set()
        self._kinds: dict[int, str] = {}  # of UDP port
        self._kept = 0

    def kept(self, span: Span) -> None:
        """One more table, limiter or list; the first over the limit is told."""
        self._kept += 1
        if self._kept == MAX_KEPT + 1:
            self._say(
                "PF0612", f"more than {MAX_KEPT} tables, limiters and `connections` in all", span, "one too many",
                "let rules share a limiter: `limit NAME 100/s per src`, then `over NAME`",
            )  # fmt: skip

    def body(self, items: tuple[Rule | Block, ...], here: Open, *, outbound: bool) -> None:
        """`outbound`: only outbound packets come here."""
        for item in items:
            if isinstance(item, Block):
                self._block(item, here, outbound)
                continue
            inside = here if item.match is None else self._chain(item.match, here, outbound=outbound)
            self._keys(item, inside, outbound)

    def _block(self, block: Block, here: Open, outbound: bool) -> None:
        inside = here
        if block.match is not None:
            inside = self._chain(block.match, here, outbound=outbound)
            self._head(block.match, block.body)
        self._keys(block, inside, outbound)
        self.body(block.body, inside, outbound=outbound or _only_outbound(block.match))
        if isinstance(block.orelse, Block):
            self._block(block.orelse, here, outbound)
        elif block.orelse is not None:
            self.body(block.orelse, here, outbound=outbound)

    # --- what is open

    def _chain(self, match: Match, here: Open, *, outbound: bool) -> Open:
        """Walks one `and` chain from the left; returns what is open behind it."""
        outbound = outbound or _only_outbound(match)
        for member in match.items if isinstance(match, And) else (match,):
            match member:
                case Encap():
                    here = self._opened(member, here)
                case Or():
                    for item in member.items:
                        self._chain(item, here, outbound=outbound)
                case And() | Paren() | Not() | Named():
                    inner = member if isinstance(member, And) else member.match
                    self._chain(inner, here, outbound=outbound)
                case StateTest():
                    self._tracked("state", member.span, here)
                case Relation() | Member():
                    if not outbound:
                        self._fields(_references(member))
                case _:
                    pass
        return here

    def _tracked(self, word: str, span: Span, here: Open) -> None:
        if here.tunnels > MAX_TRACKED:
            self._say(
                "PF0505", f"`{word}` inside two encapsulations", span, "two are open here",
                "ask it of the frame's own packet, or of the one inside the first",
            )  # fmt: skip

    def _opened(self, encap: Encap, here: Open) -> Open:
        match encap.kind:
            case "vlan":
                if here.tags == MAX_TAGS:
                    hint = "a third tag lies beyond the parser's limits; `malformed` is true of such a packet"
                    self._say("PF0501", "a third `vlan` is not looked for", encap.span, "two tags are open here", hint)
                    return here
                return Open(here.tunnels, here.tags + 1)
            case "mpls" if here.labels == MAX_LABELS:
                hint = "leave it out: the packet inside is behind the whole stack, however deep it is"
                self._say("PF0503", "a third `mpls` is not looked for", encap.span, "asks for the third label", hint)
                return here
            case "mpls" if here.labels:
                return replace(here, labels=here.labels + 1)
            case "pppoed":
                return here
            case _:
                return self._tunnel(encap, here)

    def _tunnel(self, encap: Encap, here: Open) -> Open:
        if here.tunnels == MAX_OPEN:
            self._say(
                "PF0609", f"`{encap.kind}` would be the third tunnel, one in another", encap.span,
                "two tunnels are open here", "leave one out, or match its outer header: `udp dst port`, `proto`",
            )  # fmt: skip
            return here
        if encap.kind in PORTS:
            self._port(encap, PORTS[encap.kind] if encap.port is None else encap.port)
        return Open(here.tunnels + 1, labels=int(encap.kind == "mpls"))

    def _port(self, encap: Encap, port: int) -> None:
        other = self._kinds.setdefault(port, encap.kind)
        if other != encap.kind:
            self._say(
                "PF0611", f"`{encap.kind}` and `{other}` on one UDP port, {port}", encap.span,
                f"this policy looks for `{other}` there", "a port carries one kind: give one of the two another `port`",
            )  # fmt: skip
        elif len(self._kinds) > MAX_PORTS:
            self._say(
                "PF0610", f"tunnels on more than {MAX_PORTS} UDP ports", encap.span, "one port too many",
                "look for tunnels on fewer ports, or split the policy",
            )  # fmt: skip

    def _say(self, code: str, message: str, span: Span, label: str, hint: str) -> None:
        """A named match is walked at each use; what is wrong in it is said once."""
        if (code, span) not in self._said:
            self._said.add((code, span))
            self.sink.error(code, message, span, label, (hint,))

    # --- heads

    def _head(self, head: Match, body: tuple[Rule | Block, ...]) -> None:
        """Refuses a head that seems to open a packet for its body and does not."""
        if not body:
            return
        for encap, how in closed_encaps(head):
            if encap.kind == "pppoed" or (encap.kind == "vlan" and not any(_reads_tags(item) for item in body)):
                continue
            where = f"opens nothing for the block: it stands {how}"
            self.sink.error(
                "PF0502",
                f"the block would read the {'outermost tag' if encap.kind == 'vlan' else 'outer packet'}",
                encap.span,
                where,
                (head_hint(encap),),
                (Related(head.span, "the head"),),
            )
            return

    def _keys(self, item: Rule | Block, inside: Open, outbound: bool) -> None:
        """What guards and actions read: of a packet that is open, and there at every hook that comes here."""
        fields = used_fields(item, self.limits)
        for guard in item.guards:
            if isinstance(guard, ConnectionsGuard) or not isinstance(guard.limiter, str):
                self.kept(guard.span)
        counting = [guard for guard in item.guards if isinstance(guard, ConnectionsGuard)]
        for guard in counting:
            self._tracked("connections", guard.span, inside)
        if not (outbound or _only_outbound(item.match)):
            self._fields(field for field in fields if isinstance(field, FieldRef))
        inner = [field for field in fields if reads_open_packet(field)]
        for encap, how in closed_encaps(item.match) if item.match is not None and (inner or counting) else ():
            field = next((field for field in inner if encap.kind != "vlan" or reads_tag(field)), None)
            if encap.kind == "pppoed" or (field is None and (encap.kind == "vlan" or not counting)):
                continue
            which = "outermost tag" if encap.kind == "vlan" else "outer packet"
            what = "`connections`" if field is None else f"the key `{print_key(Key((field,)))}`"
            label = f"opens nothing for the {'guard' if field is None else 'key'}: it stands {how}"
            self._say("PF0504", f"{what} would be of the {which}", encap.span, label, head_hint(encap))
            return

    # --- hooks

    def _fields(self, references: Iterable[FieldRef]) -> None:
        for ref in references:
            if (ref.proto, ref.name) == ("meta", "mark") and "xdp" in self.hooks:
                able = ", ".join(f"`{hook}`" for hook in ("tc ingress", "tc egress"))
                self._say(
                    "PF0701", "`meta.mark` cannot be read at `xdp`", ref.span, "no packet mark there yet",
                    f"the hooks {able} can: leave `xdp` out of `hook`",
                )  # fmt: skip


def _reads_tags(item: Rule | Block) -> bool:
    """Whether a rule or block asks for a tag or what stands behind one (`vlan`, `vlan.pcp`, `ether proto`)."""
    if item.match is not None and _match_reads_tags(item.match):
        return True
    if isinstance(item, Rule):
        return False
    orelse = item.orelse if isinstance(item.orelse, tuple) else (item.orelse,) if item.orelse is not None else ()
    return any(_reads_tags(inner) for inner in (*item.body, *orelse))


def _match_reads_tags(match: Match) -> bool:
    match match:
        case Encap():
            return match.kind == "vlan"
        case And() | Or():
            return any(_match_reads_tags(item) for item in match.items)
        case Paren() | Named() | Not():
            return _match_reads_tags(match.match)
        case Primitive():
            return (match.proto, match.type) == ("ether", "proto")
        case Relation() | Member():
            return any(ref.proto == "vlan" for ref in _references(match))
        case _:
            return False


def _only_outbound(match: Match | None) -> bool:
    members = match.items if isinstance(match, And) else (match,)
    return any(isinstance(member, DirectionTest) and member.direction == "outbound" for member in members)


def _references(node: Relation | Member) -> Iterator[FieldRef]:
    sides = (node.left, node.right) if isinstance(node, Relation) else node.keys
    for side in sides:
        if isinstance(side, FieldRef | Access | Binary | Negate | Group):
            yield from _arith_references(side)


def _arith_references(node: Arith) -> Iterator[FieldRef]:
    match node:
        case FieldRef():
            yield node
        case Access():
            yield from _arith_references(node.offset)
        case Binary():
            yield from _arith_references(node.left)
            yield from _arith_references(node.right)
        case Negate() | Group():
            yield from _arith_references(node.operand)
        case _:
            pass
