"""Connections that were open before a policy was attached: whether it will cut them, and taking them up for a while.

In: a manifest, a device, what `--pickup` says. Out: an answer for a warning; the map `pf_pickup` written: until when
(CLOCK_MONOTONIC, ns) a segment in the middle of a connection opens it, as `track loose` has it all the time.
Law: docs/adr/0004-connections.md, rule 8.
"""

from __future__ import annotations

import ctypes
import time
from typing import Final

from ebpfc.runtime import bpffs
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.installed import Installed, installed_at, map_path
from ebpfc.runtime.libbpf import MAP_TYPE_ARRAY, check, libbpf
from ebpfc.runtime.manifest import Manifest
from ebpfc.runtime.object import LoadedObject, map_info

PICKUP_MAP: Final = "pf_pickup"


def cuts_connections(manifest: Manifest, device: Device) -> bool:
    """Whether connections that are open now would end with this policy: it drops what no rule passes, and there is no
    older version of it at the device whose connections it takes over."""
    if manifest.track is None or manifest.track.loose:
        return False
    if all(manifest.default(h.hook) == "pass" for h in manifest.hooks):
        return False
    tracks = (i.manifest().track for i in installed_at(device) if i.policy == manifest.policy)
    return not any(track is not None and track.size == manifest.track.size for track in tracks)


def take_up(loaded: LoadedObject, manifest: Manifest, duration: int, replaced: tuple[Installed, ...]) -> None:
    """For `duration` (ns) from now, and as long as an older version of the policy still would. ControlError: the object
    does not track connections."""
    until = max((_until(i) for i in replaced if i.policy == manifest.policy), default=0)
    if duration:
        _refuse_without_track(loaded, manifest)
        until = max(until, time.monotonic_ns() + duration)
    if until and PICKUP_MAP in loaded.maps:
        _write(loaded.maps[PICKUP_MAP].fd, until)


def _refuse_without_track(loaded: LoadedObject, manifest: Manifest) -> None:
    if manifest.track is None:
        raise ControlError(
            f"policy {manifest.policy} does not track connections: there are none to take up",
            ("leave --pickup out",),
        )
    if not manifest.track.loose and PICKUP_MAP not in loaded.maps:
        raise ControlError(f"this object has no map {PICKUP_MAP}: it cannot take up connections")


def _until(installed: Installed) -> int:
    with bpffs.opened(map_path(installed.folder, PICKUP_MAP)) as fd:
        if fd is None or not _is_pickup(fd):
            return 0
        value = ctypes.c_uint64(0)
        key = ctypes.c_uint32(0)
        check(f"read {PICKUP_MAP}", libbpf().bpf_map_lookup_elem(fd, ctypes.byref(key), ctypes.byref(value)))
        return value.value


def _write(fd: int, until: int) -> None:
    if not _is_pickup(fd):
        raise ControlError(f"the map {PICKUP_MAP} of this object is not a time")
    key, value = ctypes.c_uint32(0), ctypes.c_uint64(until)
    check(f"write {PICKUP_MAP}", libbpf().bpf_map_update_elem(fd, ctypes.byref(key), ctypes.byref(value), 0))


def _is_pickup(fd: int) -> bool:
    info = map_info(fd)
    return (info.type, info.key_size, info.value_size) == (MAP_TYPE_ARRAY, 4, 8)
