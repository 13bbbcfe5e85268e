"""A policy replaced by a newer one of its name: which tables keep their entries; what `stats` says of its memory."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.testing.netns import Side
from ebpfc.testing.waiting import comes_true

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]
Frames = Callable[..., bytes]
OTHER_RULES = [
    {"number": n, "file": "rules.pf", "line": 5 + n, "column": 1, "name": None, "text": f"pass ip proto {n}"}
    | {"actions": ["pass"]}
    for n in range(2)
]


def stats(ctl: Control) -> dict[str, Any]:
    (policy,) = json.loads(ctl("stats", "pf0", "--json").stdout)["policies"]
    found: dict[str, Any] = policy
    return found


def entries(ctl: Control) -> dict[str, int]:
    return {table["name"]: table["entries"] for table in stats(ctl)["tables"]}


def fill(ctl: Control) -> None:
    ctl("table", "pf0", "banned", "add", "192.0.2.1")
    ctl("table", "pf0", "feeds", "add", "192.0.2.0/24")
    ctl("table", "pf0", "pairs", "add", "192.0.2.1", "53")


def test_the_same_policy_keeps_all(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    wire[0].send(*[frames(17)] * 3)
    done = ctl("attach", stateful(), "pf0")
    assert "  tables with their entries: banned, feeds, pairs\n" in done.stdout
    assert entries(ctl) == {"banned": 1, "feeds": 1, "pairs": 1}
    wire[0].send(frames(17))
    (limiter,) = stats(ctl)["limiters"]
    assert limiter["within"] == 4


def test_other_rules_keep_the_tables_only(
    ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]
) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    wire[0].send(*[frames(17)] * 3)
    ctl("attach", stateful(rules=OTHER_RULES), "pf0")
    assert entries(ctl) == {"banned": 1, "feeds": 1, "pairs": 1}
    assert stats(ctl)["limiters"][0]["within"] == 0


def test_another_size_or_kind_begins_empty(ctl: Control, stateful: Objects) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    done = ctl("attach", stateful(size=1000), "pf0")
    assert "  tables with their entries: pairs\n" in done.stdout
    assert "  tables that begin empty, with another key or size: banned, feeds\n" in done.stdout
    assert entries(ctl) == {"banned": 0, "feeds": 0, "pairs": 1}
    fill(ctl)
    ctl("attach", stateful(size=1000, lru=False), "pf0")
    assert entries(ctl) == {"banned": 0, "feeds": 1, "pairs": 1}


def test_another_key_of_the_same_size_begins_empty(ctl: Control, stateful: Objects) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    table = {"name": "banned", "map": "t_banned", "net": False, "timeout": None, "size": 65536, "evict": True}
    other = [{"field": "dst", "kind": "address", "words": 5}]
    done = ctl("attach", stateful(tables=[{**table, "key": other}], state_counters=None), "pf0")
    assert "begin empty, with another key or size: banned" in done.stdout


def test_detach_keep_and_attach_again(ctl: Control, stateful: Objects) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    ctl("detach", "pf0", "--keep")
    assert entries(ctl) == {"banned": 1, "feeds": 1, "pairs": 1}
    ctl("table", "pf0", "banned", "add", "192.0.2.2")
    ctl("attach", stateful(), "pf0")
    assert entries(ctl) == {"banned": 2, "feeds": 1, "pairs": 1}


def test_an_undone_trial_leaves_the_entries(ctl: Control, stateful: Objects) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    ctl("attach", stateful(rules=OTHER_RULES), "pf0", "--confirm", "1")
    ctl("table", "pf0", "banned", "add", "192.0.2.2")
    assert comes_true(lambda: stats(ctl)["on_trial_seconds"] is None)
    assert stats(ctl)["limiters"][0]["rule"]["line"] == 8
    assert entries(ctl) == {"banned": 2, "feeds": 1, "pairs": 1}


def test_stats_in_words(ctl: Control, stateful: Objects, frames: Frames, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(), "pf0")
    fill(ctl)
    wire[0].send(*[frames(17)] * 2)
    assert ctl("stats", "pf0").stdout.splitlines()[2:] == [
        "tables of state",
        "  entries   size  added  refused  table   key",
        "        1  65536      0        2  banned  src timeout 10m",
        "        1  65536      0        0  feeds   src net",
        "        1      4      -        -  pairs   (src, dst port)",
        "limiters of state",
        "  within  over  full  place       limiter",
        "       2     0     0  rules.pf:8  over 10/s per src",
        "events of state: 0 lost",
    ]


def test_more_state_counters_than_the_object_has(ctl: Control, stateful: Objects) -> None:
    names = [f"table {name} {what}" for name in ("banned", "feeds", "pairs") for what in ("added", "refused")]
    names += [f"limiter 0 {what}" for what in ("within", "over", "full")] + ["lost"]
    ctl("attach", stateful(state_counters={"map": "pf_state", "names": names}), "pf0")
    ctl("stats", "pf0")
    limits = [{"name": f"l{n}", "rule": None, "text": "1/s", "map": "l_1", "key": None, "size": 1} for n in range(2)]
    more = {"map": "pf_state", "names": [*names, "limiter 1 within"]}
    ctl("attach", stateful(limits=limits, state_counters=more), "pf0")
    assert "names 11 counters of its state, and the object has 10" in ctl("stats", "pf0", code=1).stderr
    ctl("attach", stateful(state_counters={"map": "t_banned", "names": names}), "pf0")
    assert "the map t_banned of this object does not hold counters" in ctl("stats", "pf0", code=1).stderr
