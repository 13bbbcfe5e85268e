"""What goes on when a policy is replaced by a newer version of itself: counters, tables, limiters, connections, events.

In: the policies that are replaced, the new one's manifest. Out: `KeptMaps`, the pinned maps that the new object's
programs shall take over, by the name that the new object has for each. Whether two maps are of one kind and size,
object.py asks the kernel; here it is decided whether they mean the same: a table by its name and key; a limiter by its
name, or the words of its rule and guard; connections always; counters and events where all that their numbers refer to
is as before.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ebpfc.runtime import bpffs
from ebpfc.runtime.counters import COUNTERS_MAP
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.installed import Installed, map_path
from ebpfc.runtime.manifest import Manifest


@dataclass(frozen=True, slots=True)
class KeptMaps:
    """`paths`: pins, by the new object's names of maps; `tables`: names, by the same; `before`: those that were."""

    paths: dict[str, Path]
    tables: dict[str, str]
    before: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[dict[str, int]]:
        """Their descriptors; a map that is not pinned is left out."""
        found: dict[str, int] = {}
        try:
            for name, path in self.paths.items():
                fd = bpffs.get(path)
                if fd is not None:
                    found[name] = fd
            yield found
        finally:
            for fd in found.values():
                os.close(fd)

    def outcome(self, reused: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the tables that were there and still are: those whose entries stay, and those that begin empty."""
        stay = tuple(table for name, table in self.tables.items() if name in reused)
        return stay, tuple(table for table in self.before if table not in stay)


def kept_maps(replaced: tuple[Installed, ...], manifest: Manifest) -> KeptMaps:
    """None are kept of a policy of another name, or one whose manifest cannot be read."""
    for installed in (i for i in replaced if i.policy == manifest.policy):
        try:
            old = installed.manifest()
        except ControlError:
            break
        names = _same_maps(old, manifest)
        tables = {table.map: table.name for table in manifest.state.tables}
        known = {table.name for table in manifest.state.tables}
        return KeptMaps(
            {new: map_path(installed.folder, before) for new, before in names.items()},
            {new: tables[new] for new in names if new in tables},
            tuple(table.name for table in old.state.tables if table.name in known),
        )
    return KeptMaps({}, {})


def _same_maps(old: Manifest, new: Manifest) -> dict[str, str]:
    """The old policy's names of maps by the new one's."""
    found: dict[str, str] = {}
    if (old.rules, old.counters) == (new.rules, new.counters):
        found[COUNTERS_MAP] = COUNTERS_MAP
    tables = {table.name: table for table in old.state.tables}
    for table in new.state.tables:
        before = tables.get(table.name)
        if before is not None and (before.key, before.net) == (table.key, table.net):
            found[table.map] = before.map
    limits = dict(zip(_limiters(old), (limit.map for limit in old.state.limits), strict=True))
    for identity, limit in zip(_limiters(new), new.state.limits, strict=True):
        if identity in limits:
            found[limit.map] = limits[identity]
    if new.state.counters_map and _counted(old) == _counted(new):
        found[new.state.counters_map] = old.state.counters_map
    if new.state.events and (old.rules, old.hooks, old.state.logs) == (new.rules, new.hooks, new.state.logs):
        found[new.state.events] = old.state.events
    if old.track is not None and new.track is not None:
        for what in ("flows", "opening", "fragments"):
            found[getattr(new.track, what)] = getattr(old.track, what)
    return {name: before for name, before in found.items() if before}


def _limiters(manifest: Manifest) -> list[tuple[object, ...]]:
    """What makes each limiter the one that it is; of several with the same words, the first, the second ..."""
    seen: Counter[tuple[object, ...]] = Counter()
    found: list[tuple[object, ...]] = []
    for limit in manifest.state.limits:
        words = limit.name or (limit.text if limit.rule is None else manifest.rules[limit.rule].text)
        identity = (bool(limit.name), words, limit.text, limit.key)
        seen[identity] += 1
        found.append((*identity, seen[identity]))
    return found


def _counted(manifest: Manifest) -> tuple[object, ...]:
    """What the numbers in the names of the state's counters refer to."""
    return manifest.state.counters, _limiters(manifest)
