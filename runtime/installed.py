"""The policies of a device as they are pinned: one folder each, with its links, programs, maps, manifest and state.

In: a device's folder in bpffs. Out: `Installed` records and the paths of the pins:
`manifest`, `state`, `prog_HOOK`, `link_HOOK` (not for filters), `map_NAME`. More folders stand there while
something is under way: `+new`, a policy being attached, `+undo`, what was in force before and may come back, and
`+old`, what is on its way out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ebpfc.runtime import bpffs, hooks
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.hooks import Attachment
from ebpfc.runtime.manifest import Manifest, read_manifest

NEW: Final = "+new"
UNDO: Final = "+undo"
OLD: Final = "+old"


@dataclass(frozen=True, slots=True)
class State:
    """`features_off`: what --fix-offload has turned off, to be turned on again at detach."""

    attachments: tuple[Attachment, ...] = ()
    features_off: tuple[str, ...] = ()

    def attachment(self, hook: str) -> Attachment | None:
        return next((a for a in self.attachments if a.hook == hook), None)


@dataclass(frozen=True, slots=True)
class Installed:
    policy: str
    folder: Path
    state: State

    @property
    def hooks(self) -> frozenset[str]:
        """Where it judges packets; its companion may stand beside another policy's program."""
        return frozenset(a.hook for a in self.state.attachments if not a.companion)

    def manifest(self) -> Manifest:
        content = bpffs.read_bytes(self.folder / "manifest")
        if content is None:
            raise ControlError(f"the manifest of policy {self.policy} is gone", ("ebpfctl detach DEV",))
        return read_manifest(content)


def link_path(folder: Path, hook: str) -> Path:
    return folder / f"link_{hook.replace(' ', '_')}"


def program_path(folder: Path, hook: str) -> Path:
    return folder / f"prog_{hook.replace(' ', '_')}"


def map_path(folder: Path, name: str) -> Path:
    return bpffs.child(folder, f"map_{name}")


def list_installed(folder: Path) -> tuple[Installed, ...]:
    """The policies pinned in a device's folder (or in its `+undo`), by name."""
    if not folder.is_dir():
        return ()
    found = (entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith("+"))
    return tuple(Installed(entry.name, entry, read_state(entry)) for entry in found)


def installed_at(device: Device) -> tuple[Installed, ...]:
    """The policies pinned at a device, by name; () also where nothing of ours is pinned anywhere."""
    return list_installed(bpffs.device_folder(device.ifindex)) if bpffs.has_pins() else ()


def require_installed(device: Device, policy: str = "") -> tuple[Installed, ...]:
    """As `installed_at`, or the one of them that is named `policy`. ControlError: there is none."""
    present = installed_at(device)
    found = tuple(i for i in present if not policy or i.policy == policy)
    if not found:
        at = quote(device.name, 32)
        who = f"no policy {quote(policy, 32)}" if policy and present else "no policy"
        raise ControlError(f"{who} is attached to {at}", (f"attach one: ebpfctl attach out.o {at}",))
    return found


def refuse_several(found: Sequence[Installed], doing: str) -> None:
    """ControlError where more than one policy is `doing` what one is wanted for: "log at eth0"."""
    if len(found) > 1:
        names = ", ".join(i.policy for i in found)
        raise ControlError(f"several policies {doing}: {names}", ("choose one with --policy",))


def read_state(folder: Path) -> State:
    record = bpffs.read_record(folder / "state")
    if record is None:
        return State()
    try:
        return State(tuple(_attachment(a) for a in record["attachments"]), tuple(map(str, record["features_off"])))
    except (KeyError, TypeError, ValueError):
        raise ControlError(f"the state pinned in {folder} is damaged", ("ebpfctl detach DEV",)) from None


def write_state(folder: Path, state: State) -> None:
    bpffs.write_record(folder / "state", asdict(state))


def pin_link(link_fd: int, path: Path) -> None:
    """Pins a link and closes its descriptor; -1, of a filter, is none."""
    if link_fd >= 0:
        try:
            bpffs.pin(link_fd, path)
        finally:
            os.close(link_fd)


def add_attachment(folder: Path, attachment: Attachment) -> None:
    state = read_state(folder)
    write_state(folder, replace(state, attachments=(*state.attachments, attachment)))


def by_precedence(installed: tuple[Installed, ...]) -> list[tuple[Installed, Attachment]]:
    """Every attachment with its policy; first those that judge: a hook can be without a companion for a moment."""
    found = [(i, a) for i in installed for a in i.state.attachments]
    return sorted(found, key=lambda pair: pair[1].companion)


def _attachment(record: dict[str, Any]) -> Attachment:
    attachment = Attachment(**record)
    if attachment.hook not in hooks.HOOKS:
        raise ValueError(attachment.hook)
    return attachment


def program_numbers(installed: Installed) -> frozenset[int]:
    """The kernel's numbers of the programs that this policy has in force now."""
    numbers = (_in_force(installed, a, None) for a in installed.state.attachments)
    return frozenset(n for n in numbers if n)


def is_live(installed: Installed, ifindex: int) -> bool:
    """Whether any of its programs is still attached to that device (and not to one of the past with its number)."""
    return any(_in_force(installed, a, ifindex) for a in installed.state.attachments)


def _in_force(installed: Installed, attachment: Attachment, ifindex: int | None) -> int:
    """The number of the attached program; 0 when nothing is attached (there, if `ifindex` is given)."""
    if not attachment.is_link:
        wanted = _device_number(installed) if ifindex is None else ifindex
        number = hooks.filter_program(attachment, wanted)
        with bpffs.opened(program_path(installed.folder, attachment.hook)) as program:
            return number if program is not None and number == hooks.program_number(program) else 0
    with bpffs.opened(link_path(installed.folder, attachment.hook)) as link:
        if link is None:
            return 0
        info = hooks.link_info(link)
        there = info.ifindex == ifindex if ifindex is not None else info.ifindex != 0
        return int(info.prog_id) if there else 0


def _device_number(installed: Installed) -> int:
    """A device's folder is named NETNS-IFINDEX."""
    return int(next(p.name for p in installed.folder.parents if p.parent == bpffs.ROOT).rpartition("-")[2])
