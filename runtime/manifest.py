"""What an object says about itself, checked: the manifest's JSON in, frozen records out (schema: docs/manifest.md).
What a policy remembers is read in manifest_state.py (tables, limiters, events) and manifest_track.py (connections).

Nothing in it is trusted. Sizes, types and references are checked; names that become paths must fit a pattern; text
for people (`file`, `text`, `name`, `actions`, versions) is cut to one line and escaped here, so that no string of
the records can move a cursor, leave a folder or fake a line. Raises ControlError, which says what is wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, get_args

from ebpfc.runtime.checked_json import JsonTable, refuse, shown
from ebpfc.runtime.elf_note import read_note
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.manifest_state import StatePart, read_state_part
from ebpfc.runtime.manifest_track import Direction, HookProgram, TrackPart, direction_of, read_hooks, read_track_part

SCHEMA_VERSION: Final = 1
_MAX_ENTRIES: Final = 1 << 20  # rules, counters
_POLICY: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KERNEL: Final = re.compile(r"(\d{1,3})\.(\d{1,3})")

Kind = Literal["rule", "default", "named"]
Verdict = Literal["pass", "drop"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`file`, `name`, `text`, `actions` are safe to print; `line` and `column` count from 1; `name` "" is none."""

    number: int
    file: str
    line: int
    column: int
    name: str
    text: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CounterPlace:
    """What index `index` of the map `pf_counters` counts."""

    index: int
    hook: str
    kind: Kind
    rule: int | None
    name: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Manifest:
    policy: str
    hooks: tuple[HookProgram, ...]
    rules: tuple[Rule, ...]
    counters: tuple[CounterPlace, ...]
    defaults: tuple[tuple[Direction, Verdict], ...]
    looks_at_tags: bool
    kernel: tuple[int, int]
    compiler: str
    state: StatePart
    track: TrackPart | None
    raw: bytes  # the note's own bytes, for a pin beside the maps

    def default(self, hook: str) -> Verdict:
        """What happens at a hook to a packet that no rule decides."""
        return dict(self.defaults)[direction_of(hook)]


def manifest_of(data: bytes) -> Manifest:
    """The manifest of an object."""
    return read_manifest(read_note(data))


def read_manifest(raw: bytes) -> Manifest:
    """The manifest out of its JSON."""
    try:
        tree = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ControlError("this object's manifest is not JSON") from None
    top = JsonTable(tree, "manifest")
    version = top.number("version")
    if version != SCHEMA_VERSION:
        raise ControlError(
            f"this object's manifest has version {version}; this ebpfctl reads version {SCHEMA_VERSION}",
            ("use the ebpfctl of the release that compiled it, or compile it again",),
        )
    hooks = read_hooks(top)
    rules = tuple(_rule(entry, place) for place, entry in enumerate(top.tables("rules", _MAX_ENTRIES)))
    named = {h.hook for h in hooks}
    counters = tuple(
        _counter(entry, place, named, len(rules)) for place, entry in enumerate(top.tables("counters", _MAX_ENTRIES))
    )
    defaults = top.table("defaults")
    compiler = top.table("compiler")
    return Manifest(
        policy=top.matching("policy", _POLICY),
        hooks=hooks,
        rules=rules,
        counters=counters,
        defaults=tuple((d, _verdict(defaults, d)) for d in get_args(Direction)),
        looks_at_tags=top.table("flags").flag("looks_at_tags"),
        kernel=_kernel(top),
        compiler=f"{compiler.text('name')} {compiler.text('version')}",
        state=read_state_part(top, len(rules)),
        track=read_track_part(top, hooks),
        raw=raw,
    )


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


def _rule(entry: JsonTable, place: int) -> Rule:
    actions = entry.items("actions", 64)
    if not all(isinstance(action, str) for action in actions):
        refuse(f"rules[{place}].actions", "an array of texts")
    return Rule(
        number=entry.number("number", place, place),
        file=entry.text("file"),
        line=entry.number("line", 1),
        column=entry.number("column", 1),
        name=entry.optional_text("name"),
        text=entry.text("text"),
        actions=tuple(shown(action) for action in actions),
    )


def _counter(entry: JsonTable, place: int, hooks: set[str], rules: int) -> CounterPlace:
    kind = entry.word("kind", get_args(Kind))
    rule = entry.optional_number("rule", max(rules - 1, 0))
    if (rule is None) == (kind == "rule") or (rule is not None and not rules):
        refuse(f"counters[{place}].rule", "the number of a rule, in a counter of a rule only")
    hook = entry.word("hook", tuple(sorted(hooks)))
    direction = entry.word("direction", get_args(Direction))
    return CounterPlace(
        index=entry.number("index", place, place),
        hook=hook,
        kind="rule" if kind == "rule" else "named" if kind == "named" else "default",
        rule=rule,
        name=entry.optional_text("name"),
        direction="outbound" if direction == "outbound" else "inbound",
    )


def _verdict(defaults: JsonTable, direction: Direction) -> Verdict:
    return "drop" if defaults.word(direction, get_args(Verdict)) == "drop" else "pass"


def _kernel(top: JsonTable) -> tuple[int, int]:
    major, minor = top.matching("kernel", _KERNEL).split(".")
    return int(major), int(minor)
