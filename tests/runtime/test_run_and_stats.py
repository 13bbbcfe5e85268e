"""`ebpfctl run` over captures, and `ebpfctl stats` after real packets."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ebpfc.testing.netns import Side

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]
Frames = Callable[..., bytes]
ARP = bytes(6) + bytes.fromhex("020000000001") + b"\x08\x06" + bytes(46)


def pcap(frames: list[bytes]) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack("<IIII", 1, 2, len(f), len(f)) + f for f in frames)


def test_verdict_and_rule_of_each_packet(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(1), frames(17), ARP, ARP[:12]]))
    lines = ctl("run", objects(), capture).stdout.splitlines()
    assert lines == [
        "     1  drop  rules.pf:7  ping: drop icmp",
        "     2  pass  rules.pf:8  pass ip",
        "     3  pass  default",
        "     4  ?     the kernel's test run takes no frame under 14 bytes",
        "xdp: 2 passed, 1 dropped, 1 not judged",
    ]


def test_json_is_one_object_a_line(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(1), ARP]))
    first, second = map(json.loads, ctl("run", objects(), capture, "--json").stdout.splitlines())
    assert (first["number"], first["verdict"], first["rule"]["line"]) == (1, "drop", 7)
    assert (first["length"], first["time_ns"], first["hook"]) == (60, 1_000_002_000, "xdp")
    assert (second["verdict"], second["rule"], second["default"]) == ("pass", None, True)


def test_each_hook(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(1), frames(17)]))
    path = objects(("xdp", "tc ingress"))
    assert "tc ingress: 1 passed, 1 dropped" in ctl("run", path, capture, "--hook", "tc ingress").stdout
    assert "it is for xdp, tc ingress" in ctl("run", path, capture, "--hook", "socket", code=1).stderr


def test_an_object_without_counters(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(1)]))
    path = objects(counters=[])
    assert "drop  compiled with --no-counters: the rule is not known" in ctl("run", path, capture).stdout
    ctl("attach", path, "pf0")
    assert "compiled with --no-counters" in ctl("stats", "pf0").stdout


def test_a_capture_from_stdin(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(17)]))
    with capture.open("rb") as stdin:
        assert "xdp: 1 passed, 0 dropped" in ctl("run", objects(), "-", stdin=stdin).stdout


def test_a_reader_that_goes_away_is_no_failure(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    import os

    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(17)] * 5000))
    reading, writing = os.pipe()
    os.close(reading)
    done = ctl("run", objects(), capture, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.stderr == ""


def test_more_counters_than_the_object_has(ctl: Control, objects: Objects, frames: Frames, tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(pcap([frames(17)]))
    counter = {"kind": "default", "rule": None, "name": None, "hook": "xdp", "direction": "inbound"}
    path = objects(counters=[{**counter, "index": n} for n in range(7)])
    assert "names 7 counters, and the object has 6" in ctl("run", path, capture, code=1).stderr
    ctl("attach", path, "pf0")
    assert "names 7 counters, and the object has 6" in ctl("stats", "pf0", code=1).stderr


def test_stats_count_what_was_sent(ctl: Control, objects: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", objects(("xdp", "tc ingress")), "pf0")
    wire[0].send(*[frames(1)] * 3, *[frames(17)] * 2)
    document = json.loads(ctl("stats", "pf0", "--json").stdout)
    (policy,) = document["policies"]
    xdp, tc = policy["hooks"]
    assert (policy["policy"], xdp["hook"], xdp["mode"], tc["method"]) == ("handmade", "xdp", "native", "tcx link")
    assert [(r["line"], r["name"], r["packets"], r["bytes"]) for r in xdp["rules"]] == [
        (7, "ping", 3, 180),
        (8, None, 2, 120),
    ]
    assert [r["packets"] for r in tc["rules"]] == [0, 2]
    assert "        3    180  rules.pf:7  ping: drop icmp" in ctl("stats", "pf0").stdout


def test_no_colours_in_a_pipe(ctl: Control, objects: Objects) -> None:
    ctl("attach", objects(), "pf0")
    assert "\x1b" not in ctl("stats", "pf0").stdout
