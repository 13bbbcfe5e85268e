"""Packets of settled connections are answered before the whole parse: in which programs, and as the reference says."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.runtime.flow_records import read_flow
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.testing.agreement import build_traced, default_compiler
from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.random_flows import random_flows
from ebpfc.testing.random_traffic import TimedFrame
from ebpfc.testing.simulator import Simulator
from ebpfc.testing.timed_agreement import timed_disagreements

WHOLE_PARSE = "GLOBAL int pf_xdp_any(struct xdp_md *ctx)"
FRONTED = (
    "default drop\ntrack\npass state established\npass state new and (tcp dst port {22, 80} or udp)\npass icmp\n",
    "default drop\ntrack\ndrop state invalid or state related\npass state new over 1/s\npass state established\npass",
    "track\nif state new {\n drop tcp dst port 22\n}\ndrop state established and udp and src port 53\n",
    "default drop\ntrack\npass state new\npass not state established\npass ip6 and tcp\npass tcp[4:4] & 1 == 0",
)
NOT_FRONTED = (
    "track\ntable seen key src\ndrop src in seen\npass state established",
    'track\nlen > 0 then log "all"\npass state established',
    "track\npass state established over 10/s",
    "track\nif not state new {\n pass tcp\n} else {\n drop\n}",
    "track\npass state established\nif vxlan {\n pass state established\n}",
    "hook tc ingress\ntrack\npass state established",
    "track\ndrop malformed\npass state established",
)
LOOKED_AT = (0, 6, 12, 13, 14, 16, 17, 18, 20, 21, 23, 26, 30, 33, 34, 36, 38, 41, 42, 45, 46, 47, 48, 54, 58, 66, 67)
EDGES = (0, 1999, 2000, 2001, -1994, -1995, -1999, -2000, -2001, -2006, -2007)
SAME_ADDRESS = Hosts(server="10.0.0.1")
VALUES = (0, 1, 6, 8, 16, 17, 0x10, 0x11, 0x12, 0x14, 0x18, 0x20, 0x45, 0x46, 0x50, 0x60, 0x86, 0xE0, 0xFF)


def c_of(text: str) -> str:
    return compile_text(text if "hook" in text else f"hook xdp\n{text}", Options(counters=False)).c_text


@pytest.mark.parametrize("text", FRONTED)
def test_it_stands_in_front(text: str) -> None:
    assert WHOLE_PARSE in c_of(text)


@pytest.mark.parametrize("text", NOT_FRONTED)
def test_it_does_not_where_more_must_be_known(text: str) -> None:
    assert "_any(" not in c_of(text)


def test_what_is_left_is_what_holds_of_established_packets() -> None:
    front = c_of(FRONTED[0]).split('SEC("xdp")')[1]
    assert front.count("// pass state established") == 4  # both versions of IP, TCP and UDP
    assert "dst port" not in front.split("/* ====")[0]


def nearly(rng: Random, timed: TimedFrame) -> TimedFrame:
    """With one byte changed where the program in front looks, or one less at the end."""
    frame = bytearray(timed.frame)
    if rng.random() < 0.1:
        return TimedFrame(timed.time, bytes(frame[: rng.randint(60, len(frame))]))
    frame[rng.choice([at for at in LOOKED_AT if at < len(frame)])] = rng.choice(VALUES)
    return TimedFrame(timed.time, bytes(frame))


@pytest.mark.kernel
@pytest.mark.parametrize("text", FRONTED)
@pytest.mark.parametrize("seed", range(4))
def test_the_reference_says_the_same(seed: int, text: str) -> None:
    rng = Random(seed)
    compiled, built = build_traced(f"hook xdp\n{text}")
    traffic = random_flows(rng, compiled.policy, 400, shortest=60)
    mixed = [t for timed in traffic for t in ((nearly(rng, timed), timed) if rng.random() < 0.5 else (timed,))]
    found = timed_disagreements(compiled, built, "xdp", mixed)
    assert not found, found[0]


def handshake(hosts: Hosts) -> list[bytes]:
    return [
        hosts.tcp("client", "S", window=1000),
        hosts.tcp("server", "SA", 0, 1, window=2000),
        hosts.tcp("client", "A", 1, 1, window=1000),
    ]


@pytest.mark.kernel
@pytest.mark.parametrize("doff", [0x50, 0xF0])
@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS, SAME_ADDRESS, replace(SAME_ADDRESS, client_port=7)])
def test_at_the_edges_of_the_window(hosts: Hosts, doff: int) -> None:
    """A header that is longer than the packet carries nothing, not less."""
    compiled, built = build_traced(f"hook xdp\n{FRONTED[0]}")
    frames = [bytearray(hosts.tcp("client", "A", 1 + at, 1, data=bytes(6))) for at in EDGES]
    for frame in frames:
        frame[46 if hosts.family == 4 else 66] = doff
    sent = [TimedFrame(place, bytes(frame)) for place, frame in enumerate([*handshake(hosts), *frames])]
    simulator = Simulator(compiled.policy)
    verdicts = [simulator.decide(timed.frame, timed.time).verdict for timed in sent]
    assert set(verdicts[3:]) == {"pass", "drop"}
    found = timed_disagreements(compiled, built, "xdp", sent)
    assert not found, found[0]


@pytest.mark.kernel
@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS])
@pytest.mark.parametrize("counters", [True, False])
def test_rules_and_connections_count_in_front_too(hosts: Hosts, counters: bool) -> None:
    opening = handshake(hosts)
    more = [hosts.tcp("client", "A", 1, 1, data=bytes(100)), hosts.tcp("server", "PA", 1, 101, data=bytes(7))]
    text = "hook xdp\ndefault drop\ntrack\npass state established\npass tcp and state new\n"
    compiled = compile_text(text, Options(counters=counters))
    with KernelPolicy(build_object(compiled, default_compiler()), traced=False) as kernel:
        assert [kernel.judge("xdp", frame)[0] for frame in (*opening, *more)] == ["pass"] * 5
        counted = [(c.packets, c.bytes) for c in kernel.counters()]
        ((key, value),) = MapEntries(kernel.map("pf_flows").fd, "pf_flows").read_all().items()
    flow = read_flow(key, value, 0)
    if not counters:
        assert not counted and (flow.packets, flow.bytes) == ((0, 0), (0, 0))
        return
    sizes = [len(frame) for frame in (*opening, *more)]
    assert counted == [(4, sum(sizes[1:])), (1, sizes[0]), (0, 0)]
    assert flow.packets == (3, 2) and flow.bytes == (sizes[0] + sizes[2] + sizes[3], sizes[1] + sizes[4])
