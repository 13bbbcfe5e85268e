"""`ebpfctl table`: a table of a policy in force listed, added to, deleted from, emptied, filled from a file.

In: parsed arguments. Out: text or JSON on stdout, an exit code; failures are ControlErrors.
What `list` prints, `load` reads.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from typing import Any

from ebpfc.cli.ebpfctl_files import opened_file
from ebpfc.cli.progress import Progress
from ebpfc.runtime import bpffs
from ebpfc.runtime.device import Device, find_device
from ebpfc.runtime.durations import show_duration
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.table_file import read_table_file, split_entry
from ebpfc.runtime.table_swap import swap
from ebpfc.runtime.tables import Entry, Table, opened_table

_LINES = 4096  # written at once


def table(arguments: argparse.Namespace) -> int:
    """One operation on one table."""
    device = find_device(arguments.device)
    gc.disable()  # a million entries are a million objects, none of them in a cycle: twice as fast
    operations = {"list": _list, "add": _add, "delete": _delete, "flush": _flush, "load": _load}
    with opened_table(device, arguments.name, arguments.policy) as found:
        operations[arguments.operation](found, device, arguments)
    return 0


def _list(found: Table, device: Device, arguments: argparse.Namespace) -> None:
    entries, expired = found.listed()
    if arguments.json:
        _print_lines([json.dumps(_entry_json(entry)) for entry in entries])
        return
    more = f", {expired} expired" if expired else ""
    size = found.part.size
    at = quote(device.name, 32)
    print(f"# {found.part.name} at {at}: {len(entries)} of {size} entries{more}; key {found.keys.fields}")
    rows = [(" ".join(e.key) + (f" for {show_duration(e.left)}" if e.left is not None else ""), e) for e in entries]
    width = max((len(words) for words, _ in rows), default=0)
    _print_lines([f"{words.ljust(width)}  # {e.packets} packets, {e.bytes} bytes" for words, e in rows])


def _add(found: Table, device: Device, arguments: argparse.Namespace) -> None:
    fields, duration = split_entry(_words(arguments.words))
    is_new = found.add(found.keys.parse(fields), duration)
    lasts = found.part.timeout if duration is None else duration
    until = "" if lasts is None else f" for {show_duration(lasts)}"
    words = "is in" if is_new else "stays in"
    _answer(
        arguments,
        f"{quote(' '.join(fields))} {words} {found.part.name} at {quote(device.name, 32)}{until}",
        {"added": int(is_new), "renewed": int(not is_new)},
    )


def _delete(found: Table, device: Device, arguments: argparse.Namespace) -> None:
    fields = _words(arguments.words)
    shown = quote(" ".join(fields))
    at = quote(device.name, 32)
    if not found.delete(found.keys.parse(fields)):
        hints = ("of a prefix, address and length count: see `list`",) if found.part.net else ()
        raise ControlError(f"{shown} is not in {found.part.name} at {at}", hints)
    _answer(arguments, f"{shown} is out of {found.part.name} at {at}", {"deleted": 1})


def _flush(found: Table, device: Device, arguments: argparse.Namespace) -> None:
    deleted = found.flush()
    words = f"{found.part.name} at {quote(device.name, 32)} is empty: {deleted} entries deleted"
    _answer(arguments, words, {"deleted": deleted})


def _load(found: Table, device: Device, arguments: argparse.Namespace) -> None:
    """Under the lock: a policy replaced meanwhile would leave us with a map that nothing reads."""
    name = "stdin" if arguments.file == "-" else arguments.file
    with Progress(enabled=True, command="ebpfctl") as progress, opened_file(arguments.file) as stream:
        progress.stage(f"reading {quote(name)}")
        wanted = read_table_file(
            stream, name, found.keys, found.part.size, lambda n: progress.stage(f"reading {quote(name)}, line {n}")
        )
        with bpffs.locked(), opened_table(device, found.part.name, found.policy) as current:
            done = swap(
                current,
                wanted,
                lambda n, total: progress.stage(f"{min(100, n * 100 // max(total, 1))} % of {total} entries"),
            )
    if done.lost:
        print(
            f"ebpfctl: warning: {done.lost} of {len(wanted)} entries did not stay: "
            f"table {found.part.name} is full, and evicts",
            file=sys.stderr,
        )
    _answer(
        arguments,
        f"{found.part.name} at {quote(device.name, 32)} holds {len(wanted) - done.lost} entries: "
        f"{done.added} added, {done.stayed} were there, {done.deleted} deleted",
        {"entries": len(wanted) - done.lost, "added": done.added, "stayed": done.stayed, "deleted": done.deleted}
        | {"lost": done.lost},
    )


def _words(given: Sequence[str]) -> list[str]:
    return " ".join(given).replace(",", " ").split()


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {"key": list(entry.key), "left_ns": entry.left, "packets": entry.packets, "bytes": entry.bytes}


def _answer(arguments: argparse.Namespace, words: str, record: dict[str, Any]) -> None:
    print(json.dumps({"table": arguments.name} | record) if arguments.json else words)


def _print_lines(lines: list[str]) -> None:
    for place in range(0, len(lines), _LINES):
        print("\n".join(lines[place : place + _LINES]))
