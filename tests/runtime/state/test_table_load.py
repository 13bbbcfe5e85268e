"""`ebpfctl table ... load`: files whole or not at all, many entries, and no moment without what old and new share."""

from __future__ import annotations

import errno
import json
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import find_device
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.table_file import Wanted
from ebpfc.runtime.table_swap import swap
from ebpfc.runtime.tables import VALUE, Table, opened_table
from ebpfc.testing.netns import Side

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]


def listed(ctl: Control, name: str) -> set[str]:
    lines = map(json.loads, ctl("table", "pf0", name, "list", "--json").stdout.splitlines())
    return {" ".join(entry["key"]) for entry in lines}


def addresses(first: int, count: int) -> list[str]:
    return [socket.inet_ntoa(struct.pack("!I", 0x0A000000 + n)) for n in range(first, first + count)]


@contextmanager
def table_at(side: Side, name: str) -> Iterator[Table]:
    with side.entered(), opened_table(find_device("pf0"), name) as found:
        yield found


def test_a_file_becomes_the_whole_content(ctl: Control, stateful: Objects, tmp_path: Path) -> None:
    ctl("attach", stateful(), "pf0")
    path = tmp_path / "bad.txt"
    path.write_text("# bad ones\n\n10.0.0.0/8   # a comment\n  2001:db8::/32 for 2h\n10.0.0.0/8 for 1d\n")
    done = ctl("table", "pf0", "feeds", "load", path)
    assert done.stdout == "feeds at pf0 holds 2 entries: 2 added, 0 were there, 0 deleted\n"
    path.write_text("10.0.0.0/8\n192.0.2.0/24")
    done = ctl("table", "pf0", "feeds", "load", path, "--json")
    assert json.loads(done.stdout) == {
        "table": "feeds", "entries": 2, "added": 1, "stayed": 1, "deleted": 1, "lost": 0,
    }  # fmt: skip
    assert listed(ctl, "feeds") == {"10.0.0.0/8", "192.0.2.0/24"}
    path.write_text("")
    ctl("table", "pf0", "feeds", "load", path)
    assert listed(ctl, "feeds") == set()


def test_what_list_prints_load_reads(ctl: Control, stateful: Objects, tmp_path: Path) -> None:
    ctl("attach", stateful(), "pf0")
    for key in (("10.0.0.1", "443"), ("2001:db8::1", "53", "for", "2h")):
        ctl("table", "pf0", "pairs", "add", *key)
    saved = ctl("table", "pf0", "pairs", "list").stdout
    assert saved.splitlines()[0] == "# pairs at pf0: 2 of 4 entries; key src, dst port"
    path = tmp_path / "saved.txt"
    path.write_text(saved)
    ctl("table", "pf0", "pairs", "flush")
    ctl("table", "pf0", "pairs", "load", path)
    with path.open("rb") as stdin:
        ctl("table", "pf0", "pairs", "load", "-", stdin=stdin)
    again = [json.loads(line) for line in ctl("table", "pf0", "pairs", "list", "--json").stdout.splitlines()]
    assert [(entry["key"], entry["left_ns"] is None) for entry in again] == [
        (["10.0.0.1", "443"], True),
        (["2001:db8::1", "53"], False),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"10.0.0.1 443\n10.0.0.1, 70000\n", "bad.txt:2:11: `70000` is too large for dst port"),
        (b"10.0.0.1 443\n\n  10.0.0.999 5 # x\n", "bad.txt:3:3: `10.0.0.999` is no IPv4 or IPv6 address"),
        (b"10.0.0.1\n", "bad.txt:1:1: a key of this table is 2 fields: src, dst port"),
        (b"10.0.0.1 1 for 3x\n", "bad.txt:1:16: `3x` is no duration"),
        (b"10.0.0.1 1 for\n", "bad.txt:1:12: a duration, and nothing else, stands after `for`"),
        (b"10.0.0.1 1\n\xff\xfe\n", "bad.txt:2:1: this is no text in UTF-8"),
        (b"10.0.0.1 \x1b[2J\n", r"bad.txt:1:10: `\x1b[2J` is no number"),
        (b"10.0.0.1 \0\n", r"bad.txt:1:10: `\x00` is no number"),
        (b"10.0.0.1 1" + b" " * 5000, "bad.txt:1:1: a line of a table's file has 4,096 bytes at most"),
        (b"".join(b"10.0.0.1 %d\n" % n for n in range(5)), "bad.txt:5:1: there is room for 4 entries"),
    ],
)
def test_a_wrong_line_changes_nothing(
    ctl: Control, stateful: Objects, tmp_path: Path, content: bytes, message: str
) -> None:
    ctl("attach", stateful(), "pf0")
    ctl("table", "pf0", "pairs", "add", "10.0.0.7 7")
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    said = ctl("table", "pf0", "pairs", "load", "bad.txt", code=1, cwd=tmp_path).stderr
    assert message in said
    assert "nothing of the file is in the table" in said
    assert listed(ctl, "pairs") == {"10.0.0.7 7"}


@pytest.mark.parametrize(("name", "lru"), [("banned", True), ("banned", False), ("feeds", True)])
def test_a_hundred_thousand(
    ctl: Control, stateful: Objects, tmp_path: Path, wire: tuple[Side, Side], name: str, lru: bool
) -> None:
    ctl("attach", stateful(size=1 << 18, lru=lru), "pf0")
    path = tmp_path / "many.txt"
    path.write_text("\n".join(addresses(0, 100_000)))
    start = time.monotonic()
    done = ctl("table", "pf0", name, "load", path)
    assert "holds 100000 entries: 100000 added, 0 were there, 0 deleted" in done.stdout
    assert time.monotonic() - start < 10
    path.write_text("\n".join(addresses(50_000, 100_000)))
    done = ctl("table", "pf0", name, "load", path)
    assert "holds 100000 entries: 50000 added, 50000 were there, 50000 deleted" in done.stdout
    with table_at(wire[1], name) as table:
        assert table.count() == (100_000, 0)
        assert len(table.listed()[0]) == 100_000
        assert table.flush() == 100_000


@pytest.mark.parametrize("name", ["banned", "feeds"])
def test_what_both_hold_is_always_there(ctl: Control, stateful: Objects, wire: tuple[Side, Side], name: str) -> None:
    """Another thread looks the shared entry up all the time while the rest is replaced, in a table nearly full."""
    ctl("attach", stateful(size=3000, lru=False), "pf0")
    with table_at(wire[1], name) as table:
        first, second = (
            {table.keys.parse([word]): 3600 * 10**9 for word in ("10.200.0.1", *addresses(start, 2900))}
            for start in (0, 10_000)
        )
        shared = table.keys.parse(["10.200.0.1"])
        swap(table, first, lambda _done, _total: None)
        missed, looked, over = [], [], threading.Event()

        def look() -> None:
            while not over.is_set():
                looked.append(1)
                value = table.entries.lookup(shared)
                if value is None or 0 < VALUE.unpack(value)[0] < time.monotonic_ns():
                    missed.append(value)

        watcher = threading.Thread(target=look)
        watcher.start()
        for wanted in (second, first) * 10:
            done = swap(table, wanted, lambda _done, _total: None)
            assert (done.added, done.stayed, done.deleted) == (2900, 1, 2900)
        over.set()
        watcher.join()
    assert (missed, len(looked) > 100) == ([], True)


def test_counts_stay_with_what_stays(ctl: Control, stateful: Objects, wire: tuple[Side, Side]) -> None:
    ctl("attach", stateful(), "pf0")
    with table_at(wire[1], "banned") as table:
        key, past = table.keys.parse(["10.0.0.1"]), table.keys.parse(["10.0.0.2"])
        table.entries.put(key, VALUE.pack(time.monotonic_ns() + 10**12, 5, 500))
        table.entries.put(past, VALUE.pack(1, 6, 600))
        done = swap(table, {key: None, past: 10**12}, lambda _done, _total: None)
        assert (done.added, done.stayed) == (1, 1)
        assert [(e.packets, e.bytes) for e in table.listed()[0]] == [(5, 500), (0, 0)]


def test_single_calls_do_where_there_are_no_batches(
    ctl: Control, stateful: Objects, wire: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on kernel 5.10 for prefix tries: every batch is refused with ENOTSUPP."""
    from ebpfc.runtime import map_entries

    ctl("attach", stateful(), "pf0")
    library = map_entries.libbpf()

    class WithoutBatches:
        def __getattr__(self, name: str) -> object:
            return (lambda *_arguments: -524) if name.endswith("_batch") else getattr(library, name)

    monkeypatch.setattr(map_entries, "libbpf", WithoutBatches)
    for name in ("feeds", "banned"):
        with table_at(wire[1], name) as table:
            keys = [table.keys.parse([word]) for word in addresses(0, 300)]
            wanted: Wanted = dict.fromkeys(keys)
            assert swap(table, wanted, lambda _done, _total: None).added == 300
            assert swap(table, dict.fromkeys(keys[100:]), lambda _done, _total: None).deleted == 100
            assert sorted(table.entries.read_all()) == sorted(keys[100:])
            assert table.flush() == 200


def test_memory_that_comes_late(
    ctl: Control, stateful: Objects, wire: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel has none at every second batch, after half of the batch."""
    from ebpfc.runtime import map_entries

    ctl("attach", stateful(), "pf0")
    library, calls = map_entries.libbpf(), []

    class ShortOfMemory:
        def __getattr__(self, name: str) -> object:
            return self.update if name == "bpf_map_update_batch" else getattr(library, name)

        def update(self, fd: int, keys: bytes, values: bytes, count: Any, options: None) -> int:
            calls.append(1)
            if len(calls) % 2:
                count._obj.value //= 2
                library.bpf_map_update_batch(fd, keys, values, count, options)
                return -errno.ENOMEM
            return int(library.bpf_map_update_batch(fd, keys, values, count, options))

    monkeypatch.setattr(map_entries, "libbpf", ShortOfMemory)
    with table_at(wire[1], "banned") as table:
        wanted: Wanted = dict.fromkeys(table.keys.parse([word]) for word in addresses(0, 1000))
        assert swap(table, wanted, lambda _done, _total: None).lost == 0
        assert table.count() == (1000, 0)


def test_no_room_that_packets_have_taken(
    ctl: Control, stateful: Objects, wire: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that appear after the reading: what is there stays, and the command says that the table is full."""
    ctl("attach", stateful(), "pf0")
    with table_at(wire[1], "pairs") as table:
        keys = [table.keys.parse(["10.0.0.1", str(number)]) for number in range(8)]
        swap(table, dict.fromkeys(keys[:3]), lambda _done, _total: None)
        before = table.entries.read_all()
        table.entries.put(keys[7], VALUE.pack(0, 0, 0))
        monkeypatch.setattr(table.entries, "read_all", lambda: before)
        with pytest.raises(ControlError, match="table pairs is full: 4 entries"):
            swap(table, dict.fromkeys(keys[:4]), lambda _done, _total: None)
    with table_at(wire[1], "pairs") as table:
        assert set(keys[:3]) <= set(table.entries.read_all())


def test_one_that_evicts_says_what_it_has_not_kept(
    ctl: Control, stateful: Objects, wire: tuple[Side, Side], tmp_path: Path
) -> None:
    ctl("attach", stateful(size=2000), "pf0")
    path = tmp_path / "many.txt"
    path.write_text("\n".join(addresses(0, 2000)))
    done = ctl("table", "pf0", "banned", "load", path, "--json")
    record = json.loads(done.stdout)
    with table_at(wire[1], "banned") as table:
        assert table.count()[0] == record["entries"] == 2000 - record["lost"]
    assert bool(record["lost"]) == ("did not stay" in done.stderr)


def test_the_pins_stay_under_the_lock(ctl: Control, stateful: Objects, tmp_path: Path) -> None:
    """`load` waits for an attach that is under way, and works on what stands there then."""
    ctl("attach", stateful(), "pf0")
    path = tmp_path / "one.txt"
    path.write_text("10.0.0.1 1\n")
    finished = threading.Event()

    def load() -> None:
        ctl("table", "pf0", "pairs", "load", path)
        finished.set()

    with bpffs.locked():
        loading = threading.Thread(target=load)
        loading.start()
        assert not finished.wait(1.0)
    loading.join()
    assert listed(ctl, "pairs") == {"10.0.0.1 1"}
