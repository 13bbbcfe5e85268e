"""The way back: an attach that failed, was interrupted, or is on trial and not confirmed, is undone.

In: a device's folder, in whatever state the steps of attach.py were left. Out: what `+undo` holds is in force again,
each hook in one step, and the policy that replaced it is gone. `commit` is the other end: `+undo` goes.
"""

from __future__ import annotations

import time
from pathlib import Path

from ebpfc.runtime import bpffs, hooks
from ebpfc.runtime.detach import restore_features, take_off_one
from ebpfc.runtime.device import Device, device_exists
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.installed import (
    NEW,
    OLD,
    UNDO,
    Installed,
    State,
    by_precedence,
    link_path,
    list_installed,
    pin_link,
    program_path,
    read_state,
)


def confirm_trial(device: Device) -> tuple[str, ...]:
    """Makes the policy on trial final; answers the names of the policies in force. ControlError: none is on trial."""
    if bpffs.has_pins():
        with bpffs.locked():
            folder = bpffs.device_folder(device.ifindex)
            if bpffs.read_record(folder / UNDO / "trial") is not None:
                commit(folder)
                return tuple(i.policy for i in list_installed(folder))
    raise ControlError(
        f"no policy is on trial at {quote(device.name, 32)}",
        ("it was confirmed or undone before, or attached without --confirm: see ebpfctl stats",),
    )


def end_trial(device: Device, token: str) -> bool:
    """Undoes the trial of that token, as its time is over; answers whether it was still there."""
    with bpffs.locked():
        folder = bpffs.device_folder(device.ifindex)
        trial = bpffs.read_record(folder / UNDO / "trial")
        if trial is None or trial.get("token") != token:
            return False
        if device_exists(device.ifindex):
            roll_back(folder, device)
        else:
            bpffs.remove_folder(folder)
        return True


def trial_left(device: Device) -> float | None:
    """Seconds until the policy on trial is undone; None when none is."""
    trial = bpffs.read_record(bpffs.device_folder(device.ifindex) / UNDO / "trial")
    return None if trial is None else max(0.0, float(trial.get("until", 0.0)) - time.time())


def is_in_force(device: Device, policy: str) -> bool:
    """Whether a policy of that name is attached to the device."""
    return any(i.policy == policy and i.hooks for i in list_installed(bpffs.device_folder(device.ifindex)))


def commit(folder: Path) -> None:
    """What was replaced goes for good. The rename is the moment: a command killed after it has committed."""
    (folder / UNDO).rename(folder / OLD)
    bpffs.remove_folder(folder / OLD)


def recover(folder: Path, device: Device) -> None:
    """Undoes what an interrupted command has left: `+new`, `+undo` without a trial, or a trial that nobody watches."""
    bpffs.remove_folder(folder / OLD)
    left = trial_left(device)
    on_trial = left is not None and left > 0
    if (folder / NEW).is_dir() or ((folder / UNDO).is_dir() and not on_trial):
        roll_back(folder, device)


def roll_back(folder: Path, device: Device) -> None:
    """`+undo` is in force again. Works from any step of an attach, and a second time after its own interruption."""
    shelved = list_installed(folder / UNDO)
    new = _new_folder(folder)
    state = read_state(new) if new.is_dir() else State()
    for old, attachment in by_precedence(shelved):
        _bring_back(old, attachment, new, device)
    returned = frozenset(a.hook for old in shelved for a in old.state.attachments)
    for attachment in (a for a in state.attachments if a.hook not in returned):
        take_off_one(new, attachment, device)
    still_off = {f for old in shelved for f in old.state.features_off}
    restore_features(device, tuple(f for f in state.features_off if f not in still_off))
    bpffs.remove_folder(new)
    bpffs.unpin(folder / UNDO / "trial")
    bpffs.unpin(folder / UNDO / "plan")  # from here on a policy of that name is the old one
    for old in shelved:
        old.folder.rename(folder / old.policy)
    bpffs.remove_folder(folder / UNDO)
    bpffs.remove_if_empty(folder)
    bpffs.remove_if_empty(bpffs.ROOT)


def _new_folder(folder: Path) -> Path:
    """Where the policy is that shall go: still `+new`, or already under the name that the plan says."""
    plan = bpffs.read_record(folder / UNDO / "plan") or {}
    name = plan.get("policy")
    return bpffs.child(folder, name) if isinstance(name, str) and not (folder / NEW).is_dir() else folder / NEW


def _bring_back(old: Installed, attachment: hooks.Attachment, new: Path, device: Device) -> None:
    """One hook of a shelved policy: its program is attached again, whether it was replaced, taken off or neither."""
    with bpffs.opened(program_path(old.folder, attachment.hook)) as program:
        if program is None:
            return
        if not attachment.is_link:
            hooks.put_filter(attachment, device.ifindex, program)
            return
        own, moved = link_path(old.folder, attachment.hook), link_path(new, attachment.hook)
        if not own.exists() and moved.exists():
            moved.rename(own)
        with bpffs.opened(own) as link:
            if link is not None:
                hooks.replace_linked(link, program)
                return
        _, fresh = hooks.attach(attachment.hook, device.ifindex, program, attachment.mode)
        pin_link(fresh, own)
