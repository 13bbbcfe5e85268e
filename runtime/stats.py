"""What a device's policies have counted: pinned manifests and maps in, one `PolicyStats` a policy out.

A policy that `detach --keep` has left is read too; it is `in_force` at no hook.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.runtime import bpffs
from ebpfc.runtime.counters import COUNTERS_MAP, Counter, CounterReader
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.flows import FlowCount, opened_connections
from ebpfc.runtime.hooks import Attachment
from ebpfc.runtime.installed import Installed, map_path, require_installed
from ebpfc.runtime.manifest import CounterPlace, Manifest, Rule, Verdict
from ebpfc.runtime.manifest_track import TrackPart
from ebpfc.runtime.state_counters import StateStats, read_state_stats
from ebpfc.runtime.undo import trial_left


@dataclass(frozen=True, slots=True)
class HookStats:
    """`rules`: those that the hook's program holds, in order; `named`: by the author's name."""

    hook: str
    default: Verdict
    attachment: Attachment | None
    rules: tuple[tuple[Rule, Counter], ...]
    undecided: Counter | None
    named: tuple[tuple[str, Counter], ...]


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """`companion`: how the program is attached that keeps the other direction's; None where none is."""

    counts: FlowCount
    track: TrackPart
    companion: Attachment | None


@dataclass(frozen=True, slots=True)
class PolicyStats:
    """`trial_left`: seconds until it is undone, None when it is not on trial. `rules`: all of the policy, by number."""

    policy: str
    compiler: str
    hooks: tuple[HookStats, ...]
    counted: bool
    trial_left: float | None
    state: StateStats
    connections: ConnectionStats | None
    rules: tuple[Rule, ...]


def read_stats(device: Device) -> tuple[PolicyStats, ...]:
    """ControlError when nothing of ours is at the device."""
    found = require_installed(device)
    left = trial_left(device)
    return tuple(_policy(installed, left) for installed in found)


def _policy(installed: Installed, left: float | None) -> PolicyStats:
    manifest = installed.manifest()
    counters = _counters(installed, manifest)
    hooks = tuple(
        hook_stats(manifest, h.hook, counters, installed.state.attachment(h.hook))
        for h in manifest.hooks
        if not installed.hooks or h.hook in installed.hooks
    )
    state = read_state_stats(installed, manifest)
    connections = _connections(installed, manifest.track) if manifest.track is not None else None
    return PolicyStats(
        manifest.policy, manifest.compiler, hooks, bool(counters), left, state, connections, manifest.rules
    )


def _connections(installed: Installed, track: TrackPart) -> ConnectionStats:
    companion = next((a for a in installed.state.attachments if a.companion), None)
    with opened_connections(installed, track) as connections:
        return ConnectionStats(connections.count(), track, companion)


def hook_stats(manifest: Manifest, hook: str, counters: list[Counter], attachment: Attachment | None) -> HookStats:
    """The counters of one hook's program, sorted into rules, default and names. `counters`: by index."""
    places = [(p, counters[p.index]) for p in manifest.counters if p.hook == hook] if counters else []
    return HookStats(
        hook,
        manifest.default(hook),
        attachment,
        tuple((manifest.rules[p.rule], c) for p, c in places if p.rule is not None),
        next((c for p, c in places if p.kind == "default"), None),
        tuple((p.name, c) for p, c in places if p.kind == "named"),
    )


def counter_fits(manifest: Manifest, reader: CounterReader) -> None:
    """ControlError when the manifest speaks of counters that the map does not have."""
    places: tuple[CounterPlace, ...] = manifest.counters
    if len(places) > reader.entries:
        raise ControlError(f"the manifest names {len(places)} counters, and the object has {reader.entries}")


def _counters(installed: Installed, manifest: Manifest) -> list[Counter]:
    if not manifest.counters:
        return []
    with bpffs.opened(map_path(installed.folder, COUNTERS_MAP)) as fd:
        if fd is None:
            return []
        reader = CounterReader(fd)
        counter_fits(manifest, reader)
        return reader.read()
