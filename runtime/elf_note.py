"""The manifest's bytes out of an object: the ELF note of owner `ebpfc`, type 1, in the section `.note.ebpfc`.

In: the bytes of a file that may be anything. Out: the note's content, or ControlError when there is none.
Sources: System V ABI, chapters 4 (ELF64 header, sections) and 5 (notes); docs/manifest.md. Every offset and size in
the file is compared with the file's length before it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ebpfc.runtime.errors import ControlError

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_NOTE = struct.Struct("<III")
_MAGIC_64_LITTLE = b"\x7fELF\x02\x01"
_MACHINE_BPF = 247
_TYPE_NOTE = 7
_OWNER = b"ebpfc\0"
_TYPE_MANIFEST = 1
MAX_MANIFEST = 64 << 20  # bytes


def read_note(data: bytes) -> bytes:
    """The manifest's JSON, not yet looked at."""
    for content in _notes(data):
        if len(content) > MAX_MANIFEST:
            raise ControlError(f"this object's manifest has {len(content)} bytes, more than {MAX_MANIFEST}")
        return content
    raise ControlError(
        "this object holds no manifest of ebpfc",
        ("compile the rules with ebpfc; other BPF objects are loaded with ip, tc or bpftool",),
    )


def _notes(data: bytes) -> Iterator[bytes]:
    for offset, size in _note_sections(data):
        end = offset + size
        while offset + _NOTE.size <= end:
            name_size, content_size, kind = _NOTE.unpack_from(data, offset)
            name_at = offset + _NOTE.size
            content_at = name_at + (name_size + 3 & ~3)
            if content_at + content_size > end:
                raise ControlError("this object is damaged: a note reaches past its section")
            if kind == _TYPE_MANIFEST and data[name_at : name_at + name_size] == _OWNER:
                yield data[content_at : content_at + content_size]
            offset = content_at + (content_size + 3 & ~3)


def _note_sections(data: bytes) -> Iterator[tuple[int, int]]:
    """Offset and size, in bytes, of every note section that lies within the file."""
    if len(data) < _HEADER.size or not data.startswith(b"\x7fELF"):
        raise ControlError("this is not an ELF object", ("compile the rules first: ebpfc rules.pf -o out.o",))
    fields = _HEADER.unpack_from(data)
    machine, table, entry_size, count = fields[2], fields[6], fields[11], fields[12]
    if not data.startswith(_MAGIC_64_LITTLE) or machine != _MACHINE_BPF:
        raise ControlError("this is an ELF file, but no BPF object for this kind of machine")
    if entry_size != _SECTION.size or table + count * entry_size > len(data):
        raise ControlError("this object is damaged: its section table reaches past its end")
    for number in range(count):
        _, kind, _, _, offset, size, *_ = _SECTION.unpack_from(data, table + number * entry_size)
        if kind != _TYPE_NOTE:
            continue
        if offset + size > len(data):
            raise ControlError("this object is damaged: a note section reaches past its end")
        yield offset, size
