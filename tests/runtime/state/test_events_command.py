"""`ebpfctl events`: what the program has logged, as text and JSON; what was lost; one reader; reloads."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ebpfc.testing.netns import Side

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]
Frames = Callable[..., bytes]


@contextmanager
def reading(side: Side, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """An `ebpfctl events` of its own process, ended in any case."""
    path = ":".join(p for p in sys.path if p)
    argv = [sys.executable, "-m", "ebpfc.cli.ebpfctl", "--netns", side.namespace, "events", "pf0", *arguments]
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": path}
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_one_line_a_packet(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(), "pf0")
    wire[0].send(frames(1), frames(17), frames(1))
    done = ctl("events", "pf0", "--count", "2")
    first, second = done.stdout.splitlines()
    form = r'\d\d:\d\d:\d\d\.\d{6} drop  rules\.pf:7 "ping"  xdp  10\.99\.0\.1 > 10\.99\.0\.2: icmp.*, 60 bytes'
    assert re.fullmatch(form, first) and re.fullmatch(form, second), done.stdout
    assert done.stderr == "2 events, 0 lost\n"


def test_json_and_hex(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(), "pf0")
    wire[0].send(*[frames(1)] * 3)
    before = time.time_ns()
    (line,) = ctl("events", "pf0", "--count", "1", "--json").stdout.splitlines()
    event = json.loads(line)
    assert abs(event.pop("time_ns") - before) < 60 * 10**9
    assert event == {
        "policy": "state", "hook": "xdp", "ifindex": wire[1].ifindex(), "verdict": "drop",
        "rule": {"number": 0, "file": "rules.pf", "line": 7, "name": None, "text": 'drop icmp then log "ping"'},
        "text": "ping", "length": 60, "captured": 42, "data": frames(1)[:42].hex(),
    }  # fmt: skip
    _, kept = ctl("events", "pf0", "--count", "1", "--hex").stdout.splitlines()
    assert bytes.fromhex(kept) == frames(1)[:42]


def test_no_event_is_taken_that_is_not_shown(
    ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]
) -> None:
    ctl("attach", stateful(ring=1 << 16), "pf0")
    wire[0].send(*[frames(1)] * 20)
    shown = [len(ctl("events", "pf0", "--count", str(n)).stdout.splitlines()) for n in (3, 16, 1)]
    assert shown == [3, 16, 1]


def test_what_is_lost_is_counted(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(ring=4096), "pf0")
    with reading(wire[1]) as process:
        assert process.stdout is not None and process.stderr is not None
        wire[0].send(frames(1))
        assert "ping" in process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        wire[0].send(*[frames(1)] * 100)
        time.sleep(0.1)
        process.send_signal(signal.SIGCONT)
        assert re.fullmatch(r"ebpfctl: (\d+) events lost \(\1 so far\): the ring was full\n", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    found = re.search(r"(\d+) events, (\d+) lost", said)
    assert found is not None and (process.returncode, int(found[1]) + int(found[2])) == (0, 101)
    assert len(out.splitlines()) == int(found[1]) - 1
    assert int(found[2]) > 50
    assert f"events of state: {found[2]} lost" in ctl("stats", "pf0").stdout


def test_one_reader_only(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(), "pf0")
    with reading(wire[1]) as process:
        assert process.stdout is not None
        wire[0].send(frames(1))
        process.stdout.readline()
        assert "another ebpfctl is reading these events" in ctl("events", "pf0", code=1).stderr


def test_reading_goes_on_through_a_reload_and_ends_with_the_policy(
    ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]
) -> None:
    ctl("attach", stateful(), "pf0")
    with reading(wire[1]) as process:
        assert process.stdout is not None
        for changes in ({}, {}, {"events": {"map": "pf_events", "logs": [{"rule": 0, "text": "new", "bytes": 64}]}}):
            ctl("attach", stateful(**changes), "pf0")
            wire[0].send(frames(1))
            assert ("new" if changes else "ping") in process.stdout.readline()
        ctl("detach", "pf0")
        _, said = process.communicate(timeout=20)
    assert (process.returncode, "no policy at pf0 logs anything any more" in said) == (1, True)


def test_what_is_no_event(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    """A program that writes the number of a rule that is not there."""
    ctl("attach", stateful(event_rule=2), "pf0")
    with reading(wire[1]) as process:
        assert process.stderr is not None
        wire[0].send(frames(1))
        assert process.stderr.readline() == "ebpfctl: 1 records of the ring are no events\n"


def test_nothing_is_logged(ctl: Control, stateful: Objects) -> None:
    assert "no policy at pf0 logs anything" in ctl("events", "pf0", code=1).stderr
    ctl("attach", stateful(events=None), "pf0")
    assert "no policy at pf0 logs anything" in ctl("events", "pf0", code=1).stderr
    ctl("attach", stateful(events={"map": "t_feeds", "logs": []}), "pf0")
    assert "the map t_feeds of this object does not hold events" in ctl("events", "pf0", code=1).stderr
    ctl("attach", stateful(events={"map": "nowhere", "logs": []}), "pf0")
    assert "the map nowhere of policy state is not pinned" in ctl("events", "pf0", code=1).stderr
