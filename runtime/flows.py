"""The connections that a policy in force keeps: read, counted, forgotten, while packets are judged by them.

In: a device. Out: `Connections`, its maps open. Times are CLOCK_MONOTONIC's nanoseconds, as the programs' own; a
connection past its time is not there, whether it still takes room or not. Half-open ones, without a packet of the
reply, are in a map of their own.
Law: docs/adr/0004-connections.md, rules 5, 6 and 15; layout: docs/manifest.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.flow_records import KEY, VALUE, Flow, created, expiry, is_assured, read_flow
from ebpfc.runtime.installed import Installed, map_path, refuse_several, require_installed
from ebpfc.runtime.libbpf import MAP_TYPE_HASH, MAP_TYPE_LRU_HASH
from ebpfc.runtime.manifest_track import TrackPart
from ebpfc.runtime.map_entries import MapEntries

_FRAGMENT_SIZES = (48, 16)


@dataclass(frozen=True, slots=True)
class FlowCount:
    """`expired`: those that still take room."""

    half_open: int
    assured: int
    expired: int


class Connections:
    """The connections of one policy. ControlError where a map is not what the manifest says."""

    def __init__(self, part: TrackPart, policy: str, flows: int, opening: int, fragments: int) -> None:
        """`flows`, `opening`, `fragments`: the maps' descriptors."""
        self.part, self.policy = part, policy
        sizes = (KEY.size, VALUE.size)
        self._flows = _entries(flows, part.flows, policy, sizes)
        self._opening = _entries(opening, part.opening, policy, sizes)
        self._fragments = _entries(fragments, part.fragments, policy, _FRAGMENT_SIZES)

    def listed(self) -> list[Flow]:
        """The connections that are there, the oldest first."""
        now = time.monotonic_ns()
        present, _ = self._present(now)
        in_order = sorted(present.items(), key=lambda entry: (created(entry[1]), entry[0]))
        return [read_flow(key, value, now) for key, value in in_order]

    def count(self) -> FlowCount:
        present, expired = self._present(time.monotonic_ns())
        assured = sum(map(is_assured, present.values()))
        return FlowCount(len(present) - assured, assured, expired)

    def flush(self) -> int:
        """Forgets every connection, and what is known of datagrams in fragments; answers how many connections."""
        present, _ = self._present(time.monotonic_ns())
        for entries in (self._opening, self._flows, self._fragments):
            entries.delete_all(list(entries.read_all()))
        return len(present)

    def _present(self, now: int) -> tuple[dict[bytes, bytes], int]:
        """Those that are there, and how many are past their time. A connection that is answered is put into the second
        map before it leaves the first: read in this order, none is missed."""
        found: dict[bytes, bytes] = {}
        expired = 0
        for entries in (self._opening, self._flows):
            for key, value in entries.read_all().items():
                if expiry(value) > now:
                    found[key] = value
                else:
                    expired += 1
        return found, expired


def _entries(fd: int, name: str, policy: str, sizes: tuple[int, int]) -> MapEntries:
    entries = MapEntries(fd, f"the map {name}")
    is_hash = entries.type in (MAP_TYPE_HASH, MAP_TYPE_LRU_HASH)
    if not is_hash or (entries.key_size, entries.value_size) != sizes:
        raise ControlError(f"the map {name} of policy {policy} does not hold what its manifest says of connections")
    return entries


@contextmanager
def opened_connections(installed: Installed, part: TrackPart) -> Iterator[Connections]:
    """`part`: of that policy's manifest."""
    with ExitStack() as stack:
        fds: list[int] = []
        for name in (part.flows, part.opening, part.fragments):
            fd = stack.enter_context(bpffs.opened(map_path(installed.folder, name)))
            if fd is None:
                raise ControlError(f"the map {name} of policy {installed.policy} is not pinned")
            fds.append(fd)
        yield Connections(part, installed.policy, *fds)


def find_tracking(device: Device, policy: str = "") -> tuple[Installed, TrackPart]:
    """The policy at a device that tracks connections. `policy`: its name, where several do. ControlError: none does."""
    at = quote(device.name, 32)
    manifests = [(i, i.manifest().track) for i in require_installed(device, policy)]
    found = [(i, track) for i, track in manifests if track is not None]
    if not found:
        who = f"policy {quote(policy, 32)}" if policy else "no policy"
        does = "does not track" if policy else "tracks"
        raise ControlError(f"{who} at {at} {does} connections", ("write it in the rules: track",))
    refuse_several([i for i, _ in found], f"track connections at {at}")
    return found[0]
