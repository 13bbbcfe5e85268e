"""What a checked policy guarantees: words are numbers by their place, sets flat, rules numbered."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from ebpfc.compiler.ast.nodes import (
    And,
    Const,
    ConstName,
    Elided,
    FieldRef,
    FileSet,
    IPv4,
    IPv6,
    Let,
    Member,
    Named,
    Number,
    NumberRange,
    Primitive,
    Relation,
    SetLiteral,
    Word,
    WordRange,
)
from ebpfc.compiler.sema import policy_name
from ebpfc.testing.pcap_targets import nodes
from ebpfc.testing.random_policies import random_policy


def only_match(found: Any) -> Any:
    assert found.errors == ()
    return found.policy.rules[0].match


# --- a word means what its place says


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("port domain", Number(53)),
        ("port ftp-data", Number(20)),
        ("port ftp-data-http", NumberRange(20, 80)),
        ("portrange 20-http", NumberRange(20, 80)),
        ("portrange ssh-1024", NumberRange(22, 1024)),
        ("ip proto gre", Number(47)),
        ("proto ipv6-icmp", Number(58)),
        (r"proto \tcp", Number(6)),
        ("ip proto tcp", Number(6)),
        ("ether proto arp", Number(0x0806)),
        ("ether proto lldp", Number(0x88CC)),
        ("net 10", IPv4(0x0A000000, 8)),
        ("net 10.1", IPv4(0x0A010000, 16)),
        ("net 10.1.2.3", IPv4(0x0A010203)),
        ("net 10.0.0.0 mask 255.0.0.0", IPv4(0x0A000000, 8)),
        ("net 10.0.0.5 mask 255.0.0.255", IPv4(0x0A000005, None, 4, 0xFF0000FF)),
        ("net 0.0.0.0/0", IPv4(0, 0)),
        ("net 10/8", IPv4(0x0A000000, 8)),
        ("src 10.0.0.0/8", IPv4(0x0A000000, 8)),
        ("host 10.0.0.1/32", IPv4(0x0A000001, 32)),
        ("host ::1/128", IPv6(1, 128)),
        ("host {10.0.0.1, ::1}", SetLiteral((IPv4(0x0A000001), IPv6(1)))),
    ],
)  # fmt: skip
def test_values(check_expression: Callable[..., Any], text: str, value: object) -> None:
    match = only_match(check_expression(text))
    assert isinstance(match, Primitive)
    assert _plain(match.value) == _plain(value)


def _plain(value: Any) -> Any:
    """An IPv4 with `parts` left out: once there is a length it says nothing."""
    return (value.address, value.length, value.mask) if isinstance(value, IPv4) else value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("ip.dscp == ef", 46),
        ("ip.protocol == tcp", 6),
        ("ip6.nexthdr == ipv6-icmp", 58),
        ("tcp.dport == ssh", 22),
        ("icmp.type == echo-request", 8),
        ("icmp6.type == echo-request", 128),
        ("icmp6.type == nd-neighbor-solicit", 135),
        ("arp.op == request", 1),
        ("ether.type == ip6", 0x86DD),
        ("tcp[tcpflags] == tcp-syn", 2),
        ("icmp[icmptype] == icmp-echo", 8),
        ("ip.ecn == ce", 3),
        ("tcp.flags & 3 == syn", 2),
    ],
)
def test_constants(check_expression: Callable[..., Any], text: str, number: int) -> None:
    match = only_match(check_expression(text))
    assert isinstance(match, Relation)
    assert match.right == Const(number)


def test_names_in_arithmetic(check: Callable[..., Any]) -> None:
    match = only_match(check("let least = 5\nlet server = 10.0.0.1\ndrop ip.ttl < least and ip.saddr == server"))
    assert [item.right for item in match.items] == [Const(5), IPv4(0x0A000001)]


# --- shapes


def test_sets_in_sets_are_flat(check: Callable[..., Any]) -> None:
    match = only_match(check("let a = {80, https}\nlet b = {a, 8080}\nlet c = b\ndrop port {c, ssh}"))
    assert match.value == SetLiteral((Number(80), Number(443), Number(8080), Number(22)))


def test_a_named_set_keeps_its_name(check: Callable[..., Any]) -> None:
    match = only_match(check("let a = {80, https}\ndrop tcp port 22 or a"))
    assert match.items[1] == Elided(SetLiteral((Number(80), Number(443)), "a"))


def test_one_word_in_two_places(check: Callable[..., Any]) -> None:
    match = only_match(check("let echos = {echo-request}\ndrop icmp.type in echos or icmp6.type in echos"))
    assert all(isinstance(item, Member) for item in match.items)
    assert [item.items.items for item in match.items] == [(Number(8),), (Number(128),)]


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("geneve", FieldRef("geneve", "vni")),
        ("gre", FieldRef("gre", "key")),
        ("gtp", FieldRef("gtp", "teid")),
        ("mpls", FieldRef("mpls", "label")),
        ("pppoes", FieldRef("pppoes", "session")),
    ],
)
def test_an_encapsulation_before_in_is_its_value(check: Callable[..., Any], word: str, field: FieldRef) -> None:
    match = only_match(check(f"let some = {{5, 7-9}}\ndrop {word} in some"))
    assert match == Member((field,), SetLiteral((Number(5), NumberRange(7, 9)), "some"))


def test_a_named_match_stands_for_itself(check: Callable[..., Any]) -> None:
    match = only_match(check("let web = tcp port 80 or 443\nlet more = web\ndrop more and ip"))
    assert isinstance(match, And)
    more = match.items[0]
    assert isinstance(more, Named)
    assert (more.name, more.match.name) == ("more", "web")
    assert more.match.match.items[1] == Elided(Number(443))


def test_elision_crosses_parentheses_where_tcpdump_agrees(check_expression: Callable[..., Any]) -> None:
    for text in ("port (80 or 443) or 90", "port 80 or (443 or 90)", "(port 80) or 90", "not port 80 and 90"):
        assert check_expression(text).errors == ()
    assert check_expression("tcp port 80 or (tcp port 81) or 90").errors == ()


def test_rules_are_numbered_through_blocks(check: Callable[..., Any]) -> None:
    found = check(
        "drop arp\nif ip {\n drop udp\n if tcp {\n  pass\n }\n} else if ip6 {\n drop\n} else {\n pass\n}\ndrop"
    )
    assert found.errors == ()
    assert [rule.number for rule in found.policy.rules] == list(range(6))
    assert [rule.actions[0].kind for rule in found.policy.rules] == ["drop", "drop", "pass", "drop", "pass", "drop"]


def test_defaults(check: Callable[..., Any]) -> None:
    def defaults(text: str) -> tuple[str, str]:
        policy = check(text + "pass arp").policy
        return policy.default("inbound"), policy.default("outbound")

    assert defaults("") == ("pass", "pass")
    assert defaults("default drop\n") == ("drop", "drop")
    assert defaults("default drop\ndefault pass outbound\n") == ("drop", "pass")
    assert defaults("default pass outbound\ndefault drop\n") == ("drop", "pass")
    assert defaults("default drop inbound\n") == ("drop", "pass")


def test_hooks(check: Callable[..., Any]) -> None:
    assert check("pass").policy.hooks == ("xdp",)
    assert check("hook tc ingress, tc egress\npass").policy.hooks == ("tc ingress", "tc egress")
    assert check("hook tc egress\nhook xdp\npass").policy.hooks == ("tc egress", "xdp")


def test_an_expression_passes_what_it_matches(check_expression: Callable[..., Any]) -> None:
    policy = check_expression("tcp dst port 22").policy
    assert policy.default("inbound") == policy.default("outbound") == "drop"
    assert [action.kind for action in policy.rules[0].actions] == ["pass"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("rules.pf", "rules"),
        ("/etc/a b/edge-1.pf", "edge-1"),
        ("../../x/../evil;rm -rf.pf", "evil_rm_-rf"),
        ("ü.pf", "_"),
        ("x" * 100 + ".pf", "x" * 32),
        ("", "policy"),
        ("a\n\0b.pf", "a_b"),
    ],
)
def test_policy_names(path: str, name: str) -> None:
    assert policy_name(path) == name


# --- the guarantees, of random policies


@pytest.mark.parametrize("seed", range(40))
def test_nothing_unresolved_is_left(seed: int) -> None:
    _, policy = random_policy(Random(seed), rules=12)
    assert [rule.number for rule in policy.rules] == list(range(len(policy.rules)))
    for node in nodes(policy):
        assert not isinstance(node, Word | WordRange | ConstName | FileSet | Let)
        if isinstance(node, SetLiteral):
            assert not any(isinstance(item, SetLiteral) for item in node.items)
        if isinstance(node, IPv4) and node.mask is None:
            assert (
                node.address & (0xFFFFFFFF >> (32 if node.length is None else node.length)) == 0 or node.length is None
            )
