"""`ebpfctl table` on real maps: the program finds what it adds, and not what it deletes; what cannot be is said."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ebpfc.testing.netns import Side

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]
Ping = Callable[..., bool]


def listed(ctl: Control, name: str) -> dict[str, dict[str, int | None]]:
    lines = map(json.loads, ctl("table", "pf0", name, "list", "--json").stdout.splitlines())
    return {" ".join(entry["key"]): entry for entry in lines}


def test_what_is_added_is_dropped_and_counted(
    ctl: Control, stateful: Objects, ping: Ping, wire: tuple[Side, Side]
) -> None:
    ctl("attach", stateful(), "pf0")
    assert ping()
    done = ctl("table", "pf0", "banned", "add", wire[0].ipv4)
    assert done.stdout == "10.99.0.1 is in banned at pf0 for 10m\n"
    assert not ping()
    entry = listed(ctl, "banned")["10.99.0.1"]
    assert (entry["packets"], entry["bytes"]) == (1, 42)
    assert 590 * 10**9 < (entry["left_ns"] or 0) < 600 * 10**9
    assert "stays in banned at pf0 for 1h" in ctl("table", "pf0", "banned", "add", "10.99.0.1", "for", "1h").stdout
    assert listed(ctl, "banned")["10.99.0.1"]["packets"] == 1
    ctl("table", "pf0", "banned", "delete", "10.99.0.1")
    assert ping()
    assert "10.99.0.1 is not in banned" in ctl("table", "pf0", "banned", "delete", "10.99.0.1", code=1).stderr


def test_an_entry_past_its_time_is_not_there(ctl: Control, stateful: Objects, ping: Ping) -> None:
    ctl("attach", stateful(), "pf0")
    ctl("table", "pf0", "banned", "add", "10.99.0.1", "for", "300ms")
    time.sleep(0.35)
    assert ping()
    assert listed(ctl, "banned") == {}
    assert "0 of 65536 entries, 1 expired" in ctl("table", "pf0", "banned", "list").stdout
    assert "is not in banned" in ctl("table", "pf0", "banned", "delete", "10.99.0.1", code=1).stderr
    ctl("table", "pf0", "banned", "add", "10.99.0.1", "for", "1ms")
    assert "is in banned" in ctl("table", "pf0", "banned", "add", "10.99.0.1").stdout


def test_prefixes(ctl: Control, stateful: Objects, ping: Ping) -> None:
    ctl("attach", stateful(), "pf0")
    ctl("table", "pf0", "feeds", "add", "10.99.0.0/24")
    assert not ping()
    ctl("table", "pf0", "feeds", "add", "2001:db8::/32")
    ctl("table", "pf0", "feeds", "add", "::/0")
    assert set(listed(ctl, "feeds")) == {"10.99.0.0/24", "2001:db8::/32", "::/0"}
    assert listed(ctl, "feeds")["10.99.0.0/24"]["left_ns"] is None
    ctl("table", "pf0", "feeds", "delete", "10.99.0.0/25", code=1)
    ctl("table", "pf0", "feeds", "delete", "10.99.0.0/24")
    assert ping()
    ctl("table", "pf0", "feeds", "add", "10.99.0.1")
    assert set(listed(ctl, "feeds")) == {"10.99.0.1/32", "2001:db8::/32", "::/0"}


def test_a_key_of_two_fields_and_a_full_table(ctl: Control, stateful: Objects) -> None:
    ctl("attach", stateful(), "pf0")
    for number in range(3):
        ctl("table", "pf0", "pairs", "add", "10.0.0.1", str(number))
    ctl("table", "pf0", "pairs", "add", "10.0.0.1, 0x1bb", "for", "1ms")
    time.sleep(0.01)
    ctl("table", "pf0", "pairs", "add", "10.0.0.1,4")
    assert set(listed(ctl, "pairs")) == {"10.0.0.1 0", "10.0.0.1 1", "10.0.0.1 2", "10.0.0.1 4"}
    assert "table pairs is full: 4 entries" in ctl("table", "pf0", "pairs", "add", "10.0.0.1,5", code=1).stderr
    ctl("table", "pf0", "pairs", "add", "10.0.0.1,4")


def test_flush(ctl: Control, stateful: Objects) -> None:
    ctl("attach", stateful(), "pf0")
    ctl("table", "pf0", "feeds", "add", "10.0.0.0/8")
    ctl("table", "pf0", "feeds", "add", "10.1.0.0/16")
    assert ctl("table", "pf0", "feeds", "flush").stdout == "feeds at pf0 is empty: 2 entries deleted\n"
    assert json.loads(ctl("table", "pf0", "feeds", "flush", "--json").stdout) == {"table": "feeds", "deleted": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("banned", "add", "10.0.0.300"), "`10.0.0.300` is no IPv4 or IPv6 address"),
        (("banned", "add", "10.0.0.0/8"), "a prefix goes into a table whose key is `net`"),
        (("banned", "add", "10.0.0.1", "443"), "a key of this table is one field: src"),
        (("banned", "add", "10.0.0.1", "for"), "a duration, and nothing else, stands after `for`"),
        (("banned", "add", "10.0.0.1", "for", "10"), "`10` is no duration"),
        (("banned", "add", "10.0.0.1", "for", "0s"), "`0s` is out of range"),
        (("feeds", "add", "10.0.0.1/8"), "write 10.0.0.0/8"),
        (("feeds", "add", "10.0.0.0/33"), "its length is from 0 to 32"),
        (("pairs", "add", "10.0.0.1"), "a key of this table is 2 fields: src, dst port"),
        (("pairs", "add", "10.0.0.1", "65536"), "`65536` is too large for dst port: at most 65535"),
        (("pairs", "add", "10.0.0.1", "http"), "`http` is no number"),
        (("nothing", "list"), "tables there: banned, feeds, pairs"),
        (("banned", "load", "/no/such/file"), "no such file: /no/such/file"),
        (("banned", "--policy", "other", "list"), "no policy other is attached to pf0"),
    ],
)
def test_what_cannot_be(ctl: Control, stateful: Objects, arguments: tuple[str, ...], message: str) -> None:
    ctl("attach", stateful(), "pf0")
    assert message in ctl("table", "pf0", *arguments, code=1).stderr


def test_without_a_policy(ctl: Control) -> None:
    assert "no policy is attached to pf0" in ctl("table", "pf0", "banned", "list", code=1).stderr


def test_a_map_that_is_no_such_table(ctl: Control, stateful: Objects) -> None:
    """A manifest that says of a prefix trie, of a ring, of a map of other keys that it is the table."""
    table = {"name": "banned", "key": [{"field": "src", "kind": "address", "words": 5}], "net": False, "timeout": None}
    for name in ("t_feeds", "pf_events", "t_pairs", "l_1"):
        ctl("attach", stateful(tables=[{**table, "map": name, "size": 5, "evict": False}], state_counters=None), "pf0")
        assert (
            f"the map {name} of policy state is not the table" in ctl("table", "pf0", "banned", "list", code=1).stderr
        )
        assert "is not the table" in ctl("stats", "pf0", code=1).stderr
    ctl("attach", stateful(tables=[{**table, "map": "missing", "size": 5, "evict": False}], state_counters=None), "pf0")
    assert "is not pinned" in ctl("table", "pf0", "banned", "flush", code=1).stderr
