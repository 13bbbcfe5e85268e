"""What was open before a policy is attached: cut off, and said so; taken up for a while; known to its older version."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.testing.netns import Side
from ebpfc.testing.waiting import comes_true

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Policies = Callable[..., Path]
Wire = tuple[Side, Side]
Talk = Callable[..., Any]
WARNING = "what is open through pf0 now will be cut off"


def test_what_was_open_is_cut_off_and_said_so(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    with talk(right, left, 4711) as conversation:
        assert conversation.goes_on()
        said = ctl("attach", policies("inside"), "pf0").stderr
        assert WARNING in said
        assert "--pickup 60s" in said
        assert not conversation.goes_on(0.5)


@pytest.mark.parametrize(("rules", "server_first"), [("inside", False), ("ssh", False), ("ssh", True)])
def test_picked_up(ctl: Control, policies: Policies, wire: Wire, talk: Talk, rules: str, server_first: bool) -> None:
    """Begun inside, the other direction lets it pass; begun outside, a rule does."""
    left, right = wire
    ends = (left, right) if rules == "ssh" else (right, left)
    with talk(*ends, 22) as conversation:
        assert conversation.goes_on()
        assert WARNING not in ctl("attach", policies(rules), "pf0", "--pickup", "60s").stderr
        if server_first:
            conversation.server.send(b"y")
            assert conversation.client.recv(1) == b"y"
        assert conversation.goes_on()


def test_only_for_so_long(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    with talk(right, left, 4711) as conversation:
        ctl("attach", policies("inside"), "pf0", "--pickup", "10ms")
        time.sleep(0.1)
        assert not conversation.goes_on(0.5)


def test_a_reload_knows_what_is_open(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    """With other rules too; and what is picked up goes on being so. With another size it begins anew, and says so."""
    left, right = wire
    ctl("attach", policies("inside"), "pf0")
    with talk(right, left, 4711) as conversation:
        for rules in ("inside", "ssh", "both", "inside"):
            assert WARNING not in ctl("attach", policies(rules), "pf0").stderr
            assert conversation.goes_on()
        assert WARNING in ctl("attach", policies("small"), "pf0").stderr
        assert not conversation.goes_on(0.5)
        ctl("attach", policies("small"), "pf0", "--pickup", "60s")
        ctl("attach", policies("small"), "pf0")
        assert conversation.goes_on(5.0)


def test_an_undone_reload_leaves_no_pickup(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    with talk(right, left, 4711) as conversation:
        ctl("attach", policies("inside"), "pf0")
        ctl("attach", policies("both"), "pf0", "--pickup", "600s", "--confirm", "1")
        assert comes_true(lambda: "tc egress: in force" not in ctl("stats", "pf0").stdout)
        assert not conversation.goes_on(0.5)


@pytest.mark.parametrize("rules", ["loose", "open"])
def test_no_warning_where_nothing_is_cut_off(ctl: Control, policies: Policies, rules: str) -> None:
    assert ctl("attach", policies(rules), "pf0").stderr == ""
    assert ctl("attach", policies(rules), "pf0", "--pickup", "1m").stderr == ""


def test_a_policy_that_tracks_nothing_picks_up_nothing(ctl: Control, objects: Callable[..., Path]) -> None:
    said = ctl("attach", objects(), "pf0", "--pickup", "60s", code=1).stderr
    assert "policy handmade does not track connections" in said
    assert "no policy is attached" in ctl("stats", "pf0", code=1).stderr


@pytest.mark.parametrize("word", ["60", "0s", "25h", "-1s", "x"])
def test_times_that_are_none(ctl: Control, policies: Policies, word: str) -> None:
    assert "expected a time up to a day" in ctl("attach", policies("inside"), "pf0", f"--pickup={word}", code=2).stderr
