"""What an object's BTF tells of its maps: the bytes of `.BTF` in, a record with key and value layout for each map out.

A reader of the part of BTF (kernel: Documentation/bpf/btf.rst) that libbpf's map definitions use: a variable in the
data section `.maps`, whose struct has the members `type`, `max_entries`, `key`, `value` ... (`__uint` hides a number in
the length of an array, `__type` a type behind a pointer).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

INT, PTR, ARRAY, STRUCT, UNION, ENUM = 1, 2, 3, 4, 5, 6
TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC_PROTO, VAR, DATASEC = 8, 9, 10, 11, 13, 14, 15
FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = 16, 17, 18, 19
_MAGIC = 0xEB9F
_WORDS_AFTER = {INT: 1, ARRAY: 3, VAR: 1, DECL_TAG: 1}
_WORDS_PER_MEMBER = {STRUCT: 3, UNION: 3, ENUM: 2, FUNC_PROTO: 2, DATASEC: 3, ENUM64: 3}

MAP_TYPES = (
    "unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array", "stack_trace",
    "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps", "hash_of_maps", "devmap", "sockmap",
    "cpumap", "xskmap", "sockhash", "cgroup_storage", "reuseport_sockarray", "percpu_cgroup_storage", "queue", "stack",
    "sk_storage", "devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter",
    "user_ringbuf", "cgrp_storage", "arena",
)  # fmt: skip


class BtfError(ValueError):
    """The bytes are no BTF that this module understands."""


@dataclass(frozen=True, slots=True)
class FieldRecord:
    """A member of a record: `offset` and `size` in bytes."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Record:
    """The layout of a key or a value: `name` of the struct, or of the plain type, which has no fields."""

    name: str
    size: int
    fields: tuple[FieldRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class MapRecord:
    """`type` is the kernel's name in lower case (`percpu_array`); sizes of key and value are in their records."""

    name: str
    type: str
    max_entries: int
    key: Record | None
    value: Record | None


@dataclass(frozen=True, slots=True)
class BtfType:
    """One type: `size_or_type` and `words` as they stand in the section, 32 bit little-endian."""

    name: str
    kind: int
    count: int
    size_or_type: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Btf:
    """`types[0]` is void."""

    types: tuple[BtfType, ...]
    strings: bytes

    def name(self, offset: int) -> str:
        end = self.strings.find(b"\0", offset)
        if end < 0:
            raise BtfError("a name reaches past the string table")
        return self.strings[offset:end].decode("utf-8", "replace")

    def type(self, number: int) -> BtfType:
        """The type behind typedefs and qualifiers."""
        for _ in range(32):
            found = self._at(number)
            if found.kind not in (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG):
                return found
            number = found.size_or_type
        raise BtfError("a type that stands for itself")

    def _at(self, number: int) -> BtfType:
        if not 0 <= number < len(self.types):
            raise BtfError("a type that is not there")
        return self.types[number]

    def size(self, number: int, depth: int = 0) -> int:
        """Bytes of one value of the type; BPF's pointers have 8."""
        found = self.type(number)
        if found.kind == PTR:
            return 8
        if found.kind == ARRAY and depth < 8:
            return found.words[2] * self.size(found.words[0], depth + 1)
        return found.size_or_type if found.kind in (INT, STRUCT, UNION, ENUM, ENUM64, FLOAT) else 0

    def record(self, number: int) -> Record:
        found = self.type(number)
        name = self._at(number).name or found.name
        fields = tuple(self._fields(found)) if found.kind == STRUCT else ()
        return Record(name, self.size(number), fields)

    def _fields(self, found: BtfType) -> Iterator[FieldRecord]:
        for name, member, bit_offset in _triples(found.words):
            yield FieldRecord(self.name(name), (bit_offset & 0xFFFFFF) // 8, self.size(member))


def read_btf(data: bytes) -> Btf:
    """Raises BtfError."""
    try:
        magic, header, types_at, types_size, strings_at, strings_size = struct.unpack_from("<HxxIIIII", data)
        types, strings = data[header + types_at :][:types_size], data[header + strings_at :][:strings_size]
        if magic != _MAGIC or len(types) != types_size or len(strings) != strings_size:
            raise BtfError("not BTF")
        void = (BtfType("void", 0, 0, 0, ()),)
        return Btf((*void, *_read_types(types, Btf(void, strings))), strings)
    except struct.error as error:
        raise BtfError("BTF is cut short") from error


def _read_types(data: bytes, names: Btf) -> Iterator[BtfType]:
    offset = 0
    while offset < len(data):
        name, info, size_or_type = struct.unpack_from("<III", data, offset)
        kind, count = info >> 24 & 31, info & 0xFFFF
        words = _WORDS_AFTER.get(kind, 0) + _WORDS_PER_MEMBER.get(kind, 0) * count
        yield BtfType(names.name(name), kind, count, size_or_type, struct.unpack_from(f"<{words}I", data, offset + 12))
        offset += 12 + 4 * words


def read_maps(btf: Btf) -> tuple[MapRecord, ...]:
    """The maps of the data section `.maps`, by name. Raises BtfError."""
    sections = [found for found in btf.types if found.kind == DATASEC and found.name == ".maps"]
    variables = [btf.type(member) for section in sections for member, _offset, _size in _triples(section.words)]
    return tuple(sorted((_read_map(btf, variable) for variable in variables), key=lambda record: record.name))


def _read_map(btf: Btf, variable: BtfType) -> MapRecord:
    """`__uint(name, N)` is a pointer to an array of N; `__type(name, T)` a pointer to T; `key_size` replaces `key`."""
    numbers: dict[str, int] = {}
    records: dict[str, Record] = {}
    for name, member, _offset in _triples(btf.type(variable.size_or_type).words):
        pointer, label = btf.type(member), btf.name(name)
        if pointer.kind != PTR:
            continue
        target = btf.type(pointer.size_or_type)
        if label in ("key", "value"):
            records[label] = btf.record(pointer.size_or_type)
        elif target.kind == ARRAY:
            numbers[label] = target.words[2]
    kind = numbers.get("type", 0)
    for label in ("key", "value"):
        if label not in records and f"{label}_size" in numbers:
            records[label] = Record("", numbers[f"{label}_size"])
    return MapRecord(
        variable.name,
        MAP_TYPES[kind] if kind < len(MAP_TYPES) else f"type {kind}",
        numbers.get("max_entries", 0),
        records.get("key"),
        records.get("value"),
    )


def _triples(words: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    for place in range(0, len(words) - 2, 3):
        yield words[place], words[place + 1], words[place + 2]
