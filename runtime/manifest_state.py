"""What a manifest says of a policy's memory: its tables, limiters, logged events and their counters, checked.

In: the manifest's JSON (checked_json.py). Out: `StatePart`. All of its sections are optional: an object from before
there were tables has none. Trusted no more than the rest of a manifest: names of maps fit a pattern, sizes and numbers
of rules are bounded, texts are safe to print. Whether a map is what its section says, the kernel is asked when it is
opened.
Law: docs/adr/0003-tables-and-limiters.md, rules 3 and 20-21; schema: docs/manifest.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from ebpfc.runtime.checked_json import JsonTable

FieldKind = Literal["address", "mac", "number"]
WORDS: Final[dict[FieldKind, int]] = {"address": 5, "mac": 2, "number": 1}
"""32-bit words of a key: family and address; 16 bits of 0 and the MAC address; one number."""
MAX_BYTES_LOGGED: Final = 512
_LONGEST_TIME: Final = 1 << 62  # ns, 146 years: what any expiry may be ahead
_MAX_STATE: Final = 1 << 16  # tables, limiters, logs
_LARGEST_SIZE: Final = 1 << 24
_MAX_FIELDS: Final = 16
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAP: Final = re.compile(r"[A-Za-z0-9_]{1,15}")
_COUNTS: Final = (("added", "refused"), ("within", "over", "full"))  # of a table, of a limiter
_BITS: Final = {"src port": 16, "dst port": 16, "proto": 8, "vlan": 12, "vxlan": 24, "geneve": 24, "mpls": 20}


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One field of a key. `bits`: how many a number may have, where `field` is a word that says so."""

    field: str
    kind: FieldKind
    bits: int = 32

    @property
    def words(self) -> int:
        return WORDS[self.kind]


@dataclass(frozen=True, slots=True)
class TablePart:
    """`net`: the last field is a prefix. `timeout`: ns. `evict`: when full, about the least recently used goes."""

    name: str
    map: str
    key: tuple[KeyPart, ...]
    net: bool
    timeout: int | None
    size: int
    evict: bool

    @property
    def words(self) -> int:
        return sum(part.words for part in self.key)


@dataclass(frozen=True, slots=True)
class LimitPart:
    """`name` "": a guard of the rule `rule`, else one that rules share (`rule` None). `text`: its words."""

    name: str
    rule: int | None
    text: str
    map: str
    key: tuple[KeyPart, ...]
    size: int


@dataclass(frozen=True, slots=True)
class LogPart:
    """`bytes`: how many of a frame an event holds at most."""

    rule: int
    text: str
    bytes: int


@dataclass(frozen=True, slots=True)
class StatePart:
    """`events`: the map's name, "" where nothing is logged; `counters`: by index of the map `counters_map`."""

    tables: tuple[TablePart, ...] = ()
    limits: tuple[LimitPart, ...] = ()
    events: str = ""
    logs: tuple[LogPart, ...] = ()
    counters_map: str = ""
    counters: tuple[str, ...] = ()


def read_state_part(top: JsonTable, rules: int) -> StatePart:
    """The sections of a manifest with `rules` rules. ControlError where one is damaged."""
    tables = tuple(_table(entry) for entry in top.optional_tables("tables", _MAX_STATE))
    limits = tuple(_limit(entry, rules) for entry in top.optional_tables("limits", _MAX_STATE))
    if len({t.name for t in tables}) != len(tables):
        top.refuse("tables", "of different names")
    events, counters = top.optional_table("events"), top.optional_table("state_counters")
    return StatePart(
        tables,
        limits,
        events.matching("map", _MAP) if events else "",
        tuple(_log(entry, rules) for entry in events.tables("logs", _MAX_STATE)) if events else (),
        counters.matching("map", _MAP) if counters else "",
        _counters(counters, tables, limits) if counters else (),
    )


def _table(entry: JsonTable) -> TablePart:
    timeout = entry.optional_number("timeout", _LONGEST_TIME)
    key = _key(entry)
    net = entry.flag("net")
    if not key or (net and key[-1].kind != "address"):
        entry.refuse("key", "fields, an address as the last in a table of prefixes")
    return TablePart(
        entry.matching("name", _NAME),
        entry.matching("map", _MAP),
        key,
        net,
        timeout,
        entry.number("size", 1, _LARGEST_SIZE),
        entry.flag("evict"),
    )


def _limit(entry: JsonTable, rules: int) -> LimitPart:
    name = entry.optional_text("name")
    rule = _rule(entry, rules) if not name else None
    return LimitPart(
        name,
        rule,
        entry.text("text"),
        entry.matching("map", _MAP),
        _key(entry),
        entry.number("size", 1, _LARGEST_SIZE),
    )


def _log(entry: JsonTable, rules: int) -> LogPart:
    return LogPart(_rule(entry, rules), entry.optional_text("text"), entry.number("bytes", 0, MAX_BYTES_LOGGED))


def _rule(entry: JsonTable, rules: int) -> int:
    if not rules:
        entry.refuse("rule", "the number of a rule, and there is none")
    return entry.number("rule", 0, rules - 1)


def _key(entry: JsonTable) -> tuple[KeyPart, ...]:
    return tuple(_key_part(part) for part in entry.optional_tables("key", _MAX_FIELDS))


def _key_part(part: JsonTable) -> KeyPart:
    word = part.word("kind", get_args(FieldKind))
    kind: FieldKind = "address" if word == "address" else "mac" if word == "mac" else "number"
    part.number("words", WORDS[kind], WORDS[kind])
    field = part.text("field")
    return KeyPart(field, kind, _BITS.get(field.removeprefix("outer "), 32) if kind == "number" else 32)


def table_counter(table: TablePart, what: str) -> str:
    """The name of a table's counter in `state_counters`."""
    return f"table {table.name} {what}"


def limit_counter(number: int, what: str) -> str:
    """The name of the counter of `limits[number]`."""
    return f"limiter {number} {what}"


def _counters(entry: JsonTable, tables: tuple[TablePart, ...], limits: tuple[LimitPart, ...]) -> tuple[str, ...]:
    known = {"lost"} | {table_counter(table, what) for table in tables for what in _COUNTS[0]}
    known |= {limit_counter(number, what) for number in range(len(limits)) for what in _COUNTS[1]}
    names = entry.items("names", len(known))
    if not all(isinstance(name, str) and name in known for name in names) or len(set(names)) != len(names):
        entry.refuse("names", "`table NAME added|refused`, `limiter N within|over|full` or `lost`, each once")
    return tuple(names)
