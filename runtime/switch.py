"""The moment at which new programs judge packets: loaded and pinned in, attached out, in place of those before.

In: a device's folder with `+new` staged and `+undo` holding what is replaced (installed.py), the loaded object. Out:
`State`, how each program is attached. A program takes over the place of a replaced one at its hook, in one step for
packets; what no new program has taken over ends afterwards. Whatever fails here, undo.py's `roll_back` answers.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ebpfc.runtime import bpffs, hooks
from ebpfc.runtime import device as devices
from ebpfc.runtime.detach import take_off_one
from ebpfc.runtime.device import Device
from ebpfc.runtime.installed import (
    NEW,
    UNDO,
    Installed,
    State,
    add_attachment,
    by_precedence,
    is_live,
    link_path,
    list_installed,
    pin_link,
    read_state,
    write_state,
)
from ebpfc.runtime.manifest_track import HookProgram
from ebpfc.runtime.object import LoadedObject


def switch(
    folder: Path,
    loaded: LoadedObject,
    wanted: tuple[HookProgram, ...],
    device: Device,
    stripping: tuple[str, ...],
    mode: str,
    *,
    tcx: bool,
) -> State:
    """Attaches program after program in the order of `wanted`. `stripping`: features of the NIC to turn off."""
    new = folder / NEW
    shelved = list_installed(folder / UNDO)
    inherited = tuple(f for i in shelved for f in i.state.features_off)
    write_state(new, State((), tuple(dict.fromkeys((*inherited, *stripping)))))
    if stripping:
        devices.set_features(device, stripping, False)
    for hook in wanted:
        program = loaded.programs[hook.program].fd
        place = _place(shelved, hook.hook, device)
        if place is not None:
            old, attachment = place
            _take_over(old, attachment, new, program, device)
        else:
            attachment, link = hooks.attach(hook.hook, device.ifindex, program, mode, tcx=tcx)
            pin_link(link, link_path(new, hook.hook))
        add_attachment(new, replace(attachment, companion=hook.companion))
    return read_state(new)


def drop_rest(folder: Path, taken: State, device: Device) -> None:
    """A replaced policy goes as a whole: all of it that is not in `taken`."""
    for old in list_installed(folder / UNDO):
        for attachment in old.state.attachments:
            # Of a link that was taken over, nothing is left in the old folder.
            if not any(attachment.is_filter_of(a) for a in taken.attachments):
                take_off_one(old.folder, attachment, device)


def _place(shelved: tuple[Installed, ...], hook: str, device: Device) -> tuple[Installed, hooks.Attachment] | None:
    """What a new program at a hook is put in place of."""
    for old, attachment in by_precedence(shelved):
        if attachment.hook == hook and is_live(replace(old, state=State((attachment,))), device.ifindex):
            return old, attachment
    return None


def _take_over(old: Installed, attachment: hooks.Attachment, new: Path, program_fd: int, device: Device) -> None:
    """The old policy's place at a hook becomes the new one's, in one step for packets."""
    if not attachment.is_link:
        hooks.put_filter(attachment, device.ifindex, program_fd)
        return
    path = link_path(old.folder, attachment.hook)
    with bpffs.opened(path) as link:
        if link is not None:
            hooks.replace_linked(link, program_fd)
    path.rename(link_path(new, attachment.hook))
