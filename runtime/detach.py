"""Policies taken off a device: programs, pins and state go, and features that --fix-offload turned off come back.

In: a `Device`. Out: the names of the policies that were there. `--keep` leaves the maps and the manifest pinned, for
`stats` and for the next attach of the same policy. A trial that is under way ends here too.
"""

from __future__ import annotations

from pathlib import Path

from ebpfc.runtime import bpffs, hooks
from ebpfc.runtime import device as devices
from ebpfc.runtime.device import Device
from ebpfc.runtime.installed import (
    NEW,
    OLD,
    UNDO,
    State,
    link_path,
    list_installed,
    program_numbers,
    program_path,
    read_state,
    write_state,
)


def detach_policies(device: Device, *, keep_maps: bool = False) -> tuple[str, ...]:
    """Takes every policy of ours off the device; answers their names, () when there was none."""
    if not bpffs.has_pins():
        return ()
    with bpffs.locked():
        folder = bpffs.device_folder(device.ifindex)
        found = list_installed(folder)
        passing = (folder / NEW, *(i.folder for i in list_installed(folder / UNDO)))
        for policy_folder in (*(i.folder for i in found), *passing):
            take_off(policy_folder, device)
        for name in (NEW, UNDO, OLD):
            bpffs.remove_folder(folder / name)
        for installed in found:
            if keep_maps:
                _keep_maps(installed.folder, installed.state)
            else:
                bpffs.remove_folder(installed.folder)
        bpffs.remove_if_empty(folder)
        bpffs.remove_if_empty(bpffs.ROOT)
        return tuple(i.policy for i in found)


def take_off(folder: Path, device: Device) -> None:
    """Ends all attachments of a policy's folder, the first last: with it goes the queueing discipline that it made.
    Gives the device its features back."""
    state = read_state(folder) if folder.is_dir() else State()
    for attachment in reversed(state.attachments):
        take_off_one(folder, attachment, device)
    restore_features(device, state.features_off)


def take_off_one(folder: Path, attachment: hooks.Attachment, device: Device) -> None:
    """Ends one attachment, and it is over on return."""
    if attachment.is_link:
        path = link_path(folder, attachment.hook)
        with bpffs.opened(path) as link:
            if link is not None:
                hooks.end_link(link)
        bpffs.unpin(path)
    else:
        hooks.remove_filter(attachment, device.ifindex)


def restore_features(device: Device, features: tuple[str, ...]) -> None:
    if features and devices.device_exists(device.ifindex):
        devices.set_features(device, features, True)


def sweep_dead() -> None:
    """Takes away pins of devices that are gone: links whose device number has become 0."""
    for folder in bpffs.ROOT.iterdir() if bpffs.ROOT.is_dir() else ():
        found = list_installed(folder)
        links = [a for i in found for a in i.state.attachments]
        if links and all(a.is_link for a in links) and not any(program_numbers(i) for i in found):
            bpffs.remove_folder(folder)


def _keep_maps(folder: Path, state: State) -> None:
    for attachment in state.attachments:
        bpffs.unpin(program_path(folder, attachment.hook))
    write_state(folder, State())
