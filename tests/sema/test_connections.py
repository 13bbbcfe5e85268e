"""`connections > N`: what is taken, what is refused and where, what is said and what is warned about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ebpfc.compiler.ast.nodes import ConnectionsGuard, FieldRef, Key, KeyField, RateGuard
from ebpfc.compiler.ast.state import CROWDS_SIZE, LARGEST_SIZE

# wrong, code, the text underlined, right; each behind a line `track`
CASES = [
    # numbers
    ("drop connections > 256", "PF0420", "256", "drop connections > 255"),
    ("drop connections > 4294967295", "PF0420", "4294967295", "drop connections > 0xff"),
    ("drop connections > 4294967296", "PF0402", "4294967296", "drop connections > 0"),
    ("drop connections > 010", "PF0401", "010", "drop connections > 10"),
    ("drop connections > 5 per src size 0", "PF0420", "0", "drop connections > 5 per src size 1"),
    ("drop connections > 5 per src size 17M", "PF0420", "17M", "drop connections > 5 per src size 16M"),
    # options
    ("drop connections > 5 burst 9", "PF0213", "burst 9", "drop connections > 5 size 9"),
    ("drop connections > 5 per src full within", "PF0213", "full within", "drop connections > 5 per src"),
    ("drop connections > 5 per src per dst", "PF0215", "per dst", "drop connections > 5 per (src, dst)"),
    ("drop connections > 5 size 1k size 2k", "PF0215", "size 2k", "drop connections > 5 size 2k"),
    # keys
    ("drop connections > 5 per arp src", "PF0441", "arp src", "drop connections > 5 per ip src"),
    ("drop connections > 5 per src net", "PF0441", "src net", "drop connections > 5 per src/24"),
    ("drop connections > 5 per proto/24", "PF0443", "proto/24", "drop connections > 5 per (proto, src)/24/64"),
    ("drop connections > 5 per src/33", "PF0404", "33", "drop connections > 5 per src/32"),
    ("drop connections > 5 per ip.ttll", "PF0433", "ip.ttll", "drop connections > 5 per ip.ttl"),
    ("drop connections > 5 per tcp.mss", "PF0608", "tcp.mss", "drop connections > 5 per tcp.window"),
    ("drop connections > 5 per meta.mark", "PF0701", "meta.mark",
     "hook tc ingress\ndrop connections > 5 per meta.mark"),
    (
        "drop connections > 5 per (src, dst, src, dst, src)",
        "PF0446",
        "(src, dst, src, dst, src)",
        "drop connections > 5 per (src, dst, src, dst)",
    ),
    # what is open
    ("drop gre and ipip connections > 5", "PF0505", "connections > 5", "drop gre and not ipip connections > 5"),
    ("if mpls {\n if gtp connections > 5 {\n }\n}", "PF0505", "connections > 5", "if mpls connections > 5 {\n}"),
    ("if vxlan {\n drop gre over 5/s connections > 5 per src\n}", "PF0505", "connections > 5 per src",
     "if vxlan {\n drop (tcp) over 5/s connections > 5 per src\n}"),
    ("drop vxlan 1 or vxlan 2 connections > 5", "PF0504", "vxlan 1", "drop vxlan {1, 2} connections > 5"),
    ("drop (gre) connections > 5", "PF0504", "gre", "drop not (gre) connections > 5"),
    ("drop (gre) connections > 5 per outer src", "PF0504", "gre", "drop gre connections > 5 per outer src"),
    ("let g = gre\nif g connections > 5 per ifindex {\n}", "PF0504", "g", "let g = not gre\nif g connections > 5 {\n}"),
    ("drop (vlan 1) connections > 5 per vlan", "PF0504", "vlan 1", "drop (vlan 1) connections > 5 per src"),
    ("drop (pppoed and vlan 1) connections > 5 per (src, vlan)", "PF0504", "vlan 1",
     "drop (pppoed and vlan 1) connections > 5"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace("\n", "; "))
def test_wrong_and_right(refused: Callable[..., None], case: tuple[str, ...]) -> None:
    wrong, code, under, right = case
    refused(f"track\n{wrong}", code, under, f"track\n{right}")


UNTRACKED = {
    "drop connections > 5": "`connections` needs `track`: nothing keeps connections here",
    "if ip connections > 5 {\n drop state new\n}": "`connections` needs `track`: nothing keeps connections here",
    "drop state new connections > 5": "`state` needs `track`: nothing keeps connections here",
}


@pytest.mark.parametrize("text", UNTRACKED, ids=lambda text: text.replace("\n", "; "))
def test_without_track_it_is_refused_once(check: Callable[..., Any], text: str) -> None:
    (problem,) = check(text).diagnostics
    assert (problem.code, problem.message) == ("PF0323", UNTRACKED[text])
    assert problem.hints == ("write a line `track` at the top",)
    assert check(f"{text}\ntrack").errors == ()


SAID = {
    # another way of comparing
    "drop connections >= 5": ("`connections` is compared with one number, by `>`", "write `connections > 4`"),
    "drop connections 5": ("`connections` is compared with one number, by `>`", "write `connections > 5`"),
    "drop connections over 5": ("`connections` is compared with one number, by `>`", "write `connections > 10`"),
    "drop connections >= 0": ("`connections` is compared with one number, by `>`", "write `connections > 10`"),
    "pass connections < 5": ("`connections` is compared with one number, by `>`", "turn the rule round"),
    "drop connections per src > 5": ("`connections` is compared with one number, by `>`", "write `connections > 10`"),
    "drop connections > 5/s": ("`5/s` cannot stand here", "here may stand: a number"),
    "drop connections": ("the statement ends after `connections`", "here may stand: `>`"),
    # guards and the match
    "drop tcp and connections > 5": ("`connections` is a guard, and no part of the match", "leave out the `and`"),
    "drop tcp && over 5/s": ("`over` is a guard, and no part of the match", "leave out the `&&`"),
    "drop tcp or within 5/s": ("`within` is a guard, and no part of the match", "make two rules"),
    "drop not over 5/s": ("`over` is a guard, and no part of the match", "write `within` instead"),
    "drop not within 5/s": ("`within` is a guard, and no part of the match", "write `over` instead"),
    "drop not connections > 5": ("`connections` is a guard, and no part of the match", "write `if connections > N {`"),
    "drop tcp over 5/s and udp": ("the match ends where the guards begin", "put this before the first guard"),
    "if connections > 5 || udp {\n}": ("the match ends where the guards begin", "make another rule of it"),
    "drop over 5/s then log and tcp": ("`and` cannot stand here", "here may stand"),
    "drop connections > 5 by src": ("a guard has its key behind `per`", "write `per` for `by`"),
    # options
    "drop connections > 5 burst 2": ("`burst` is no option of `connections`", "connections have no rate"),
    "drop connections > 999 per src": ("at most 255 connections of a key are counted", "write `connections > 255`"),
    # scope
    "drop (gre) connections > 5": ("`connections` would be of the outer packet", "write `gre` directly"),
    "drop gre and gre connections > 5": ("`connections` inside two encapsulations", "ask it of the frame's own packet"),
}


@pytest.mark.parametrize("text", SAID, ids=lambda text: text.replace("\n", "; "))
def test_what_is_said(check: Callable[..., Any], text: str) -> None:
    problem = check(f"track\n{text}").diagnostics[0]
    message, hint = SAID[text]
    assert problem.message == message
    assert problem.hints[0].startswith(hint)


def test_a_policy_holds_what_guards_say(check: Callable[..., Any]) -> None:
    policy = check(
        "track\ndrop connections > 0\n"
        "drop over 5/s connections > 255 size 16M per (mpls, src)/24/64 connections > 1 per vlan\n"
        "if connections > 7 per dst port {\n drop\n}"
    ).policy
    first, second, _ = policy.rules
    assert first.guards == (ConnectionsGuard(0, None, CROWDS_SIZE),)
    rate, *counts = second.guards
    assert isinstance(rate, RateGuard)
    key = Key((FieldRef("mpls", "label"), KeyField("src")), 24, 64)
    assert counts == [ConnectionsGuard(255, key, LARGEST_SIZE), ConnectionsGuard(1, Key((KeyField("vlan"),)))]
    assert policy.body[2].guards == (ConnectionsGuard(7, Key((KeyField("dst port"),))),)


def test_spans_are_of_the_guard_and_its_key(check: Callable[..., Any]) -> None:
    text = "track\ndrop tcp connections > 7 per (src, dst)/24/64 size 5 then log"
    (guard,) = check(text).policy.rules[0].guards
    assert text[guard.span.start : guard.span.end] == "connections > 7 per (src, dst)/24/64 size 5"
    assert text[guard.key.span.start : guard.key.span.end] == "(src, dst)/24/64"


SAFE = "track\ndrop malformed\n"
BOTH = "hook tc ingress, tc egress\ndefault drop\ntrack\npass arp\npass icmp6[icmp6type] in {2, 133-137}\n"

# text, what is found
WARNED: list[tuple[str, list[tuple[str, str]]]] = [
    (SAFE + "drop tcp connections > 5\ndrop tcp connections > 5\ndrop tcp", []),
    (SAFE + "drop tcp\ndrop tcp connections > 5", [("PF0802", "drop tcp connections > 5")]),
    (SAFE + "if connections > 5 {\n drop ip6\n drop ip6\n}\ndrop ip6", [("PF0802", "drop ip6")]),
    (SAFE + "if connections > 5 {\n} else {\n drop arp\n}\nif connections > 5 {\n} else {\n pass arp\n}", []),
    ("track\ndrop malformed connections > 5", [("PF0805", "")]),
    ("track\ndrop connections > 5", [("PF0805", "")]),
    (SAFE + "drop tcp and udp connections > 5", [("PF0801", "tcp and udp")]),
    (BOTH + "pass state established\npass tcp and state new connections > 0", []),
]


@pytest.mark.parametrize(("text", "found"), WARNED, ids=[case[0].replace("\n", "; ") for case in WARNED])
def test_warnings(check: Callable[..., Any], text: str, found: list[tuple[str, str]]) -> None:
    assert [(code, place) for code, place in check(text).found] == found
