"""`ebpfctl flows` and the connections in `stats`: what real traffic has opened, what somebody wrote into the maps."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.runtime import bpffs
from ebpfc.runtime.flow_records import KEY, VALUE
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.testing.netns import Side

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Policies = Callable[..., Path]
Wire = tuple[Side, Side]
Talk = Callable[..., Any]


def opened(ctl: Control) -> list[dict[str, Any]]:
    """The connections that are listed, but for what the kernels say of themselves (MLD has no state)."""
    return [json.loads(line) for line in ctl("flows", "pf0", "--json").stdout.splitlines()]


def test_what_is_begun_inside_is_answered(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    ctl("attach", policies("inside"), "pf0")
    with talk(right, left, 4711) as conversation:
        assert conversation is not None
        assert conversation.goes_on()
        (flow,) = opened(ctl)
        port = conversation.client.getsockname()[1]
        assert flow["source"] == {"address": "10.99.0.2", "port": port}
        assert flow["destination"] == {"address": "10.99.0.1", "port": 4711}
        assert (flow["protocol"], flow["number"], flow["state"]) == ("tcp", 6, "ESTABLISHED")
        assert flow["assured"]
        assert flow["original"]["packets"] >= 3
        assert flow["reply"]["packets"] >= 2
        assert flow["original"]["bytes"] >= 54 * flow["original"]["packets"]
        assert 0 <= flow["age_ns"] < 60 * 10**9
        assert 0 < flow["left_ns"] <= 5 * 86_400 * 10**9
        (line,) = ctl("flows", "pf0").stdout.splitlines()
        assert line.startswith(f"tcp    ESTABLISHED  src=10.99.0.2 dst=10.99.0.1 sport={port} dport=4711 packets=")
        assert ctl("flows", "pf0", "--count").stdout == "1 connections: 1 assured, 0 half-open\n"
        assert (
            "connections of edge: 1 assured, 0 half-open, at most 65536 of each; kept at tc egress (tcx link) too"
            in (ctl("stats", "pf0").stdout)
        )


def test_what_is_begun_outside_is_not(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    ctl("attach", policies("inside"), "pf0")
    with talk(left, right, 4711, 0.5) as conversation:
        assert conversation is None
    assert opened(ctl) == []
    ctl("attach", policies("ssh"), "pf0")
    with talk(left, right, 22) as conversation:
        assert conversation is not None
        assert conversation.goes_on()
        assert [flow["source"]["address"] for flow in opened(ctl)] == ["10.99.0.1"]


def test_a_policy_of_tc_egress_has_its_companion_at_ingress(
    ctl: Control, policies: Policies, wire: Wire, talk: Talk
) -> None:
    left, right = wire
    assert "keeps connections at tc ingress" in ctl("attach", policies("outward"), "pf0").stdout
    with talk(left, right, 4711) as conversation:
        assert conversation is not None
        assert conversation.goes_on()
    with talk(right, left, 4712, 0.5) as conversation:
        assert conversation is None


def test_a_packet_that_two_hooks_see(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    """One connection, kept at tc egress once."""
    left, right = wire
    ctl("attach", policies("twice"), "pf0")
    for ends, port in (((right, left), 4711), ((left, right), 22)):
        with talk(*ends, port) as conversation:
            assert conversation is not None
            assert conversation.goes_on()
    assert [flow["destination"]["port"] for flow in opened(ctl)] == [4711, 22]


def test_a_half_open_one(ctl: Control, policies: Policies, wire: Wire) -> None:
    """A SYN to an address that nobody has."""
    left, right = wire
    ctl("attach", policies("inside"), "pf0")
    right.run("ip", "neigh", "add", "10.99.0.77", "lladdr", left.mac.hex(":"), "dev", "pf0")
    with right.entered():
        connecting = socket.socket()
    with connecting:
        connecting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connecting.connect(("10.99.0.77", 4711))
    (flow,) = opened(ctl)
    assert (flow["state"], flow["assured"], flow["reply"]["packets"]) == ("SYN_SENT", False, 0)
    assert ctl("flows", "pf0").stdout.endswith(" half-open\n")
    assert json.loads(ctl("flows", "pf0", "--count", "--json").stdout) == {
        "connections": 1,
        "assured": 0,
        "half_open": 1,
    }


def test_flush_cuts(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    ctl("attach", policies("inside"), "pf0")
    with talk(right, left, 4711) as conversation:
        assert conversation is not None
        assert ctl("flows", "pf0", "--flush").stdout == "edge at pf0 keeps no connection: 1 forgotten\n"
        assert not conversation.goes_on(0.5)
        assert opened(ctl) == []
    assert json.loads(ctl("flows", "pf0", "--flush", "--json").stdout) == {"forgotten": 0}


def test_stats_as_json(ctl: Control, policies: Policies) -> None:
    ctl("attach", policies("small"), "pf0")
    (policy,) = json.loads(ctl("stats", "pf0", "--json").stdout)["policies"]
    assert policy["connections"] == {
        "assured": 0,
        "half_open": 0,
        "expired": 0,
        "size": 64,
        "companion": {"hook": "tc egress", "in_force": True, "method": "tcx link"},
    }


def write_entries(side: Side, name: str, entries: dict[bytes, bytes]) -> None:
    """Into a pinned map of policy edge."""
    with side.entered():
        path = bpffs.device_folder(side.ifindex()) / "edge" / f"map_{name}"
        with bpffs.opened(path) as fd:
            assert fd is not None
            MapEntries(fd, name).put_all(list(entries), list(entries.values()))


def test_expired_ones_are_left_out(ctl: Control, policies: Policies, wire: Wire) -> None:
    now = time.monotonic_ns()

    def entry(number: int, left: int, assured: int) -> tuple[bytes, bytes]:
        ends = (bytes([10, 0, 0, number]), bytes([10, 0, 0, 200]))
        key = KEY.pack(4, 17, 1, 5, 6, 77, b"\0\1\0\2", *(end.ljust(16, b"\0") for end in ends))
        return key, VALUE.pack(now + left, 0, 0, assured, *[0] * 9, 1, 0, 99, 0, now - number)

    ctl("attach", policies("inside"), "pf0")
    hour = 3600 * 10**9
    write_entries(wire[1], "pf_opening", dict([entry(1, hour, 0), entry(2, -1, 0), entry(3, hour, 0)]))
    write_entries(wire[1], "pf_flows", dict([entry(3, hour, 1), entry(4, -1, 1), entry(5, hour, 1)]))
    assert [(flow["source"]["address"], flow["assured"]) for flow in opened(ctl)] == [
        ("10.0.0.5", True),
        ("10.0.0.3", True),
        ("10.0.0.1", False),
    ]
    assert "vlan=5,6 in=vxlan vni=77 packets=1/0" in ctl("flows", "pf0").stdout
    assert ctl("flows", "pf0", "--count").stdout == "3 connections: 2 assured, 1 half-open\n"
    ctl("flows", "pf0", "--flush")
    (policy,) = json.loads(ctl("stats", "pf0", "--json").stdout)["policies"]
    assert policy["connections"]["expired"] == 0


def test_a_full_table_is_read_in_a_moment(ctl: Control, policies: Policies, wire: Wire) -> None:
    now, hour = time.monotonic_ns(), 3600 * 10**9
    made = VALUE.pack(now + hour, 0, 0, 1, *[0] * 9, 1, 0, 99, 0, now)
    entries = {
        KEY.pack(4, 17, 0, 0, 0, 0, b"\0\1\0\2", n.to_bytes(4, "big").ljust(16, b"\0"), b"\xff".ljust(16, b"\0")): made
        for n in range(60_000)
    }
    ctl("attach", policies("inside"), "pf0")
    write_entries(wire[1], "pf_flows", entries)
    start = time.monotonic()
    lines = ctl("flows", "pf0").stdout.splitlines()
    assert len(lines) > 50_000  # the kernel's LRU evicts before it is full
    assert time.monotonic() - start < 20


def test_where_there_is_nothing_to_list(
    ctl: Control, policies: Policies, objects: Callable[..., Path], wire: Wire
) -> None:
    assert "no policy is attached to pf0" in ctl("flows", "pf0", code=1).stderr
    ctl("attach", objects(("tc ingress",)), "pf0")
    assert "no policy at pf0 tracks connections" in ctl("flows", "pf0", code=1).stderr
    ctl("attach", policies("inside"), "pf0")
    assert ctl("flows", "pf0").stdout == ""
    assert "no policy other is attached to pf0" in ctl("flows", "pf0", "--policy", "other", code=1).stderr
    untracked = ctl("flows", "pf0", "--policy", "handmade", code=1).stderr
    assert "policy handmade at pf0 does not track connections" in untracked
    ctl("attach", policies("outward", name="out"), "pf0")
    assert "several policies track connections at pf0: edge, out" in ctl("flows", "pf0", code=1).stderr
    assert ctl("flows", "pf0", "--policy", "out", "--count").stdout == "0 connections: 0 assured, 0 half-open\n"
    ctl("flows", "pf0", "--count", "--flush", code=2)


@pytest.mark.parametrize(
    ("what", "name"),
    [("flows", "pf_counters"), ("opening", "pf_facts_xdp"), ("fragments", "pf_pickup"), ("fragments", "pf_counters")],
)
def test_a_map_that_is_none_of_connections(ctl: Control, policies: Policies, what: str, name: str) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["track"][what] = name

    ctl("attach", policies("inside", change), "pf0")
    for command in (("flows", "pf0"), ("flows", "pf0", "--flush"), ("stats", "pf0")):
        assert f"the map {name} of policy edge does not hold" in ctl(*command, code=1).stderr
    ctl("attach", policies("inside", change), "pf0")
    ctl("detach", "pf0")


def test_a_map_that_is_not_there(ctl: Control, policies: Policies) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["track"]["flows"] = f"t{os.getpid()}"

    ctl("attach", policies("inside", change), "pf0")
    assert "is not pinned" in ctl("flows", "pf0", code=1).stderr
