"""`track` and `state`: what is taken, what is refused and where, what is warned about."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.compiler.ast.nodes import StateTest, Track
from ebpfc.compiler.ast.print_state import print_duration
from ebpfc.compiler.ast.state import TIMEOUTS

SECOND = 10**9

# wrong, code, the text underlined, right
CASES = [
    # options
    ("track tcp_etablished 1d\npass", "PF0213", "tcp_etablished", "track tcp_established 1d\npass"),
    ("track evict 5s\npass", "PF0213", "evict", "track\npass"),
    ("track loose 5s\npass", "PF0213", "loose 5s", "track loose\npass"),
    ("track udp\npass", "PF0213", "udp", "track udp 5s\npass"),
    ("track icmp6 5s\npass", "PF0213", "icmp6", "track icmpv6 5s\npass"),
    ("track udp 5s size 1k udp 6s\npass", "PF0215", "udp 6s", "track udp 5s size 1k udp_stream 6s\npass"),
    ("track loose loose\npass", "PF0215", "loose", "track loose\npass"),
    ("track size 1k size 2k\npass", "PF0215", "size 2k", "track size 2k\npass"),
    ("track size 0\npass", "PF0420", "0", "track size 1\npass"),
    ("track size 17M\npass", "PF0420", "17M", "track size 16M\npass"),
    ("track udp 0s\npass", "PF0445", "0s", "track udp 1ms\npass"),
    ("track generic 36501d\npass", "PF0445", "36501d", "track generic 36500d\npass"),
    # one, in its place
    ("track\npass\ntrack loose", "PF0322", "track loose", "pass\ntrack loose"),
    ("if tcp {\n track\n}\npass", "PF0211", "track", "track\nif tcp {\n pass\n}"),
    # states
    ("track\npass state estabilshed", "PF0213", "estabilshed", "track\npass state established"),
    ("track\npass state tracked", "PF0213", "tracked", "track\npass state related"),
    ("track\npass state established or related", "PF0302", "related", "track\npass state established or state related"),
    ("pass state new\ndrop state invalid", "PF0323", "state new", "pass state new\ndrop state invalid\ntrack"),
    ("let e = state new\npass tcp", "PF0323", "state new", "let e = state new\npass tcp\ntrack"),
    ("if not state new {\n drop\n}", "PF0323", "state new", "if not state new {\n drop\n}\ntrack"),
    # what is open
    ("track\npass gre and ipip and state new", "PF0505", "state new", "track\npass vlan and gre and state new"),
    (
        "track\nif mpls 5 and mpls 6 {\n drop not (gre and state new)\n}",
        "PF0505",
        "state new",
        "track\nif mpls 5 and mpls 6 {\n drop not (state new or gre)\n}",
    ),
    (
        "track\nlet n = state new\nif geneve {\n drop gtp and n\n drop gtp and (tcp or n)\n}",
        "PF0505",
        "state new",
        "track\nlet n = state new\nif geneve {\n drop n and gtp\n drop (gtp) and n\n}",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace("\n", "; "))
def test_wrong_and_right(refused: Callable[..., None], case: tuple[str, ...]) -> None:
    refused(*case)


SAID = {
    "track tcp_timeout_established 1d": ("`tcp_timeout_established` is no option of `track`", "`tcp_established`?"),
    "track nf_conntrack_udp_timeout_stream 1d": (
        "`nf_conntrack_udp_timeout_stream` is no option of `track`",
        "`udp_stream`?",
    ),
    "track tcp 1d": ("`tcp` is no option of `track`", "`tcp_established`?"),
    "track icmp6 1s": ("`icmp6` is no option of `track`", "did you mean `icmpv6`?"),
    "track tcp_close_wait": (
        "`tcp_close_wait` is a timeout without a time",
        "write one behind it: `tcp_close_wait 1m`",
    ),
    "track\npass state opn": (
        "`opn` is no state of a connection",
        "write `new`, `established`, `related` or `invalid`",
    ),
    "track\npass state NEW": ("`NEW` is no state of a connection", "did you mean `new`?"),
    "track\npass state": ("the statement ends after `state`", "`new`, `established`, `related` or `invalid`"),
    "track\npass state {new, related}": (
        "`state` asks for one state, without a sign",
        "write `(state new or state related)`",
    ),
    "track\npass state new, related": ("`state` asks for one state", "write `(state new or state related)`"),
    "track\npass tcp and state != new": ("`state` asks for one state", "write `not state new`"),
    "track\npass state established or related": ("nothing is named `related`", "write `state` before it"),
    "track\npass state new tcp": ("two matches side by side", "join two matches: `and tcp ...`"),
    "pass state new": ("`state` needs `track`: nothing keeps connections here", "write a line `track` at the top"),
}


@pytest.mark.parametrize("text", SAID, ids=lambda text: text.replace("\n", "; "))
def test_what_is_said(check: Callable[..., Any], text: str) -> None:
    (problem,) = check(text).diagnostics
    message, hint = SAID[text]
    assert message in problem.message
    assert hint in problem.hints[0]


def test_a_second_track_points_at_the_first(check: Callable[..., Any]) -> None:
    text = "track loose\ntrack"
    (problem,) = check(text).diagnostics
    assert [text[r.span.start : r.span.end] for r in problem.related] == ["track loose"]


def test_an_expression_tracks_nothing(check_expression: Callable[..., Any]) -> None:
    found = check_expression("tcp and state new")
    assert found.errors == (("PF0323", "state new"),)
    assert found.diagnostics[0].hints == ("write the policy to a file, with a line `track`",)


def test_a_policy_holds_what_track_says(check: Callable[..., Any]) -> None:
    track = check("track udp 5s size 1M loose tcp_established 1h\npass state new").policy.track
    assert track == Track(True, 1 << 20, (("udp", 5 * SECOND), ("tcp_established", 3600 * SECOND)))
    assert track.timeout("udp") == 5 * SECOND
    assert track.timeout("udp_stream") == TIMEOUTS["udp_stream"] == 120 * SECOND
    assert check("track\npass").policy.track == Track(False, 65_536, ())
    assert check("pass").policy.track is None


@pytest.mark.parametrize("state", ["new", "established", "related", "invalid"])
def test_the_four_states(check: Callable[..., Any], state: str) -> None:
    found = check(f"pass state {state}\ntrack")
    assert found.errors == ()
    assert found.policy.rules[0].match == StateTest(state)


def test_names_of_states_and_timeouts_are_free(check: Callable[..., Any]) -> None:
    text = (
        "let new = {80}\nlet generic = state new\nlet loose = new\ntrack loose generic 5s\npass generic and port loose"
    )
    assert check(text).errors == ()


SAFE = "track\ndrop malformed\n"
BOTH = "hook tc ingress, tc egress\ndefault drop\ntrack\npass arp\npass icmp6[icmp6type] in {2, 133-137}\n"

# text, code, what is underlined; None: the code is not there
WARNINGS: list[tuple[str, str, str | None]] = [
    (SAFE + "drop state new and state invalid", "PF0801", "state new and state invalid"),
    (SAFE + "drop state new and state new", "PF0801", None),
    (SAFE + "drop state new and not state new", "PF0801", None),
    (SAFE + "drop state new or state invalid", "PF0801", None),
    (SAFE + "if state new {\n drop tcp and state related\n}", "PF0801", "tcp and state related"),
    (SAFE + "if state new {\n drop vxlan and state related\n}", "PF0801", None),
    (SAFE + "if state new {\n drop vlan and state related\n}", "PF0801", "vlan and state related"),
    (SAFE + "if vxlan {\n drop state new and state related\n}", "PF0801", "state new and state related"),
    (SAFE + "drop state established and arp", "PF0801", "state established and arp"),
    (SAFE + "drop state invalid and arp", "PF0801", None),
    (SAFE + "drop state new\npass state new and tcp", "PF0802", "pass state new and tcp"),
    (SAFE + "drop state new\npass state invalid and tcp", "PF0802", None),
    (SAFE + "drop state new\npass vxlan and state new", "PF0802", None),
    (SAFE + "drop vxlan and state new\npass vxlan and tcp and state new", "PF0802", "pass vxlan and tcp and state new"),
    (SAFE + "drop not state new\npass state established", "PF0802", None),
    (SAFE + "drop tcp over 5/s\ndrop state new over 5/s\ndrop state new", "PF0802", None),
    ("default drop\ntrack\npass state established", "PF0806", "default drop"),
    ("default drop\ntrack\npass arp\npass icmp6\npass state new", "PF0806", None),
    ("default drop\ntrack\npass arp\npass state new or icmp6", "PF0806", None),
    ("default drop\ntrack\npass arp\npass not state new", "PF0806", None),
    (BOTH + "pass state established or state related", "PF0808", "default drop"),
    (BOTH + "pass state established\npass outbound and state new", "PF0808", None),
    (BOTH + "pass state established\npass tcp dst port 22", "PF0808", None),
    (BOTH + "pass state established\npass icmp", "PF0808", None),
    (BOTH + "pass state established\npass icmp[icmptype] == icmp-echoreply", "PF0808", "default drop"),
    (BOTH + "pass vxlan and state established", "PF0808", None),
    (BOTH + "drop state invalid", "PF0808", None),
    ("default pass outbound\n" + BOTH + "pass state established", "PF0808", None),
    ("default drop\ntrack\npass arp\npass state established", "PF0808", None),
    ("track\ndrop malformed", "PF0804", None),
]


@pytest.mark.parametrize(("text", "code", "under"), WARNINGS)
def test_warnings(check: Callable[..., Any], text: str, code: str, under: str | None) -> None:
    found = check(text)
    assert found.errors == ()
    assert {place for name, place in found.found if name == code} == (set() if under is None else {under})


def test_the_document_has_the_timeouts_as_they_are() -> None:
    text = (Path(__file__).parents[2] / "docs/language.md").read_text()
    shown = {
        name: duration
        for names, duration in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| `(\d+[smhd])` \| ", text, re.MULTILINE)
        for name in re.findall(r"\w+", names)
    }
    assert shown == {name: print_duration(time) for name, time in TIMEOUTS.items()}
