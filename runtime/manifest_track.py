"""What a manifest says of an object's programs and of the connections that they keep, checked.

In: the manifest's JSON (checked_json.py). Out: `HookProgram`s, one a hook; `TrackPart`, or None where nothing is
tracked (its section is optional: older objects have none). Names of programs and maps fit a pattern; whether a map is
what it is said to be, the kernel is asked when it is opened.
Law: docs/adr/0004-connections.md, rules 15 and 16; schema: docs/manifest.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from ebpfc.runtime.checked_json import JsonTable, refuse

Direction = Literal["inbound", "outbound"]
_MAX_HOOKS: Final = 16
_LARGEST_SIZE: Final = 1 << 24
_HOOK: Final = re.compile(r"[a-z]{1,16}( [a-z]{1,16})?")
_PROGRAM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SECTION: Final = re.compile(r"[A-Za-z0-9_./]{1,64}")
_MAP: Final = re.compile(r"[A-Za-z0-9_]{1,15}")
_COMPANION_HOOKS: Final = ("tc ingress", "tc egress")


@dataclass(frozen=True, slots=True)
class HookProgram:
    """`companion`: it judges nothing, passes all, and keeps the connections of the direction that the policy's own
    hooks do not see."""

    hook: str
    program: str
    section: str
    companion: bool = False


@dataclass(frozen=True, slots=True)
class TrackPart:
    """Names of maps; `size`: entries of `flows`, and of `opening`; `loose`: connections are taken up from the middle at
    any time."""

    flows: str
    opening: str
    fragments: str
    size: int
    loose: bool
    companion: HookProgram | None


def direction_of(hook: str) -> Direction:
    """Which packets pass a hook: those that come to the machine or those that leave it."""
    return "outbound" if hook.endswith(("egress", "output")) else "inbound"


def read_hooks(top: JsonTable) -> tuple[HookProgram, ...]:
    """The programs that judge. ControlError where the section is damaged."""
    hooks = tuple(_program(entry) for entry in top.tables("hooks", _MAX_HOOKS))
    if len({h.hook for h in hooks}) != len(hooks) or not hooks:
        refuse("hooks", "one program for each hook")
    return hooks


def read_track_part(top: JsonTable, hooks: tuple[HookProgram, ...]) -> TrackPart | None:
    """ControlError where the section is damaged."""
    track = top.optional_table("track")
    if track is None:
        return None
    flows, opening, fragments = (track.matching(key, _MAP) for key in ("flows", "opening", "fragments"))
    if len({flows, opening, fragments}) < 3:
        track.refuse("opening", "a map of its own, as should flows and fragments")
    entry = track.optional_table("companion")
    return TrackPart(
        flows,
        opening,
        fragments,
        track.number("size", 1, _LARGEST_SIZE),
        track.flag("loose"),
        _companion(entry, hooks) if entry is not None else None,
    )


def _companion(entry: JsonTable, hooks: tuple[HookProgram, ...]) -> HookProgram:
    """At a hook that the policy has no program for, on the other side."""
    entry.word("hook", _COMPANION_HOOKS)
    found = _program(entry, companion=True)
    if direction_of(found.hook) in {direction_of(h.hook) for h in hooks}:
        entry.refuse("hook", "of the direction that the policy does not see")
    if found.program in {h.program for h in hooks}:
        entry.refuse("program", "a program of its own")
    return found


def _program(entry: JsonTable, *, companion: bool = False) -> HookProgram:
    return HookProgram(
        entry.matching("hook", _HOOK),
        entry.matching("program", _PROGRAM),
        entry.matching("section", _SECTION),
        companion,
    )
