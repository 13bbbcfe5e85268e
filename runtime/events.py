"""What `log` has said: the records of the map `pf_events` of a device's policies, as they come.

In: a device. Out: `Event` records, in the order in which the programs made them, and `Lost`, how many have found no
room. A record, in the CPU's byte order: time (u64, ns of CLOCK_MONOTONIC), frame length (u64), rule, interface (u32
each), log, captured bytes (u16 each), hook, verdict (u8 each), two of padding, the frame's first bytes. None of it is
trusted.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.installed import Installed, installed_at, map_path, refuse_several
from ebpfc.runtime.manifest import Manifest, Rule, Verdict
from ebpfc.runtime.manifest_state import LogPart
from ebpfc.runtime.object import map_info
from ebpfc.runtime.ring import Ring
from ebpfc.runtime.state_counters import StateCounters

_HEAD: Final = struct.Struct("=QQIIHHBB2x")
_VERDICTS: Final[dict[int, Verdict]] = {1: "pass", 2: "drop"}
_BATCH: Final = 4096  # records taken at once
_LAST_BATCH: Final = 1 << 17  # at the end, so that no ring leaves anything behind, and a flood does not go on for ever
_WAIT: Final = 200  # ms, between two looks at what has been lost and whether the policy is still this one
_PATIENCE: Final = 10  # such times, for a policy that is being replaced


@dataclass(frozen=True, slots=True)
class Event:
    """`time_ns`: since 1970. `verdict` None: the rule's actions hold none. `data`: the frame's first bytes."""

    policy: str
    hook: str
    rule: Rule
    log: LogPart
    verdict: Verdict | None
    time_ns: int
    ifindex: int
    length: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """`more` events found no room in the ring since the last such record, `total` since the reading began;
    `unreadable` of them were there and are no events."""

    policy: str
    more: int
    total: int
    unreadable: int = 0


def read_events(
    device: Device, policy: str = "", count: int | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event | Lost]:
    """Waits for events until there were `count`, or `stop` says so (it is asked after each wait, which a signal ends).
    `policy`: whose, where several log. When the policy is replaced by one that logs, its events follow.
    ControlError: none logs, or none does any more."""
    at = quote(device.name, 32)
    installed = _logging(device, policy) or _successor(device, policy)
    if installed is None:
        raise ControlError(f"no policy at {at} logs anything", ("write it in a rule: drop tcp dst port 22 then log",))
    left = count
    while installed is not None:
        for one in _events_of(installed, installed.manifest(), left, stop):
            yield one
            if left is not None and isinstance(one, Event):
                left -= 1
        if left == 0 or stop():
            return
        installed = _successor(device, policy)
    raise ControlError(f"no policy at {at} logs anything any more")


def _successor(device: Device, policy: str) -> Installed | None:
    """Whose events follow. While a policy is being replaced, for some milliseconds none has its name."""
    for _ in range(_PATIENCE):
        with suppress(ControlError):
            installed = _logging(device, policy)
            if installed is not None:
                return installed
        time.sleep(_WAIT / 1000)
    return None


def _logging(device: Device, policy: str) -> Installed | None:
    present = installed_at(device)
    found = [i for i in present if (not policy or i.policy == policy) and i.manifest().state.events]
    refuse_several(found, f"log at {quote(device.name, 32)}")
    return found[0] if found else None


def _events_of(
    installed: Installed, manifest: Manifest, left: int | None, stop: Callable[[], bool]
) -> Iterator[Event | Lost]:
    """Until there were `left`, `stop` says so (what is in the ring then comes still), or the map that is pinned is
    another, or none. No record more is taken than is shown."""
    part, reader = manifest.state, _Decoder(manifest)
    with ExitStack() as stack:
        fd = stack.enter_context(bpffs.opened(map_path(installed.folder, part.events)))
        if fd is None:
            raise ControlError(f"the map {part.events} of policy {installed.policy} is not pinned")
        ring = stack.enter_context(Ring(fd, part.events))
        path = map_path(installed.folder, part.counters_map) if part.counters_map else installed.folder / "none"
        counters_fd = stack.enter_context(bpffs.opened(path))
        counters = StateCounters(counters_fd, part) if counters_fd is not None else None
        first = shown = (counters.read("lost") if counters else None) or 0
        last_look = False
        while True:
            last_look = last_look or stop()
            most = _LAST_BATCH if last_look else _BATCH
            records = ring.read(most if left is None else min(most, left), 0 if last_look else _WAIT)
            for event in filter(None, map(reader.event, records)):
                left = None if left is None else left - 1
                yield event
            lost = (counters.read("lost") if counters else None) or 0
            if lost != shown or reader.unreadable:
                yield Lost(installed.policy, lost - shown, lost - first, reader.unreadable)
                shown, reader.unreadable = lost, 0
            if left == 0 or last_look:
                return
            last_look = not records and _pinned_number(installed, part.events) != ring.identity


def _pinned_number(installed: Installed, name: str) -> int:
    with bpffs.opened(map_path(installed.folder, name)) as fd:
        return 0 if fd is None else int(map_info(fd).id)


class _Decoder:
    """Records of one policy. `unreadable`: how many were none."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._epoch = time.time_ns() - time.monotonic_ns()
        self.unreadable = 0

    def event(self, raw: bytes) -> Event | None:
        manifest, logs = self._manifest, self._manifest.state.logs
        if len(raw) >= _HEAD.size:
            when, length, rule, ifindex, log, captured, hook, verdict = _HEAD.unpack_from(raw)
            known = rule < len(manifest.rules) and log < len(logs) and hook < len(manifest.hooks) and verdict <= 2
            if known and captured <= min(len(raw) - _HEAD.size, logs[log].bytes, length):
                data = raw[_HEAD.size : _HEAD.size + captured]
                return Event(
                    manifest.policy,
                    manifest.hooks[hook].hook,
                    manifest.rules[rule],
                    logs[log],
                    _VERDICTS.get(verdict),
                    self._epoch + when,
                    ifindex,
                    length,
                    data,
                )
        self.unreadable += 1
        return None
