"""The step after clang: an object in, the object that is shipped out: no DWARF, the manifest as a note, tables filled.

A small reader and writer of ELF64 relocatable files (System V ABI, chapter 4; little-endian, as `-target bpfel` makes
them). What stays keeps its bytes and its order; what goes is DWARF and what only a linker reads; `.BTF`, `.BTF.ext` and
their relocations stay, since libbpf loads from them. Same input, same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE, SHT_REL = 0, 1, 2, 3, 7, 9
STB_LOCAL, STT_NOTYPE, STT_SECTION, STT_FILE = 0, 0, 3, 4
EM_BPF = 247
ET_REL = 1
LARGEST_ALIGNMENT = 4096
FIRST_RESERVED_INDEX = 0xFF00  # SHN_LORESERVE: absolute and common symbols, no section's number

NOTE_SECTION = ".note.ebpfc"
NOTE_OWNER = b"ebpfc\0"
NOTE_TYPE_MANIFEST = 1

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQ")


class ElfError(ValueError):
    """The bytes are not a relocatable BPF object that this module understands."""


@dataclass(frozen=True, slots=True)
class Section:
    """`link` and `info` as in the section header; for a relocation section `info` is the number of what it patches."""

    name: str
    type: int
    flags: int
    data: bytes
    link: int = 0
    info: int = 0
    alignment: int = 1
    entry_size: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    name: str
    info: int
    other: int
    section: int
    value: int
    size: int

    @property
    def is_function(self) -> bool:
        """STT_FUNC."""
        return self.info & 0xF == 2


@dataclass(frozen=True, slots=True)
class ElfObject:
    """Sections without the null one's place changed (number 0 is it), the symbol and string tables among them."""

    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]


def finish_object(raw: bytes, manifest: bytes) -> bytes:
    """`manifest` becomes the note. Raises ElfError when `raw` is no BPF object."""
    elf = strip(read_elf(raw))
    note = Section(NOTE_SECTION, SHT_NOTE, 0, encode_note(manifest), alignment=4)
    return write_elf(ElfObject((*elf.sections, note), elf.symbols))


def encode_note(content: bytes) -> bytes:
    """One ELF note: name size, content size, type (32 bit little-endian), name and content each padded to 4 bytes."""
    head = struct.pack("<III", len(NOTE_OWNER), len(content), NOTE_TYPE_MANIFEST)
    return b"".join((head, _padded(NOTE_OWNER, 4), _padded(content, 4)))


def decode_note(data: bytes) -> bytes | None:
    """The content of ebpfc's note in a note section; None when there is none or it is cut short."""
    offset = 0
    while offset + 12 <= len(data):
        name_size, size, kind = struct.unpack_from("<III", data, offset)
        start = offset + 12 + _aligned(name_size, 4)
        if start + size > len(data):
            return None
        if kind == NOTE_TYPE_MANIFEST and data[offset + 12 : offset + 12 + name_size] == NOTE_OWNER:
            return data[start : start + size]
        offset = start + _aligned(size, 4)
    return None


# --------------------------------------------------------------------------------------------------------- read


def read_elf(raw: bytes) -> ElfObject:
    """Raises ElfError for anything but a whole ELF64 little-endian relocatable file for BPF."""
    if len(raw) < _HEADER.size or raw[:6] != b"\x7fELF\x02\x01":
        raise ElfError("not a 64-bit little-endian ELF file")
    header = _HEADER.unpack_from(raw)
    kind, machine, table = header[1], header[2], header[6]
    entry, count, names_number = header[11], header[12], header[13]
    if kind != ET_REL or machine != EM_BPF:
        raise ElfError("not a relocatable BPF object")
    if entry != _SECTION.size or table + count * entry > len(raw) or names_number >= count:
        raise ElfError("the section headers are not whole")
    rows = [_SECTION.unpack_from(raw, table + n * entry) for n in range(count)]
    names = _content(raw, (rows[names_number][1], *rows[names_number][4:6]))
    sections = tuple(
        Section(_string(names, name), kind, flags, _content(raw, (kind, at, size)), link, info, alignment, entry_size)
        for name, kind, flags, _address, at, size, link, info, alignment, entry_size in rows
    )
    symbols = tuple(_read_symbols(sections))
    for section in sections:
        _check(section, sections, len(symbols))
    return ElfObject(sections, symbols)


def _check(section: Section, sections: tuple[Section, ...], symbol_count: int) -> None:
    if section.alignment > LARGEST_ALIGNMENT:
        raise ElfError(f"section {section.name} is aligned to {section.alignment}")
    if section.type == SHT_REL:
        if section.info >= len(sections) or sections[section.info].type == SHT_REL:
            raise ElfError(f"{section.name} patches no section")
        if len(section.data) % _RELOCATION.size or any(n >= symbol_count for n in _referenced_symbols(section)):
            raise ElfError(f"{section.name} is not whole")
        if section.link >= len(sections) or sections[section.link].type != SHT_SYMTAB:
            raise ElfError(f"{section.name} is of another symbol table")


def _content(raw: bytes, row: tuple[int, int, int]) -> bytes:
    kind, offset, size = row
    if kind == SHT_NULL:
        return b""
    if kind == 8:  # SHT_NOBITS
        raise ElfError("a section without content: the C must initialise its data")
    if offset + size > len(raw):
        raise ElfError("a section reaches past the end of the file")
    return raw[offset : offset + size]


def _string(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset)
    if end < 0:
        raise ElfError("a name reaches past its string table")
    return table[offset:end].decode("utf-8", "replace")


def _read_symbols(sections: tuple[Section, ...]) -> Iterator[Symbol]:
    tables = [section for section in sections if section.type == SHT_SYMTAB]
    if len(tables) != 1 or tables[0].link >= len(sections) or len(tables[0].data) % _SYMBOL.size:
        raise ElfError("the symbol table is not whole")
    names = sections[tables[0].link].data
    for name, info, other, section, value, size in _SYMBOL.iter_unpack(tables[0].data):
        if len(sections) <= section < FIRST_RESERVED_INDEX:
            raise ElfError("a symbol of a section that is not there")
        yield Symbol(_string(names, name), info, other, section, value, size)


# -------------------------------------------------------------------------------------------------------- strip


def strip(elf: ElfObject) -> ElfObject:
    """Without DWARF, and without the symbols that nothing of what stays refers to."""
    kept = [n for n, section in enumerate(elf.sections) if not _is_dropped(elf, section)]
    used = {symbol for n in kept for symbol in _referenced_symbols(elf.sections[n])}
    kept_symbols = [
        n for n, symbol in enumerate(elf.symbols) if n == 0 or n in used or not _is_dropped_symbol(symbol, kept)
    ]
    section_number = {old: new for new, old in enumerate(kept)}
    symbol_number = {old: new for new, old in enumerate(kept_symbols)}
    symbols = tuple(_renumbered_symbol(elf.symbols[n], section_number) for n in kept_symbols)
    sections = tuple(_renumbered(elf.sections[n], section_number, symbol_number) for n in kept)
    return ElfObject(sections, symbols)


def _is_dropped(elf: ElfObject, section: Section) -> bool:
    if section.type == SHT_REL:
        return _is_dropped(elf, elf.sections[section.info])
    if section.type in (SHT_SYMTAB, SHT_STRTAB):
        return False
    return section.name.startswith((".debug_", ".eh_frame", ".note")) or section.name in (".llvm_addrsig", ".comment")


def _is_dropped_symbol(symbol: Symbol, kept: list[int]) -> bool:
    """Labels, files and the names of sections: a loader finds programs and maps by global symbols."""
    if symbol.section < FIRST_RESERVED_INDEX and symbol.section not in kept:
        return True
    return symbol.info >> 4 == STB_LOCAL and symbol.info & 15 in (STT_NOTYPE, STT_SECTION, STT_FILE)


def _referenced_symbols(section: Section) -> Iterator[int]:
    if section.type == SHT_REL:
        for _offset, info in _RELOCATION.iter_unpack(section.data):
            yield info >> 32


def _renumbered_symbol(symbol: Symbol, section_number: Mapping[int, int]) -> Symbol:
    if symbol.section >= FIRST_RESERVED_INDEX:
        return symbol
    if symbol.section not in section_number:
        raise ElfError(f"symbol {symbol.name} is used, but its section is not kept")
    return replace(symbol, section=section_number[symbol.section])


def _renumbered(section: Section, section_number: Mapping[int, int], symbol_number: Mapping[int, int]) -> Section:
    if section.type != SHT_REL:
        return replace(section, link=section_number.get(section.link, 0))
    entries = _RELOCATION.iter_unpack(section.data)
    data = b"".join(
        _RELOCATION.pack(offset, symbol_number[info >> 32] << 32 | info & 0xFFFFFFFF) for offset, info in entries
    )
    return replace(section, data=data, link=section_number[section.link], info=section_number[section.info])


# -------------------------------------------------------------------------------------------------------- write


def write_elf(elf: ElfObject) -> bytes:
    """The file: header, contents in the order of their numbers, section headers. One string table serves all names."""
    table = next(n for n, section in enumerate(elf.sections) if section.type == SHT_SYMTAB)
    names_number = elf.sections[table].link
    names, places = _string_table([s.name for s in elf.sections] + [s.name for s in elf.symbols])
    locals_count = sum(1 for symbol in elf.symbols if symbol.info >> 4 == STB_LOCAL)
    symbols = b"".join(_SYMBOL.pack(places[s.name], s.info, s.other, s.section, s.value, s.size) for s in elf.symbols)
    body, rows = bytearray(_HEADER.size), []
    for number, section in enumerate(elf.sections):
        data, info = section.data, section.info
        if number == names_number:
            data = names
        elif number == table:
            data, info = symbols, locals_count
        body += bytes(-len(body) % max(section.alignment, 1))
        offset = len(body) if section.type != SHT_NULL else 0
        rows.append(
            _SECTION.pack(
                places[section.name], section.type, section.flags, 0, offset, len(data),
                section.link, info, section.alignment, section.entry_size,
            )
        )  # fmt: skip
        body += data
    body += bytes(-len(body) % 8)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    _HEADER.pack_into(
        body, 0, identity, ET_REL, EM_BPF, 1, 0, 0, len(body), 0,
        _HEADER.size, 0, 0, _SECTION.size, len(rows), names_number,
    )  # fmt: skip
    return bytes(body) + b"".join(rows)


def _string_table(names: list[str]) -> tuple[bytes, dict[str, int]]:
    table, places = bytearray(1), {"": 0}
    for name in names:
        if name not in places:
            places[name] = len(table)
            table += name.encode() + b"\0"
    return bytes(table), places


def _aligned(size: int, alignment: int) -> int:
    return size + -size % alignment


def _padded(data: bytes, alignment: int) -> bytes:
    return data + bytes(-len(data) % alignment)
