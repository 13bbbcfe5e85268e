"""A match as written → the same match with every name, word and set resolved, and its qualifiers known to make sense.

In: a `Match` of the tree. Out: the same shape (parentheses, elisions, order), where `Named` stands for a `let` match
and each value is what its place takes. What cannot be resolved stays as it was, with a diagnostic at the place.

An elided value takes the qualifiers of the primitive before it in the text. libpcap reads `tcp port 1 or (udp port 2)
or 3` differently (its parentheses give the old qualifiers back), so that text is refused: no text means two things.
"""

from __future__ import annotations

from dataclasses import replace
from operator import is_
from typing import assert_never

from ebpfc.compiler import names
from ebpfc.compiler.ast.matches import CONNECTION_STATES
from ebpfc.compiler.ast.nodes import (
    And,
    Cast,
    ConnectionsGuard,
    DirectionTest,
    Elided,
    Encap,
    FragmentTest,
    IfindexTest,
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    LengthTest,
    Mac,
    MalformedTest,
    Match,
    Member,
    Named,
    Not,
    Number,
    NumberRange,
    Or,
    Paren,
    PayloadTest,
    Primitive,
    ProtoTest,
    Relation,
    ReservedTest,
    SetLiteral,
    StateTest,
    TcpFlags,
    Value,
    Word,
    WordRange,
)
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.sema import refused
from ebpfc.compiler.sema.arithmetic import ArithmeticResolver
from ebpfc.compiler.sema.definitions import Definitions, NamedLimit, NamedMatch, NamedTable
from ebpfc.compiler.sema.domains import PORT, Domain, encap_domain, qualifier_domain
from ebpfc.compiler.sema.problems import closest_name, wrong_name
from ebpfc.compiler.sema.size import MAX_DEPTH, size_of
from ebpfc.compiler.sema.values import ValueResolver


class MatchResolver:
    """Resolves one match after another; `before` is what an elided value takes its qualifiers from."""

    def __init__(self, definitions: Definitions, values: ValueResolver, netmask: int | None, sink: Sink) -> None:
        self.definitions = definitions
        self.values = values
        self.arithmetic = ArithmeticResolver(values, sink)
        self.tables = self.arithmetic.tables
        self.netmask = netmask
        self.sink = sink
        self.whole = True  # no name that was refused stands in the match resolved last
        self.blocks = 0  # how many blocks stand around the match
        self.tracked: list[StateTest | ConnectionsGuard] = []  # what asks for connections, so far
        self._before: Primitive | None = None
        self._pcap: Primitive | None = None  # the same by libpcap's rule

    def resolve(self, match: Match) -> Match:
        """One whole match: of a rule, a head, a `let`."""
        self._before = self._pcap = None
        self.whole = True
        resolved = self._match(match)
        if self.blocks + size_of(resolved, self.definitions.sizes).depth > MAX_DEPTH:
            self.sink.error(
                "PF0206", f"nested more than {MAX_DEPTH} deep with its names written out", match.span, "too deep",
                ("name less in terms of other names",),
            )  # fmt: skip
        return resolved

    def _match(self, match: Match) -> Match:
        match match:
            case And() | Or():
                items = tuple([self._match(item) for item in match.items])
                return match if all(map(is_, items, match.items)) else replace(match, items=items)
            case Not():
                return replace(match, match=self._match(match.match))
            case Paren():
                outside = self._pcap
                inner = self._match(match.match)
                self._pcap = outside
                return replace(match, match=inner)
            case Primitive():
                resolved = self._primitive(match)
                self._before = self._pcap = resolved
                return resolved
            case Elided():
                return self._elided(match)
            case _:
                resolved_atom = self._other(match)
                self._before = self._pcap = None
                return resolved_atom

    # --- primitives and what they lend

    def _primitive(self, node: Primitive) -> Primitive:
        domain = self._domain(node)
        value = None if domain is None else self.values.resolve(node.value, domain)
        return node if value is None or value is node.value else replace(node, value=value)

    def _domain(self, node: Primitive) -> Domain | None:
        """What the qualifiers take; None after a diagnostic when they make no sense together."""
        if node.type == "proto" and node.dir is not None:
            self._senseless(node, f"`{node.dir} proto`", "a protocol has no direction", "leave `src` and `dst` out")
            return None
        domain = qualifier_domain(node.proto, node.type)
        if domain is not None:
            return domain
        kind = node.type if node.type is not None else "host"
        words = f"`{node.proto} {node.type or node.dir or 'host'}`"
        match kind:
            case "port" | "portrange":
                hint = "write `tcp`, `udp` or `sctp` before `port`, or nothing"
                if node.proto in ("ip", "ip6"):
                    hint = f"write `{node.proto} and port ...`"
                self._senseless(node, words, f"`{node.proto}` has no ports", hint)
            case "host" | "net" if node.proto == "ether":
                self._senseless(node, words, "a MAC address has no net", "write `ether host MAC`, or `net` alone")
            case "host" | "net" if node.type is None:
                hint = f"write `{node.proto} {node.dir or ''} port ...`".replace("  ", " ")
                hint = hint if node.proto in ("tcp", "udp", "sctp") else f"write `{node.proto} and {node.dir} host ...`"
                self._senseless(node, words, f"`{node.proto}` has no addresses", hint)
            case "host" | "net":
                hint = f"write `{node.proto} and {node.dir + ' ' if node.dir else ''}{kind} ...`"
                self._senseless(node, words, f"`{node.proto}` has no addresses", hint)
            case _:
                hint = "write `proto N`, `ip proto N`, `ip6 proto N` or `ether proto N`"
                self._senseless(node, words, f"`{node.proto}` carries no other protocol", hint)
        return None

    def _senseless(self, node: Primitive, words: str, label: str, hint: str) -> None:
        self.sink.error("PF0428", f"{words} makes no sense", node.span, label, (hint,))

    def _elided(self, node: Elided) -> Match:
        value = node.value
        if isinstance(value, Word) and not value.escaped:
            found = self.definitions.made.get(value.text)
            if isinstance(found, NamedMatch):
                self.definitions.look_up(value.text)
                self._before = self._pcap = None
                if not self.values.budget.take_tests(found.size.tests, node.span):
                    return node
                return Named(found.name, found.match, node.span)
            if isinstance(found, NamedTable | NamedLimit):
                wrong_name(found, "a match is wanted here", node.span, self.sink)
            if isinstance(found, NamedTable | NamedLimit) or value.text in self.definitions.broken:
                self.definitions.look_up(value.text)
                self._before = self._pcap = None
                self.whole = False
                return node
        before = self._before
        if before is None:
            self._nothing_to_take(node)
            return node
        if self._pcap is not None and _qualifiers(self._pcap) != _qualifiers(before):
            self.sink.error(
                "PF0309",
                "tcpdump would take other qualifiers for this value",
                node.span,
                f"here those of `{_words(before)}`, in tcpdump those of `{_words(self._pcap)}`",
                (f"write them: `{_words(before)} ...` or `{_words(self._pcap)} ...`",),
            )
            return node
        domain = qualifier_domain(before.proto, before.type)
        if isinstance(value, Word) and self._is_tcpdumps_test(value) and before.proto != "ether":
            self._unknown_name(node, value.text)
            return node
        resolved = None if domain is None else self.values.resolve(value, domain)
        self._pcap = before
        return node if resolved is None else replace(node, value=resolved)

    def _is_tcpdumps_test(self, word: Word) -> bool:
        """`proto 6 or isis`: a test of its own there, not a protocol's name."""
        return not word.escaped and word.text not in self.definitions.made and refused.word(word.text) is not None

    def _nothing_to_take(self, node: Elided) -> None:
        value = node.value
        if isinstance(value, Word | WordRange):
            text = value.text
            known = (text in names.KNOWN_WORDS and refused.word(text) is None) or text in self.definitions.made
            if not known:
                self._unknown_name(node, text)
                return
        self.sink.error(
            "PF0308",
            "a value alone, with nothing before it that says what it is",
            node.span,
            "no qualifiers to take",
            (self._qualifier_hint(value),),
        )

    def _unknown_name(self, node: Elided, text: str) -> None:
        if text in self.definitions.later:
            self.sink.error(
                "PF0301", f"`{text}` is used before it is defined", node.span, "not defined yet here",
                (self.definitions.moved(text),),
            )  # fmt: skip
            return
        reason = refused.word(text)
        if reason is not None:
            self.sink.error("PF0620", reason.message, node.span, reason.label, reason.hints)
            return
        close = closest_name(text, list(self.definitions.made))
        hint = f"did you mean `{close}`?" if close else f"define it above: `let {text} = ...`"
        hint = f"write `state` before it: `state {text}`" if text in CONNECTION_STATES else hint
        self.sink.error("PF0302", f"nothing is named `{text}`", node.span, "unknown name", (hint,))

    def _qualifier_hint(self, value: Value) -> str:
        match value:
            case Number() | NumberRange():
                return "write `port` before a port: `tcp dst port 443`"
            case IPv4() | IPv4Range() | IPv6() | IPv6Range():
                return "write `host` (or `src net` ...) before an address"
            case Mac():
                return "write `ether host` before a MAC address"
            case Word(text=text) | WordRange(text=text):
                if text in self.definitions.made:
                    return f"`{text}` is a set: write `src net {text}` or `dst port {text}`"
                return f"write `port {text}`" if text in PORT.words else f"write what `{text}` is: `proto {text}`"
            case SetLiteral():
                return "write `src net`, `dst port` ... before the set"
            case _:
                assert_never(value)

    # --- the other tests

    def _other(self, node: Match) -> Match:
        match node:
            case ProtoTest():
                self._protocol(node)
            case Cast():
                self._cast(node)
            case Encap():
                return self._encap(node)
            case Relation():
                return self.arithmetic.relation(node) or node
            case Member():
                return self.arithmetic.member(node) or node
            case StateTest():
                self.tracked.append(node)
            case PayloadTest():
                refused.not_built(self.sink, "PF0605", "payload starts", node.span)
            case ReservedTest():
                refused.not_built(self.sink, "PF0605", node.form, node.span, "match the port: `tcp dst port 443`")
            case (
                Named() | TcpFlags() | FragmentTest() | MalformedTest() | DirectionTest() | LengthTest() | IfindexTest()
            ):
                pass
            case And() | Or() | Not() | Paren() | Primitive() | Elided():
                raise AssertionError("these have their own place above")
            case _:
                assert_never(node)
        return node

    def _protocol(self, node: ProtoTest) -> None:
        if node.proto == "ether":
            self.sink.error(
                "PF0428", "`ether` alone is true of every packet", node.span, "says nothing",
                ("leave it out, or write `ether host`, `ether proto` ...",),
            )  # fmt: skip

    def _cast(self, node: Cast) -> None:
        if (node.proto, node.kind) == ("ip6", "broadcast"):
            self.sink.error(
                "PF0428",
                "`ip6 broadcast` makes no sense",
                node.span,
                "IPv6 has no broadcast",
                ("write `ip6 multicast`",),
            )
        elif (node.proto, node.kind) == ("ip", "broadcast") and self.netmask is None:
            self.sink.error(
                "PF0437", "`ip broadcast` needs the netmask of the network", node.span, "which network?",
                ("give it: `--netmask 255.255.255.0`; or write `ether broadcast`",),
            )  # fmt: skip

    def _encap(self, node: Encap) -> Encap:
        if node.port is not None and not 1 <= node.port <= 65535:
            hint = "write a port from 1 to 65535"
            self.sink.error("PF0420", f"{node.port} is no port: 1 to 65535", node.span, "at most 65535", (hint,))
        if node.values is None:
            return node
        value = self.values.resolve(node.values, encap_domain(node.kind))
        return node if value is None or value is node.values else replace(node, values=value)


def _qualifiers(node: Primitive) -> tuple[str | None, str | None, str | None, bool]:
    direction = None if node.dir == "src or dst" else node.dir
    return node.proto, direction, node.type, node.outer


def _words(node: Primitive) -> str:
    return " ".join(word for word in ("outer" if node.outer else None, node.proto, node.dir, node.type) if word)
