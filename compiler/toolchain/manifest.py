"""What the object says about itself: plain facts of a compiled policy in, the manifest's JSON out (docs/manifest.md).

`build_manifest` takes what the pipeline knows; `complete_manifest` adds what only the finished object tells (its
maps and the compiler's version). The reader and its checks belong to the runtime, which trusts none of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

from ebpfc import __version__
from ebpfc.compiler.toolchain.btf import MapRecord
from ebpfc.compiler.toolchain.find import Compiler

SCHEMA_VERSION = 1

Manifest: TypeAlias = dict[str, Any]
"""JSON: an object of strings, numbers, booleans, null, arrays and objects."""


@dataclass(frozen=True, slots=True)
class HookEntry:
    """`hook` in the language's words ("tc ingress"); `program` and `section` as in the object."""

    hook: str
    program: str
    section: str


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """`line` and `column` from 1; `counters` holds one index for each hook whose program has the rule."""

    number: int
    file: str
    line: int
    column: int
    name: str | None
    text: str
    actions: tuple[str, ...]
    counters: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CounterEntry:
    """One slot of the map `pf_counters`. `rule` is the rule's number (kind "rule"), `name` the author's ("named")."""

    index: int
    hook: str
    kind: Literal["rule", "default", "named"]
    name: str | None = None
    rule: int | None = None
    direction: Literal["inbound", "outbound"] = "inbound"


def build_manifest(
    *,
    policy: str,
    hooks: Sequence[HookEntry],
    rules: Sequence[RuleEntry],
    counters: Sequence[CounterEntry],
    defaults: Mapping[str, str],
    looks_at_tags: bool,
    kernel: tuple[int, int],
    options: Mapping[str, str | int | bool | None],
    state: Mapping[str, Any],
) -> Manifest:
    """All but `compiler` and `maps`. `defaults` maps "inbound" and "outbound" to "pass" or "drop"; `state` holds the
    keys of tables, limiters, log and runs, none for a policy that has none."""
    return {
        **state,
        "version": SCHEMA_VERSION,
        "ebpfc": __version__,
        "policy": policy,
        "hooks": [asdict(hook) for hook in hooks],
        "rules": _records(RuleEntry, rules),
        "counters": _records(CounterEntry, counters),
        "defaults": dict(defaults),
        "flags": {"looks_at_tags": looks_at_tags},
        "kernel": f"{kernel[0]}.{kernel[1]}",
        "options": dict(options),
    }


def _records(kind: type, entries: Sequence[RuleEntry] | Sequence[CounterEntry]) -> list[dict[str, Any]]:
    """As `asdict`, of flat entries: a large policy has very many."""
    names = [part.name for part in fields(kind)]
    return [{name: getattr(entry, name) for name in names} for entry in entries]


def complete_manifest(manifest: Mapping[str, Any], compiler: Compiler, maps: Sequence[MapRecord]) -> Manifest:
    """The whole manifest; the one given stays as it is."""
    return {
        **manifest,
        "compiler": {"name": compiler.name, "version": compiler.version_text},
        "maps": [asdict(record) for record in maps],
    }


def encode_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, ASCII with escapes: the same manifest always gives the same bytes."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
