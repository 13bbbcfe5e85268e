"""Keys and values of connections as the maps hold them, in words; whatever the bytes."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebpfc.cli.ebpfctl_flows import flow_json, flow_line
from ebpfc.runtime.flow_records import KEY, VALUE, End, expiry, is_assured, read_flow

NOW = 1000 * 10**9
TAIL = "packets=12/9 bytes=900/800 age=7s"


def key(
    protocol: int = 6,
    ends: tuple[tuple[str, int], tuple[str, int]] = (("10.0.0.1", 22), ("10.0.0.2", 4711)),
    vids: tuple[int, int] = (0, 0),
    kind: int = 0,
    vni: int = 0,
) -> bytes:
    family = 6 if ":" in ends[0][0] else 4
    name = socket.AF_INET6 if family == 6 else socket.AF_INET
    ports = b"".join(port.to_bytes(2, "big") for _, port in ends)
    return KEY.pack(family, protocol, kind, *vids, vni, ports, *(socket.inet_pton(name, a) for a, _ in ends))


def value(state: int = 4, original: int = 1, assured: int = 1, left: int = 60 * 10**9) -> bytes:
    windows = (1, 2, 3, 4, 5, 6)
    counts = (12, 9, 900, 800)
    return VALUE.pack(NOW + left, state, original, assured, 0, 1, 15, *windows, *counts, NOW - 7 * 10**9)


def test_the_layout_is_the_adr_s() -> None:
    assert (KEY.size, VALUE.size) == (48, 80)
    raw = key(vids=(5, 6), kind=1, vni=0x123456)
    assert raw[:4] == bytes([4, 6, 1, 0])
    assert raw[12:16] == b"\x00\x16\x12\x67"
    assert raw[16:20] + raw[32:36] == b"\x0a\x00\x00\x01\x0a\x00\x00\x02"
    assert value()[8:14] == bytes([4, 1, 1, 0, 1, 15])


@pytest.mark.parametrize(
    ("raw_key", "raw_value", "line"),
    [
        (
            key(),
            value(),
            "tcp    ESTABLISHED  src=10.0.0.2 dst=10.0.0.1 sport=4711 dport=22 TAIL left=1m",
        ),
        (
            key(),
            value(state=1, original=0, assured=0, left=500),
            "tcp    SYN_SENT     src=10.0.0.1 dst=10.0.0.2 sport=22 dport=4711 TAIL left=0s half-open",
        ),
        (
            key(17, (("fd00::1", 53), ("fd00::2", 9)), (7, 0)),
            value(state=0, original=0),
            "udp    -            src=fd00::1 dst=fd00::2 sport=53 dport=9 vlan=7 TAIL left=1m",
        ),
        (
            key(58, (("fd00::1", 99), ("fd00::2", 99)), (7, 8)),
            value(state=0),
            "icmp6  -            src=fd00::2 dst=fd00::1 id=99 vlan=7,8 TAIL left=1m",
        ),
        (
            key(47, (("10.0.0.1", 0), ("10.0.0.2", 0)), kind=2, vni=0),
            value(state=0),
            "gre    -            src=10.0.0.2 dst=10.0.0.1 in=geneve vni=0 TAIL left=1m",
        ),
        (
            key(200, (("10.0.0.1", 0), ("10.0.0.2", 0)), kind=99),
            value(state=77),
            "200    77           src=10.0.0.2 dst=10.0.0.1 in=99 TAIL left=1m",
        ),
    ],
)
def test_lines(raw_key: bytes, raw_value: bytes, line: str) -> None:
    assert flow_line(read_flow(raw_key, raw_value, NOW)) == line.replace("TAIL", TAIL)


def test_ends_stand_as_the_first_packet_had_them() -> None:
    flow = read_flow(key(), value(original=1), NOW)
    assert (flow.source, flow.destination) == (End("10.0.0.2", 4711), End("10.0.0.1", 22))
    assert (flow.packets, flow.bytes, flow.age, flow.left) == ((12, 9), (900, 800), 7 * 10**9, 60 * 10**9)


@pytest.mark.parametrize(
    ("number", "word"), list(enumerate(["vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes"], 1))
)
def test_kinds(number: int, word: str) -> None:
    assert read_flow(key(kind=number), value(), NOW).kind == word


def test_each_state_has_its_name() -> None:
    names = [read_flow(key(), value(state=n), NOW).state for n in range(1, 10)]
    assert names == [
        "SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
    ]  # fmt: skip


@given(st.binary(min_size=48, max_size=48), st.binary(min_size=80, max_size=80))
def test_any_bytes(raw_key: bytes, raw_value: bytes) -> None:
    flow = read_flow(raw_key, raw_value, NOW)
    assert flow_line(flow).isprintable()
    told: dict[str, Any] = json.loads(json.dumps(flow_json(flow)))
    assert told["age_ns"] >= 0
    assert told["left_ns"] >= 0
    assert expiry(raw_value) >= 0
    assert is_assured(raw_value) == (raw_value[10] != 0)
