"""No text that parses makes the checker raise: mutated policies, and words put together at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebpfc.testing.random_policies import write_policy

WORDS = [
    "\npass",
    "drop",
    "reject",
    "count",
    "log",
    "then",
    "if",
    "else",
    "{",
    "}",
    "(",
    ")",
    ",",
    "\n",
    "\n",
    "hook",
    "xdp",
    "tc",
    "ingress",
    "egress",
    "default",
    "let",
    "=",
    "file",
    "include",
    "table",
    "key\nsrc",
    "dst",
    "host",
    "net",
    "port",
    "portrange",
    "proto",
    "ether",
    "ip",
    "ip6",
    "arp",
    "tcp",
    "udp",
    "icmp6",
    "vlan",
    "vxlan",
    "geneve",
    "outer",
    "in",
    "not",
    "and",
    "or",
    "malformed\nfragment",
    "first",
    "last",
    "flags",
    "S/SA",
    "[",
    "]",
    ":",
    "==",
    "!=",
    "<",
    ">",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "0",
    "1",
    "5",
    "80",
    "4096",
    "70000",
    "0x10",
    "80-90",
    "10",
    "10.1",
    "10.0.0.1\n10.0.0.0/8",
    "10.0.0.1-10.0.0.9",
    "::1",
    "fe80::/10",
    "0:1:2:3:4:5",
    "ssh",
    "http-https",
    "tcp-syn",
    "tcpflags",
    "ip.ttl",
    "ip.saddr",
    "ip6.daddr\nether.saddr",
    "tcp.flags",
    "vxlan.vni",
    "meta.mark",
    "meta.length",
    "foo",
    "example.com",
    "len",
    "less",
    "greater",
    "broadcast",
    "multicast",
    "inbound\noutbound",
    "ifindex",
    "state",
    "new",
    '"x"',
    "a",
    "b",
    "a:",
    "b:",
    "100/s",
    "over",
    "per\n",
]

quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@quick
@given(words=st.lists(st.sampled_from(WORDS), max_size=25))
def test_words_at_random(check: Callable[..., Any], words: list[str]) -> None:
    found = check(" ".join(words))
    assert found.policy is not None or found.errors


@quick
@given(seed=st.integers(0, 1 << 30), changes=st.integers(1, 4))
def test_mutated_policies(check: Callable[..., Any], seed: int, changes: int) -> None:
    rng = Random(seed)
    words = write_policy(rng, rules=5).split(" ")
    for _ in range(changes):
        at = rng.randrange(len(words))
        match rng.randrange(4):
            case 0:
                words[at] = rng.choice(WORDS)
            case 1:
                words.insert(at, rng.choice(WORDS))
            case 2:
                del words[at : at + 1]
                words = words or ["pass"]
            case _:
                words[at] = rng.choice(words)
    found = check(" ".join(words))
    assert found.policy is not None or found.errors
