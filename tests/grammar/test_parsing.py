"""Texts that parse, with the tree printed, and texts that do not, with code and place: one case file each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from ebpfc.compiler.ast.build import parse_expression, parse_source
from ebpfc.compiler.ast.printer import print_match, print_tree
from ebpfc.compiler.diagnostics.codes import CODES
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.source import SourceMap

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """`[case name]`, a text, `[out]`, what comes of it."""

    name: str
    text: str
    out: str


def load_cases(path: Path) -> list[Case]:
    pieces = re.split(r"^\[case (.+)\]\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    bodies = [body.split("[out]\n") for body in pieces[2::2]]
    return [Case(name, text, out.strip()) for name, (text, out) in zip(pieces[1::2], bodies, strict=True)]


STATEMENTS = load_cases(HERE / "statements.test")
REFUSED = load_cases(HERE / "refused.test")
EXPRESSIONS = (HERE / "expressions.test").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case.name)
def test_statements_print_as_they_should(case: Case) -> None:
    for text in (case.text, case.text.replace("\n", "\r\n"), case.text.rstrip("\n")):
        sources, sink = SourceMap(), Sink()
        tree = parse_source(sources, sources.add_text("case", text), sink)
        assert sink.items == []
        assert tree is not None
        assert print_tree(tree).strip() == case.out


@pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case.name)
def test_printed_statements_parse_to_the_same_tree(case: Case) -> None:
    sources, sink = SourceMap(), Sink()
    first = parse_source(sources, sources.add_text("case", case.text), sink)
    assert first is not None
    second = parse_source(sources, sources.add_text("again", print_tree(first)), sink)
    assert second is not None
    assert second.statements == first.statements


@pytest.mark.parametrize("line", EXPRESSIONS)
def test_expressions_print_as_they_should_and_parse_again(line: str) -> None:
    text, _, printed = (part.strip() for part in line.partition("=>"))
    sources, sink = SourceMap(), Sink()
    match = parse_expression(text, sources, sink)
    assert sink.items == []
    assert match is not None
    assert print_match(match) == (printed or text)
    assert parse_expression(print_match(match), sources, sink) == match


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_texts_are_refused_at_their_place(case: Case) -> None:
    assert "\n".join(findings(case.text)) == case.out


def findings(text: str) -> list[str]:
    """Code, line, column and the text under the span of each diagnostic."""
    sources, sink = SourceMap(), Sink()
    parse_source(sources, sources.add_text("case", text), sink)
    out = []
    for item in sink.items:
        line, column = sources.position(item.span)
        out.append(f"{item.code} {line}:{column} {sources.excerpt(item.span)}".rstrip())
        assert item.code in CODES
        assert item.severity == "error"
    return out


SAID = {
    "accept tcp dst port 22": "write `pass`",
    "block tcp": "write `drop`",
    "deny tcp": "write `drop`",
    "allow tcp": "write `pass`",
    "drop ip saddr 10.0.0.1": "write `src host 10.0.0.1`",
    "drop ip saddr 10.0.0.0/8": "write `src net 10.0.0.0/8`",
    "drop ip6 daddr != ::1": "write `not dst host ::1`",
    "pass tcp dport 22": "write `tcp dst port 22`",
    "pass tcp dport { 22, 80 }": "write `tcp dst port { 22, 80 }`",
    "pass udp sport != 53": "write `not udp src port 53`",
    "drop tcp -j DROP": "write `drop` at the front of the rule",
    "drop -p tcp --dport 22": "write `tcp`",
    "drop tcp --dport 80:90": "write `dst port 80-90`",
    "ct state established,related accept": "write `state established or state related`",
    "pass quick tcp": "leave it out",
    "pass in tcp": "write `inbound`",
    "drop tcp from 10.0.0.1 to 10.0.0.0/8 port 22": "write `src host 10.0.0.1 and dst net 10.0.0.0/8 and dst port 22`",
    "pass icmp type echo-request": "write `icmp.type == echo-request`",
    "drop port = 80": "write `port 80`",
    "drop port != 80": "write `not port 80`",
    "drop tcp dst port > 1023": "write `dst port 1024-65535`",
    "drop port 80, 443": "write `port {80, 443}`",
    "drop host 10.0.0.1:80": "write `host 10.0.0.1 and port 80`",
    "pass tco dst port 22": "did you mean `tcp`?",
    "drop tcp dst prot 22": "did you mean `port`?",
    "defualt drop": "did you mean `default`?",
    "drop ip[0]*3/4 == 1": "write blanks round the operator: `3 / 4`",
    "drop net 10.0.0.1/8": "write `10.0.0.0/8` for the net, or `host 10.0.0.1` for the one address",
    "drop tcp or udp and icmp": "write `tcp or (udp and icmp)`",
    "drop ip[0] * 2 % 3 == 1": "write the parentheses: `(ip[0] * 2) % 3`, or the other way round",
    "drop port 010": "write `10`, or hexadecimal with `0x`",
    "drop tcp dst port": "here may stand: a port, a range or a set",
    "drop src net": "here may stand: a net (`10.0.0.0/8`), a range or a set",
    "drop tcp dst port 22 log": "write `then log`",
    "drop tcp count": "write `then count`",
    "tcp dst port 22 drop": "write `then drop`",
    "drop ip[6:2] & 0x1fff % 8 = 1": "write the parentheses: `ip[6:2] & (0x1fff % 8)`",
    "drop ip[0] % 0x10 + len = 1": "write the parentheses: `(ip[0] % 0x10) + len`",
    "hook tc in": "write `tc ingress`",
    "hook xdp, tc out, socket in": "write `tc ingress`",
    "hook xdp tc ingress": "write a comma between two hooks",
    "let net = {10.0.0.0/8}": "choose another name: `net_` or `my_net`",
    "drop wlan host 00:00:5e:00:53:01": "write `ether src`",
    "drop port 80:90": "write `80-90`",
    "drop tcp and": "here may stand: a match",
    "drop port {80 443}": "write a comma before it: `, 443`",
    "drop src net in web": "write `src net SET`, without `in`",
    "tcp dst port 22": "put a verdict in front (`drop ...`), or an action after it (`... then drop`)",
    'drop iifname "eth0"': "leave it out, and attach the object",
    "pass Tcp dst port 80": "write `tcp`",
    "drop tcp; pass": "begin a new line here",
}


@pytest.mark.parametrize(("text", "hint"), SAID.items(), ids=list(SAID))
def test_the_first_hint_says_what_to_write(text: str, hint: str) -> None:
    sources, sink = SourceMap(), Sink()
    parse_source(sources, sources.add_text("case", text), sink)
    assert sink.items[0].hints[0].startswith(hint)


def test_an_empty_expression_is_refused() -> None:
    sink = Sink()
    assert parse_expression(" \n", SourceMap(), sink) is None
    assert [item.code for item in sink.items] == ["PF0203"]


def test_of_an_expression_only_the_first_mistake_is_told() -> None:
    sources, sink = SourceMap(), Sink()
    assert parse_expression("tcp dport 22", sources, sink) is None
    assert [(item.code, sources.excerpt(item.span)) for item in sink.items] == [("PF0209", "tcp dport 22")]


def test_a_bracket_points_at_the_one_that_is_open() -> None:
    sources, sink = SourceMap(), Sink()
    parse_source(sources, sources.add_text("case", "drop (port {80)}"), sink)
    (related,) = sink.items[0].related
    assert sources.excerpt(related.span) == "{"
