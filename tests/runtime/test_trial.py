"""`--confirm`: what nobody confirms is undone, what was in force comes back, and no dead session hinders it.

Trials are long enough for what is looked at while they last on a machine that is busy with eight other things.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import TAG_FEATURES, find_device, tag_stripping
from ebpfc.testing.netns import Side
from ebpfc.testing.waiting import comes_true

pytestmark = pytest.mark.kernel
Wire = tuple[Side, Side]
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]
Ping = Callable[..., bool]


def policies(side: Side) -> list[str]:
    with side.entered():
        folder = bpffs.device_folder(side.ifindex())
        return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def test_an_unconfirmed_policy_goes(ctl: Control, objects: Objects, ping: Ping, wire: Wire) -> None:
    start = time.monotonic()
    said = ctl("attach", objects(), "pf0", "--confirm", "7.5").stdout
    assert "on trial: it will be undone in 7.5 s" in said
    assert not ping()
    assert "on trial for" in ctl("stats", "pf0").stdout
    assert comes_true(lambda: policies(wire[1]) == [])
    assert time.monotonic() - start >= 7.5
    assert ping(2.0)
    assert "no policy is on trial" in ctl("confirm", "pf0", code=1).stderr


def test_what_was_in_force_comes_back(ctl: Control, objects: Objects, ping: Ping, wire: Wire) -> None:
    """The first policy passes pings and counts on; the one on trial drops them, at more hooks."""
    first = objects(icmp="pass", policy="first")
    ctl("attach", first, "pf0")
    ctl("attach", objects(("xdp", "tc ingress"), policy="second"), "pf0", "--confirm", "4")
    assert not ping()
    assert comes_true(lambda: policies(wire[1]) == ["first"])
    assert ping(2.0)
    assert "first at pf0, xdp: in force" in ctl("stats", "pf0").stdout
    assert "its counters go on" in ctl("attach", first, "pf0").stdout


def test_a_confirmed_policy_stays(ctl: Control, objects: Objects, ping: Ping, wire: Wire) -> None:
    ctl("attach", objects(icmp="pass", policy="first"), "pf0")
    ctl("attach", objects(), "pf0", "--confirm", "8")
    undone = time.monotonic() + 8
    assert "a policy is on trial at pf0" in ctl("attach", objects(), "pf0", code=1).stderr
    assert "handmade stays in force at pf0" in ctl("confirm", "pf0").stdout
    time.sleep(max(0.0, undone + 0.5 - time.monotonic()))
    assert policies(wire[1]) == ["handmade"]
    assert not ping()


def test_the_same_policy_on_trial_over_itself(ctl: Control, objects: Objects, ping: Ping, wire: Wire) -> None:
    ctl("attach", objects(icmp="pass"), "pf0")
    ctl("attach", objects(), "pf0", "--confirm", "4")
    assert not ping()
    assert comes_true(lambda: policies(wire[1]) == ["handmade"])
    assert ping(2.0)


def test_detach_ends_a_trial(ctl: Control, objects: Objects, ping: Ping, wire: Wire) -> None:
    ctl("attach", objects(icmp="pass", policy="first"), "pf0")
    ctl("attach", objects(), "pf0", "--confirm", "4")
    undone = time.monotonic() + 4
    ctl("detach", "pf0")
    time.sleep(max(0.0, undone + 0.5 - time.monotonic()))
    assert policies(wire[1]) == []
    assert ping(2.0)


def test_a_feature_comes_back_with_the_undoing(ctl: Control, objects: Objects, wire: Wire) -> None:
    ctl("attach", objects(flags={"looks_at_tags": True}), "pf0", "--fix-offload", "--confirm", "3")
    with wire[1].entered():
        assert tag_stripping(find_device("pf0")) == ()
        assert comes_true(lambda: tag_stripping(find_device("pf0")) == TAG_FEATURES)


def test_it_survives_the_death_of_its_session(objects: Objects, ping: Ping, wire: Wire, ctl: Control) -> None:
    """As when ssh goes: the terminal hangs up, and the whole process group is killed."""
    main, terminal = os.openpty()
    argv = [
        "-m",
        "ebpfc.cli.ebpfctl",
        "--netns",
        wire[1].namespace,
        "attach",
        str(objects()),
        "pf0",
        "--confirm",
        "4",
    ]
    path = os.pathsep.join(p for p in sys.path if p)
    session = subprocess.Popen(
        [sys.executable, *argv],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    os.close(terminal)
    assert comes_true(lambda: "handmade" in policies(wire[1]))
    os.killpg(session.pid, signal.SIGKILL)
    session.wait()
    os.close(main)
    assert not ping()
    assert comes_true(lambda: policies(wire[1]) == [])
    assert ping(2.0)


@pytest.mark.parametrize("from_elsewhere", [False, True])
def test_enter_on_the_terminal_confirms(objects: Objects, wire: Wire, ctl: Control, from_elsewhere: bool) -> None:
    """Or `ebpfctl confirm` in another one: the waiting command sees that, too."""
    main, terminal = os.openpty()
    argv = ["-m", "ebpfc.cli.ebpfctl", "--netns", wire[1].namespace, "attach", str(objects()), "pf0", "--confirm", "60"]
    path = os.pathsep.join(p for p in sys.path if p)
    session = subprocess.Popen(
        [sys.executable, *argv],
        stdin=terminal,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    os.close(terminal)
    assert session.stdout is not None
    said = session.stdout.readline() + session.stdout.readline()
    assert "press Enter" in said
    if from_elsewhere:
        ctl("confirm", "pf0")
    else:
        os.write(main, b"\n")
    out, _ = session.communicate(timeout=50)
    os.close(main)
    assert session.returncode == 0
    assert "handmade stays in force" in out
    assert policies(wire[1]) == ["handmade"]


def test_a_failed_attach_leaves_no_trial(ctl: Control, objects: Objects, wire: Wire) -> None:
    ctl("attach", objects(bad=True), "pf0", "--confirm", "1", code=3)
    assert policies(wire[1]) == []
