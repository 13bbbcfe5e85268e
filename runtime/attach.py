"""A policy put in force at a device, in place of another or on trial: all or nothing, and never a gap.

In: an object's bytes and a `Device`. Out: `Attached`, what was done. What `+new` and `+undo` hold (installed.py) makes
every step reversible: the new policy is loaded and pinned in `+new`; policies that it replaces move to `+undo` while
they still judge packets; each link's program is then replaced in one step (switch.py), and its pin moves over; `+new`
gets the policy's name. A failure, an interrupted command or a trial that nobody confirms is answered by undo.py's
`roll_back`.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from ebpfc.runtime import bpffs, hooks
from ebpfc.runtime import device as devices
from ebpfc.runtime.counters import COUNTERS_MAP
from ebpfc.runtime.detach import sweep_dead
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, KernelError, quote
from ebpfc.runtime.installed import (
    NEW,
    UNDO,
    Installed,
    State,
    list_installed,
    map_path,
    program_numbers,
    program_path,
    write_state,
)
from ebpfc.runtime.kept_maps import kept_maps
from ebpfc.runtime.manifest import Manifest, manifest_of
from ebpfc.runtime.manifest_track import HookProgram, direction_of
from ebpfc.runtime.object import LoadedObject, load_object, require_privilege
from ebpfc.runtime.pickup import take_up
from ebpfc.runtime.switch import drop_rest, switch
from ebpfc.runtime.undo import commit, recover, roll_back


@dataclass(frozen=True, slots=True)
class AttachOptions:
    """`hooks`: some of the object's, or () for all. `mode`: of XDP, "" leaves it to the kernel. `trial`: a token,
    and the policy is undone unless confirmed. `tcx=False`: filters even where the kernel has TCX. `pickup`: ns, for so
    long connections are taken up from the middle."""

    hooks: tuple[str, ...] = ()
    mode: str = ""
    fix_offload: bool = False
    trial: str = ""
    trial_seconds: float = 0.0
    tcx: bool = True
    pickup: int = 0


@dataclass(frozen=True, slots=True)
class Attached:
    """`tables_kept`: those whose entries have stayed; `tables_empty`: those that were there and begin empty."""

    policy: str
    attachments: tuple[hooks.Attachment, ...]
    replaced: tuple[str, ...]
    counters_kept: bool
    features_off: tuple[str, ...]
    tables_kept: tuple[str, ...] = ()
    tables_empty: tuple[str, ...] = ()


def attach_policy(data: bytes, device: Device, options: AttachOptions = AttachOptions()) -> Attached:
    """Puts an object's policy in force. Raises ControlError or KernelError, and then leaves all as it was."""
    manifest = manifest_of(data)
    wanted = _wanted_hooks(manifest, options.hooks)
    wanted = (*_companion(manifest, wanted, options.mode), *wanted)
    stripping = _refuse_stripped_tags(manifest, wanted, device, options.fix_offload)
    require_privilege()
    bpffs.require_mounted()
    with bpffs.locked():
        sweep_dead()
        folder = bpffs.device_folder(device.ifindex)
        recover(folder, device)
        if (folder / UNDO).is_dir():
            raise ControlError(
                f"a policy is on trial at {quote(device.name, 32)}",
                (f"keep it: ebpfctl confirm {quote(device.name, 32)}", "or wait until it is undone"),
            )
        return _attach(data, manifest, wanted, device, stripping, options)


def _wanted_hooks(manifest: Manifest, chosen: tuple[str, ...]) -> tuple[HookProgram, ...]:
    present = {h.hook: h for h in manifest.hooks}
    names = tuple(quote(n, 32) for n in present)
    for hook in chosen:
        if hook not in present:
            raise ControlError(f"this object has no program for {quote(hook, 32)}: it is for {', '.join(names)}")
    unknown = [h for h in present if h not in hooks.HOOKS and (h in chosen or not chosen)]
    if unknown:
        raise ControlError(
            f"this ebpfctl does not attach at {quote(unknown[0], 32)} yet",
            (f"choose with --hook: {', '.join(h for h in present if h in hooks.HOOKS) or 'none here'}",),
        )
    return tuple(h for name, h in present.items() if not chosen or name in chosen)


def _companion(manifest: Manifest, wanted: tuple[HookProgram, ...], mode: str) -> tuple[HookProgram, ...]:
    """The program that comes with them where connections are tracked, first: before any is judged, it is kept. Both
    directions must be seen, or no answer to anything would be known: ControlError."""
    track = manifest.track
    if track is None:
        return ()
    if track.companion is None and len({direction_of(h.hook) for h in wanted}) < 2:
        alone = ", ".join(h.hook for h in wanted)
        raise ControlError(
            f"policy {manifest.policy} tracks connections, and {alone} alone does not see both directions",
            ("leave --hook out: attach all of it",),
        )
    if mode == "offload":
        raise ControlError(
            f"policy {manifest.policy} tracks connections: a program in the NIC cannot share them with the one for the "
            "other direction",
            ("leave --mode out",),
        )
    return (track.companion,) if track.companion is not None else ()


def _refuse_stripped_tags(
    manifest: Manifest, wanted: tuple[HookProgram, ...], device: Device, fix: bool
) -> tuple[str, ...]:
    """The NIC's features that hide tags from an XDP program of this policy; ControlError unless `fix`."""
    if not manifest.looks_at_tags or all(h.hook != "xdp" for h in wanted):
        return ()
    stripping = devices.tag_stripping(device)
    if stripping and not fix:
        name = quote(device.name, 32)
        raise ControlError(
            f"policy {manifest.policy} looks at VLAN tags, and {name} takes them out before XDP "
            f"({', '.join(stripping)} on)",
            ("let ebpfctl turn that off until detach: --fix-offload", "or compile the policy for `hook tc ingress`"),
        )
    return stripping


def _attach(
    data: bytes,
    manifest: Manifest,
    wanted: tuple[HookProgram, ...],
    device: Device,
    stripping: tuple[str, ...],
    options: AttachOptions,
) -> Attached:
    """Under the lock, with nothing pending."""
    folder = bpffs.device_folder(device.ifindex)
    names = frozenset(h.hook for h in wanted if not h.companion)
    present = list_installed(folder)
    replaced = tuple(i for i in present if i.policy == manifest.policy or i.hooks & names)
    _refuse_other_mode(replaced, options.mode)
    if "xdp" in names:
        ours = frozenset(n for i in present for n in program_numbers(i))
        hooks.refuse_foreign_xdp(device.ifindex, device.name, ours)
    kept = kept_maps(replaced, manifest)
    with kept.opened() as reuse:
        programs = {h.program for h in wanted}
        offload = device.ifindex if options.mode == "offload" else 0
        try:
            loaded = load_object(data, wanted=programs.__contains__, reuse=reuse, offload_ifindex=offload)
        except KernelError as problem:
            if offload:
                problem.hints += ("few NICs run programs themselves: try --mode native",)
            problem.hints += _age_hint(manifest, os.uname().release)
            raise
    with loaded:
        try:
            take_up(loaded, manifest, options.pickup, replaced)
            _stage(folder, loaded, manifest, wanted)
            _shelve(folder, replaced, manifest.policy, options)
            state = switch(folder, loaded, wanted, device, stripping, options.mode, tcx=options.tcx)
            (folder / NEW).rename(bpffs.child(folder, manifest.policy))
            drop_rest(folder, state, device)
        except BaseException:
            roll_back(folder, device)
            raise
    if not options.trial:
        commit(folder)
    return Attached(
        manifest.policy,
        state.attachments,
        tuple(i.policy for i in replaced if i.hooks),
        COUNTERS_MAP in loaded.reused,
        stripping,
        *kept.outcome(loaded.reused),
    )


def _age_hint(manifest: Manifest, release: str) -> tuple[str, ...]:
    """What to do when the running kernel (uname -r) is older than the one that the object was compiled for."""
    running = re.match(r"(\d+)\.(\d+)", release)
    if running is None or (int(running[1]), int(running[2])) >= manifest.kernel:
        return ()
    oldest = "{}.{}".format(*manifest.kernel)
    here = f"{running[1]}.{running[2]}"
    return (f"this kernel is {here}, the object was compiled for {oldest} and newer: ebpfc --kernel {here}",)


def _refuse_other_mode(replaced: tuple[Installed, ...], mode: str) -> None:
    """A link keeps its mode: to change it, the old program must go first, and that is the user's to decide."""
    for attachment in (a for i in replaced for a in i.state.attachments if a.hook == "xdp"):
        if mode and attachment.mode and attachment.mode != mode:
            raise ControlError(
                f"the policy in force is attached in mode {attachment.mode}; it cannot be replaced in mode {mode}",
                ("leave --mode out", "or detach first: packets pass unfiltered until the new policy is attached"),
            )


def _stage(folder: Path, loaded: LoadedObject, manifest: Manifest, wanted: tuple[HookProgram, ...]) -> None:
    """Pins what was loaded in `+new`. Nothing judges packets yet."""
    new = folder / NEW
    bpffs.make_folder(folder)
    bpffs.make_folder(new)
    bpffs.write_bytes(new / "manifest", manifest.raw)
    write_state(new, State())
    for item in loaded.maps.values():
        if not item.internal and "." not in item.name:
            bpffs.pin(item.fd, map_path(new, item.name))
    for hook in wanted:
        program = loaded.programs.get(hook.program)
        if program is None:
            raise ControlError(f"this object's manifest speaks of a program {hook.program}, which is not in it")
        bpffs.pin(program.fd, program_path(new, hook.hook))


def _shelve(folder: Path, replaced: tuple[Installed, ...], policy: str, options: AttachOptions) -> None:
    """Moves what will be replaced to `+undo`; it still judges every packet."""
    undo = folder / UNDO
    bpffs.make_folder(undo)
    bpffs.write_record(undo / "plan", {"policy": policy})
    if options.trial:
        until = time.time() + options.trial_seconds
        bpffs.write_record(undo / "trial", {"token": options.trial, "until": until})
    for installed in replaced:
        installed.folder.rename(undo / installed.policy)
