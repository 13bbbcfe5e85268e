"""Whole policies in the kernel, at every hook they name: defaults by direction, else-if, blocks in blocks, counters.

What must become of each frame is written by hand from the language's page; the reference is not asked.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest

from ebpfc.compiler.pipeline import Compiled, Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import build_traced, default_compiler
from ebpfc.testing.kernel import Hook, KernelPolicy
from ebpfc.testing.packets import arp, ether, icmp, ip4, ip6, tag, tcp, udp, vxlan

pytestmark = pytest.mark.kernel

INBOUND: tuple[Hook, ...] = ("xdp", "tc ingress")
ALL: tuple[Hook, ...] = (*INBOUND, "tc egress")
A, B = "10.0.0.1", "10.0.0.2"


@functools.cache
def traced(text: str) -> KernelPolicy:
    return KernelPolicy(build_traced(text)[1])


@functools.cache
def counting(text: str) -> tuple[Compiled, bytes]:
    compiled = compile_text(text, Options())
    return compiled, build_object(compiled, default_compiler())


# ----------------------------------------------------------------------------------------------------------- directions


@pytest.mark.parametrize(
    ("defaults", "inbound", "outbound"),
    [
        ("", "pass", "pass"),
        ("default drop", "drop", "drop"),
        ("default drop inbound", "drop", "pass"),
        ("default drop outbound", "pass", "drop"),
        ("default drop\ndefault pass outbound", "drop", "pass"),
        ("default pass outbound\ndefault drop inbound", "drop", "pass"),
        ("default drop\ndefault pass inbound", "pass", "drop"),
    ],
)
def test_defaults_have_directions(defaults: str, inbound: str, outbound: str) -> None:
    text = f"hook xdp, tc ingress, tc egress\n{defaults}\ndrop udp dst port 1\n"
    for hook in ALL:
        expected = outbound if hook == "tc egress" else inbound
        assert traced(text).judge(hook, ether(ip4(tcp()))) == (expected, None)
        assert traced(text).judge(hook, ether(ip4(udp(dport=1)))) == ("drop", 0)


def test_each_hook_runs_the_rules_of_its_direction() -> None:
    text = "hook xdp, tc ingress, tc egress\ndrop inbound and tcp\npass outbound and tcp\ndrop tcp\ndrop udp\n"
    for hook in ALL:
        expected = ("pass", 1) if hook == "tc egress" else ("drop", 0)
        assert traced(text).judge(hook, ether(ip4(tcp()))) == expected
        assert traced(text).judge(hook, ether(ip6(udp()))) == ("drop", 3)


@pytest.mark.parametrize("hooks", ["xdp", "tc ingress", "tc egress", "tc egress, xdp", "tc ingress, tc egress"])
def test_an_object_holds_the_hooks_that_are_named(hooks: str) -> None:
    named = set(hooks.split(", "))
    policy = traced(f"hook {hooks}\ndrop tcp\n")
    assert set(policy.hooks) == named
    for hook in ALL:
        if hook in named:
            assert policy.judge(hook, ether(ip4(tcp()))) == ("drop", 0)


# --------------------------------------------------------------------------------------------------------------- blocks

CHAIN = """\
hook xdp, tc ingress, tc egress
if vlan 1 {
    if src host 10.0.0.1 {
        drop tcp dst port 22
        if tcp {
            pass dst port 80
        } else if udp {
            drop dst port 53
        } else {
            drop icmp
        }
        pass arp
    } else if src host 10.0.0.2 {
        drop
    }
    pass ip.ttl > 100
} else if vlan {
    drop udp
} else if tcp {
    pass dst port 22
    drop
} else {
    drop arp
}
drop ip.ttl == 7
"""


@pytest.mark.parametrize("hook", ALL)
@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ether(tag(ip4(tcp(dport=22), src=A), 1)), ("drop", 0)),
        (ether(tag(ip4(tcp(dport=80), src=A), 1)), ("pass", 1)),
        (ether(tag(ip4(tcp(dport=81), src=A), 1)), ("pass", None)),
        (ether(tag(ip4(tcp(dport=81), src=A, ttl=101), 1)), ("pass", 6)),
        (ether(tag(ip4(tcp(dport=81), src=A, ttl=7), 1)), ("drop", 11)),
        (ether(tag(ip4(udp(dport=53), src=A), 1)), ("drop", 2)),
        (ether(tag(ip4(udp(dport=54), src=A, ttl=101), 1)), ("pass", 6)),
        (ether(tag(ip4(icmp(), src=A), 1)), ("drop", 3)),
        (ether(tag(arp(sender=A), 1)), ("pass", 4)),
        (ether(tag(ip4(tcp(dport=22), src=B), 1)), ("drop", 5)),
        (ether(tag(ip4(tcp(dport=22), src="10.0.0.3", ttl=101), 1)), ("pass", 6)),
        (ether(tag(ip4(udp(), src=A), 2)), ("drop", 7)),
        (ether(tag(ip4(udp(), src=A), 0)), ("drop", 7)),
        (ether(tag(ip4(tcp(dport=22), ttl=7), 2)), ("drop", 11)),
        (ether(ip4(tcp(dport=22))), ("pass", 8)),
        (ether(ip4(tcp(dport=23))), ("drop", 9)),
        (ether(arp()), ("drop", 10)),
        (ether(ip4(udp())), ("pass", None)),
        (ether(ip4(udp(), ttl=7)), ("drop", 11)),
    ],
)
def test_else_if_and_blocks_in_blocks(hook: Hook, frame: bytes, expected: tuple[str, int | None]) -> None:
    assert traced(CHAIN).judge(hook, frame) == expected


DEEP = "hook xdp, tc ingress, tc egress\n" + "".join(f"if dst port {{{n}-30}} {{\n" for n in range(20)) + "drop tcp\n"
DEEP += "".join("pass udp\n}\n" for _ in range(20)) + "drop udp\n"


@pytest.mark.parametrize("hook", ALL)
@pytest.mark.parametrize("port", [0, 5, 18, 19, 30, 31])
def test_blocks_twenty_deep(hook: Hook, port: int) -> None:
    """Rule 0 stands innermost; the `pass` of the innermost block that holds decides, rule 20 is the innermost one's."""
    policy = traced(DEEP)
    assert policy.judge(hook, ether(ip4(tcp(dport=port, sport=99)))) == (
        ("drop", 0) if 19 <= port <= 30 else ("pass", None)
    )
    depth = min(port, 19) if port <= 30 else None
    expected = ("drop", 21) if depth is None else ("pass", 20 - depth)
    assert policy.judge(hook, ether(ip4(udp(dport=port, sport=99)))) == expected


TUNNELS = """\
hook xdp, tc ingress, tc egress
if vxlan 7 {
    if vlan 3 {
        drop src host 10.0.0.1
        pass outer src host 10.0.0.2
    } else {
        drop tcp
    }
} else if vxlan 8 port 4790 {
    drop udp
} else {
    drop vxlan
}
"""


def tunnel(inner: bytes, source: str = A, vni: int = 7, port: int = 4789) -> bytes:
    return ether(ip4(vxlan(inner, vni, port=port), src=source))


@pytest.mark.parametrize("hook", ALL)
@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (tunnel(ether(tag(ip4(tcp(), src=A), 3))), ("drop", 0)),
        (tunnel(ether(tag(ip4(tcp(), src=B), 3)), source=B), ("pass", 1)),
        (tunnel(ether(tag(ip4(tcp(), src=B), 3)), source=A), ("pass", None)),
        (tunnel(ether(tag(ip4(tcp(), src=A), 4))), ("drop", 2)),
        (tunnel(ether(ip6(tcp()))), ("drop", 2)),
        (tunnel(ether(ip6(udp()))), ("pass", None)),
        (tunnel(ether(ip6(udp())), vni=8, port=4790), ("drop", 3)),
        (tunnel(ether(ip6(tcp())), vni=8, port=4790), ("pass", None)),
        (tunnel(ether(ip6(udp())), vni=8), ("drop", 4)),
        (tunnel(ether(ip6(udp())), vni=7, port=4790), ("pass", None)),
        (ether(ip4(tcp())), ("pass", None)),
    ],
)
def test_blocks_of_tunnels(hook: Hook, frame: bytes, expected: tuple[str, int | None]) -> None:
    assert traced(TUNNELS).judge(hook, frame) == expected


# ------------------------------------------------------------------------------------------------------------- counters

COUNTERS = """\
hook xdp, tc ingress, tc egress
count "seen"
tcp then count "tcp", count "ip"
udp then count "ip", drop, count "late"
if outbound {
    count "out"
}
count "rest"
"""


def counted(text: str, hook: Hook, frame: bytes) -> dict[Any, tuple[int, int]]:
    """What one frame moved, by rule number, name or "default"."""
    compiled, data = counting(text)
    with KernelPolicy(data, traced=False) as policy:
        policy.judge(hook, frame)
        moved = policy.counters()
    found: dict[Any, tuple[int, int]] = {}
    for entry in compiled.manifest["counters"]:
        counter = moved[entry["index"]]
        if counter.packets:
            key = {"rule": entry["rule"], "named": entry["name"], "default": "default"}[entry["kind"]]
            assert entry["hook"] == hook
            found[key] = (counter.packets, counter.bytes)
    return found


@pytest.mark.parametrize("hook", ALL)
def test_named_counters_and_rules_count_what_they_meet(hook: Hook) -> None:
    out = {3: 1, "out": 1} if hook == "tc egress" else {}
    for frame, expected in (
        (ether(ip4(tcp())), {0: 1, "seen": 1, 1: 1, "tcp": 1, "ip": 1, **out, 4: 1, "rest": 1, "default": 1}),
        (ether(tag(ip6(udp(bytes(30))), 5)), {0: 1, "seen": 1, 2: 1, "ip": 1, "late": 1}),
        (ether(arp()), {0: 1, "seen": 1, **out, 4: 1, "rest": 1, "default": 1}),
    ):
        assert counted(COUNTERS, hook, frame) == {key: (1, len(frame)) for key in expected}


def test_one_name_is_one_counter_wherever_it_is_counted() -> None:
    text = 'count "x"\ncount "x" tcp\ntcp then count "x", count "x"\n'
    frame = ether(ip4(tcp()))
    assert counted(text, "xdp", frame)["x"] == (4, 4 * len(frame))
