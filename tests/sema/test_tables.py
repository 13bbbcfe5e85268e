"""Tables, limiters, guards and actions on them: what is taken, what is refused and where, what is warned about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ebpfc.compiler.ast.nodes import (
    Add,
    Delete,
    FieldRef,
    Key,
    KeyField,
    Limiter,
    Log,
    Member,
    Rate,
    RateGuard,
    Table,
    TableName,
)

SECOND = 10**9

# wrong, code, the text underlined, right
CASES = [
    # names
    ("drop src in t\ntable t key src", "PF0301", "t", "table t key src\ndrop src in t"),
    ("drop over l\nlimit l 5/s", "PF0301", "l", "limit l 5/s\ndrop over l"),
    ("tcp then add src to t\ntable t key src", "PF0301", "t", "table t key src\ntcp then add src to t"),
    ("drop src in t", "PF0302", "t", "let t = {::1}\ndrop src in t"),
    ("drop dst port in knocks", "PF0302", "knocks", "drop dst port in ssh"),
    ("drop (src, dst) in t", "PF0302", "t", "table t key (src, dst)\ndrop (src, dst) in t"),
    ("drop over l", "PF0302", "l", "drop over 5/s"),
    ("tcp then delete src from t", "PF0302", "t", "table t key src\ntcp then delete src from t"),
    ("table t key src\nlet t = 5\ndrop src in t", "PF0303", "t", "table t key src\nlet u = 5\ndrop src in t"),
    ("limit t 5/s\ntable t key src\ndrop over t", "PF0303", "t", "limit l 5/s\ndrop over l"),
    ("table ssh key src\npass", "PF0304", "ssh", "table shells key src\npass src in shells"),
    ("limit slow 5/s\npass", "PF0304", "slow", "limit polite 5/s\npass within polite"),
    ("let w = {::1}\ntcp then add src to w", "PF0321", "w", "table w key src\ntcp then add src to w"),
    ("table t key src\ndrop over t", "PF0321", "t", "limit t 5/s\ndrop over t"),
    ("table t key src\ndrop src net t", "PF0321", "t", "table t key src\ndrop src in t"),
    ("table t key src\ndrop src in {t, ::1}", "PF0321", "t", "table t key src\ndrop src in t or src in {::1}"),
    ("table t key src\ndrop tcp and t", "PF0321", "t", "table t key src\ndrop tcp and src in t"),
    ("limit l 5/s\ndrop l", "PF0321", "l", "limit l 5/s\ndrop within l"),
    ("limit l 5/s\ndrop src in l", "PF0321", "l", "limit l 5/s\ndrop arp over l"),
    ("table t key src\nlet u = t\ndrop src in t", "PF0321", "t", "table t key src\nlet u = src in t\ndrop u"),
    ("let s = {::1}\ndrop (src, dst) in s", "PF0439", "(src, dst) in s", "let s = {::1}\ndrop src in s and dst in s"),
    # fields of keys
    ("table t key arp src\npass", "PF0441", "arp src", "table t key src\npass src in t"),
    ("table t key ip proto\npass", "PF0441", "ip proto", "table t key proto\npass proto in t"),
    ("table t key ether proto\npass", "PF0441", "ether proto", "table t key ether.type\npass ether.type in t"),
    ("table t key ip.ttl\ndrop ip[8] in t", "PF0441", "ip[8]", "table t key ip.ttl\ndrop ip.ttl in t"),
    ("drop over 5/s per rarp dst", "PF0441", "rarp dst", "drop over 5/s per outer dst"),
    ("table t key ip.ttll\npass", "PF0433", "ip.ttll", "table t key ip.ttl\npass ip.ttl in t"),
    ("table t key tcp.mss\npass", "PF0608", "tcp.mss", "table t key tcp.window\npass tcp.window in t"),
    (
        "table t key (src, dst, src, dst, src)\npass",
        "PF0446",
        "(src, dst, src, dst, src)",
        "table t key (src, dst, src, dst, dst port)\npass (src, dst, dst, src, src port) in t",
    ),
    # keys that do not fit
    ("table t key src\ndrop (src, dst) in t", "PF0442", "(src, dst) in t", "table t key src\ndrop dst in t"),
    ("table t key (src, dst)\ndrop src in t", "PF0442", "src in t", "table t key src\ndrop ip6.daddr in t"),
    ("table t key src\ndrop ether src in t", "PF0442", "ether src", "table t key src\ndrop ip src in t"),
    ("table t key dst port\ndrop ip.ttl in t", "PF0442", "ip.ttl", "table t key dst port\ndrop tcp.sport in t"),
    ("table t key vlan\ndrop vxlan in t", "PF0442", "vxlan", "table t key vlan\ndrop vlan in t"),
    ("table t key (src, proto)\ntcp then add (proto, src) to t", "PF0442", "proto",
     "table t key (src, proto)\ntcp then add (dst, ip.protocol) to t"),
    ("table t key src net\ntcp then delete ether src from t", "PF0442", "ether src",
     "table t key src net\ntcp then delete src from t"),
    # masks and nets
    ("drop over 5/s per proto/24", "PF0443", "proto/24", "drop over 5/s per ip.saddr/24"),
    ("limit l 5/s per (src, dst port)/24\ndrop over l", "PF0443", "(src, dst port)/24",
     "limit l 5/s per (dst port, src)/24/64\ndrop over l"),
    ("table t key ether src net\npass", "PF0443", "ether src net", "table t key src net\npass src in t"),
    # what is open, and where
    ("drop vxlan 1 or vxlan 2 over 5/s per src", "PF0504", "vxlan 1", "drop vxlan {1, 2} over 5/s per src"),
    ("drop (gre) over 5/s per src", "PF0504", "gre", "drop (gre) over 5/s per outer src"),
    ("let g = gre\ndrop g over 5/s per src", "PF0504", "g", "let g = gre\ndrop not g over 5/s per src"),
    ("table t key src\n(gre) then add src to t", "PF0504", "gre", "table t key src\ngre then add src to t"),
    ("limit l 5/s per src\nif (gre) over l {\n}", "PF0504", "gre", "limit l 5/s per ifindex\nif (gre) over l {\n}"),
    ("drop (vlan 1) over 5/s per vlan", "PF0504", "vlan 1", "drop (vlan 1) over 5/s per src"),
    ("drop (vlan 1) over 5/s per vlan.pcp", "PF0504", "vlan 1", "drop vlan 1 over 5/s per vlan.pcp"),
    ("hook xdp, tc ingress\ndrop over 5/s per meta.mark", "PF0701", "meta.mark",
     "hook tc ingress\ndrop over 5/s per meta.mark"),
    ("hook xdp, tc egress\nlimit l 5/s per meta.mark\ndrop inbound over l", "PF0701", "meta.mark",
     "hook xdp, tc egress\nlimit l 5/s per meta.mark\ndrop outbound over l"),
    # not yet
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace("\n", "; "))
def test_wrong_and_right(refused: Callable[..., None], case: tuple[str, ...]) -> None:
    refused(*case)


SAID = {
    "table banned key src\ndrop src in bannd": ("nothing is named `bannd`", "did you mean `banned`?"),
    "drop src in banned": (
        "nothing is named `banned`",
        "declare it above: `let banned = {...}`, or `table banned ...`",
    ),
    "tcp then add src to banned": ("no table is named `banned`", "declare it above: `table banned key src`"),
    "drop over polite": ("no limiter is named `polite`", "declare it above: `limit polite 100/s`"),
    "drop src in t\ntable t key src": ("`t` is used before it is defined", "move `table t ...` above this line"),
    "drop src in t\nlet t = {::1}": ("`t` is used before it is defined", "move `let t = ...` above this line"),
    "table t key src\ndrop src net t": (
        "`t` is a table, and an IP address or net is wanted here",
        "write a field before it: `src in t`",
    ),
    "limit l 5/s\ndrop l": ("`l` is a limiter, and a match is wanted here", "it stands behind `over` or `within`"),
    "table t key (src, dst port)\ndrop src in t": (
        "the key of `t` has two fields, and one field stands here",
        "write `(src, dst port)`, or fields of the same width and kind",
    ),
    "table t key dst port\ndrop ip.ttl in t": (
        "`ip.ttl` is a number of 8 bits, and `t` has a number of 16 bits there, `dst port`",
        "write `dst port`, or fields of the same width and kind",
    ),
    "table t key arp src\npass": ("`arp src` cannot be part of a key", "write `src`: the address of IPv4 or IPv6"),
    "drop over 1bit/s": ("`1bit/s` is slower than can be counted exactly", "write at least `16kbit/s`"),
    "drop over 100B/d": ("`100B/d` is slower than can be counted exactly", "write at least `165MB/d`"),
    "drop (gre) over 5/s per src": (
        "the key `src` would be of the outer packet",
        "write `gre` directly in the `and` chain",
    ),
    "table t src": ("`key` is missing between `t` and `src`", "write `key src`"),
    "tcp then add src t": ("`to` is missing between `src` and `t`", "write `to t`"),
    "limit l per src": ("`per` cannot stand here", "here may stand: a rate (`100/s`)"),
    "drop over polite burst 5": (
        "`burst` belongs to the line that declares `polite`",
        "write it there: `limit polite RATE burst ...`",
    ),
}


@pytest.mark.parametrize(("text", "said"), SAID.items(), ids=[text.replace("\n", "; ") for text in SAID])
def test_errors_say_what_is_wrong_and_what_to_write(
    check: Callable[..., Any], text: str, said: tuple[str, str]
) -> None:
    (problem,) = check(text).diagnostics
    message, hint = said
    assert problem.message == message
    assert problem.hints[0].startswith(hint)


def test_a_wrong_key_shows_where_the_table_is_declared(check: Callable[..., Any]) -> None:
    text = "table pairs key (src, dst)\ndrop src in pairs"
    (problem,) = check(text).diagnostics
    (declared,) = problem.related
    assert text[declared.span.start : declared.span.end] == "pairs"


def test_a_refused_table_is_not_reported_again_where_it_is_used(check: Callable[..., Any]) -> None:
    uses = "drop src in t\ndrop (src, dst) in t\ntcp then add src to t, delete src from t"
    assert [code for code, _ in check(f"table t key arp src\n{uses}").errors] == ["PF0441"]
    assert [code for code, _ in check("limit l 5/s per arp src\ndrop over l within l").errors] == ["PF0441"]


# ------------------------------------------------------------------------------------------------- what a policy holds


def test_tables_and_limits_of_a_policy(check: Callable[..., Any]) -> None:
    found = check(
        "limit polite 5Mbit/s per (dst port, src)/24/64 burst 9 size 1k full within\n"
        "table a key (mpls, outer src net) size 3 evict no\n"
        "table b key src timeout 1500ms\n"
        "drop (mpls, dst) in a or not src in b over polite\n"
        'within 2/h then add dst to b for 2m, delete src from b, log, log "x" 0 bytes\n'
    )
    assert found.errors == ()
    a, b = found.policy.tables
    assert a == Table("a", Key((FieldRef("mpls", "label"), KeyField("src", outer=True))), True, None, 3, False)
    assert b == Table("b", Key((KeyField("src"),)), False, 1_500_000_000, 65_536, True)
    (limit,) = found.policy.limits
    key = Key((KeyField("dst port"), KeyField("src")), 24, 64)
    assert limit.limiter == Limiter(Rate(5_000_000, "bits", SECOND), key, 9, 1024, "within")

    first, second = found.policy.rules
    member = first.match.items[0]
    assert member == Member((FieldRef("mpls", "label"), KeyField("dst")), TableName("a"))
    assert first.guards == (RateGuard("over", "polite"),)
    assert second.guards == (RateGuard("within", Limiter(Rate(2, "packets", 3600 * SECOND))),)
    assert second.actions == (
        Add(Key((KeyField("dst"),)), "b", 120 * SECOND),
        Delete(Key((KeyField("src"),)), "b"),
        Log("", 96),
        Log("x", 0),
    )


@pytest.mark.parametrize(
    ("text", "amount", "unit", "period"),
    [
        ("100/s", 100, "packets", SECOND),
        ("1k/h", 1000, "packets", 3600 * SECOND),
        ("16G/s", 16 * 10**9, "packets", SECOND),
        ("1/d", 1, "packets", 86_400 * SECOND),
        ("16kbit/s", 16_000, "bits", SECOND),
        ("10Gbit/s", 10**10, "bits", SECOND),
        ("2MB/s", 2_000_000, "bytes", SECOND),
        ("165MB/d", 165_000_000, "bytes", 86_400 * SECOND),
    ],
)
def test_rates(check: Callable[..., Any], text: str, amount: int, unit: str, period: int) -> None:
    (rule,) = check(f"drop over {text}").policy.rules
    assert rule.guards[0].limiter.rate == Rate(amount, unit, period)


def test_keys_of_a_head_are_resolved_too(check: Callable[..., Any]) -> None:
    (block,) = check("if mpls over 5/s per mpls {\n drop tcp\n}").policy.body
    assert block.guards[0].limiter.key == Key((FieldRef("mpls", "label"),))


# ------------------------------------------------------------------------------------------------------------- warnings

WARNED = [
    # a name that nothing uses
    ("table t key src\ndrop malformed", [("PF0804", "t")]),
    ("limit l 5/s\ndrop malformed", [("PF0804", "l")]),
    ("table t key src\ndrop malformed\ndrop src in t", []),
    ("table t key src\ndrop malformed\ntcp then add src to t", []),
    ("limit l 5/s\ndrop malformed over l", [("PF0805", "")]),
    # what is dropped only at times is not dropped
    ("drop malformed over 5/s", [("PF0805", "")]),
    ("drop over 5/s", [("PF0805", "")]),
    # a guard, or a table, decides only at times
    ("drop malformed\ndrop tcp over 5/s\ndrop tcp over 5/s\ndrop tcp", []),
    ("drop malformed\ndrop tcp\ndrop tcp over 5/s", [("PF0802", "drop tcp over 5/s")]),
    ("table t key src\ndrop malformed\ndrop src in t\ntcp then add src to t\ndrop src in t", []),
    ("table t key src\ndrop malformed\ndrop not src in t\ntcp then delete src from t\ndrop not src in t", []),
    ("table t key src\ndrop malformed\ndrop tcp\ndrop tcp and src in t", [("PF0802", "drop tcp and src in t")]),
    ("let b = src in t\ntable t key src\ndrop malformed", [("PF0301", "t")]),
    # blocks whose heads hold at times
    (
        "drop malformed\nif tcp over 5/s {\n drop ip6\n drop ip6\n}\nif tcp over 5/s {\n pass ip6\n}",
        [("PF0802", "drop ip6")],
    ),
    ("drop malformed\nif tcp {\n drop ip6\n}\nif tcp over 5/s {\n pass ip6\n}", [("PF0802", "pass ip6")]),
    ("drop malformed\nif tcp over 5/s {\n} else {\n drop arp\n}\nif tcp over 5/s {\n} else {\n pass arp\n}", []),
    ("drop malformed\nif tcp {\n} else {\n drop arp\n}\nif tcp over 5/s {\n} else {\n pass arp\n}", []),
    (
        "table t key src\ndrop malformed\nif src in t {\n drop tcp\n}\nthen add src to t\nif src in t {\n pass tcp\n}",
        [],
    ),
    # what is in a table has the field
    ("table t key src\ndrop malformed\ndrop arp and src in t", [("PF0801", "arp and src in t")]),
    ("table t key src port\ndrop malformed\ndrop udp and tcp src port in t", [("PF0801", "udp and tcp src port in t")]),
    ("table t key ip.ttl\ndrop malformed\ndrop ip6 and ip.ttl in t", [("PF0801", "ip6 and ip.ttl in t")]),
    ("table t key ip.ttl\ndrop malformed\ndrop ip6 and not ip.ttl in t", []),
    ("table t key dst\ndrop malformed\ndrop ip6 and dst in t", []),
    ("table t key ifindex\ndrop malformed\ndrop arp and ifindex in t", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), WARNED, ids=[case[0].replace("\n", "; ") for case in WARNED])
def test_warnings(check: Callable[..., Any], text: str, found: list[tuple[str, str]]) -> None:
    assert list(check(text).found) == found
