"""The step after the compiler: what stays, what goes, and that damaged input is refused, not believed."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from ebpfc.compiler.toolchain.build import CompiledPolicy
from ebpfc.compiler.toolchain.cc import compile_c
from ebpfc.compiler.toolchain.elf import (
    NOTE_SECTION,
    ElfError,
    decode_note,
    encode_note,
    finish_object,
    read_elf,
    write_elf,
)
from ebpfc.compiler.toolchain.find import Compiler


@pytest.fixture(scope="module")
def raw(policy: CompiledPolicy, each_compiler: Compiler) -> bytes:
    return compile_c(policy.c_text, policy.line_files, each_compiler)


def contents(elf_bytes: bytes) -> dict[str, bytes]:
    return {section.name: section.data for section in read_elf(elf_bytes).sections}


def test_dwarf_goes_and_what_loads_stays(raw: bytes) -> None:
    before, after = contents(raw), contents(finish_object(raw, b"{}"))
    assert any(name.startswith(".debug_") for name in before)
    assert not [name for name in after if "debug" in name or "eh_frame" in name or name == ".llvm_addrsig"]
    for name in ("xdp", "tc", ".text", ".maps", "license", ".rodata.tables", ".BTF", ".BTF.ext"):
        assert after[name] == before[name]
    assert {".relxdp", ".reltc", ".rel.text", ".rel.BTF", ".rel.BTF.ext"} <= after.keys()


def test_relocations_still_name_the_same_symbols(raw: bytes) -> None:
    def targets(elf_bytes: bytes) -> list[tuple[str, int, str, int]]:
        elf = read_elf(elf_bytes)
        found = []
        for section in elf.sections:
            if section.type == 9 and not section.name.startswith(".rel.debug"):
                assert elf.sections[section.link].name == ".symtab"
                for at in range(0, len(section.data), 16):
                    place = int.from_bytes(section.data[at : at + 8], "little")
                    info = int.from_bytes(section.data[at + 8 : at + 16], "little")
                    symbol = elf.symbols[info >> 32]
                    owner = elf.sections[symbol.section].name
                    found.append((section.name, place, symbol.name or owner, info & 0xFFFFFFFF))
        return found

    assert targets(finish_object(raw, b"{}")) == targets(raw)


def test_local_symbols_come_first_and_no_label_is_left(raw: bytes) -> None:
    symbols = read_elf(finish_object(raw, b"{}")).symbols
    binds = [symbol.info >> 4 for symbol in symbols]
    assert binds == sorted(binds)
    assert not [symbol.name for symbol in symbols if symbol.name.startswith(("LBB", "policy.c"))]


@pytest.mark.parametrize("manifest", [b"", b"{}", b"x" * 5, b'{"rules":"' + b"\\u2028" * 1000 + b'"}'])
def test_the_note_gives_the_manifest_back(raw: bytes, manifest: bytes) -> None:
    assert decode_note(contents(finish_object(raw, manifest))[NOTE_SECTION]) == manifest


def test_notes_of_others_are_passed_over_and_cut_ones_refused() -> None:
    other = encode_note(b"theirs").replace(b"ebpfc\0", b"other\0")
    assert decode_note(other + encode_note(b"ours")) == b"ours"
    assert decode_note(other) is None
    assert decode_note(encode_note(b"ours")[:-4]) is None
    assert decode_note(b"\xff" * 11) is None


def test_writing_what_was_read_changes_nothing(raw: bytes) -> None:
    finished = finish_object(raw, b"{}")
    assert write_elf(read_elf(finished)) == finished
    again = finish_object(finished, b"[]")
    assert [name for name in contents(again) if name == NOTE_SECTION] == [NOTE_SECTION]
    assert decode_note(contents(again)[NOTE_SECTION]) == b"[]"


def test_damaged_objects_are_refused_in_one_way(raw: bytes) -> None:
    """Each single damage gives an ElfError or an object, never another exception."""
    chance = random.Random(7)
    for _ in range(1500):
        damaged = bytearray(raw)
        for _ in range(chance.randint(1, 4)):
            near_the_end = chance.random() < 0.7
            place = chance.randrange(len(raw) - 2048, len(raw)) if near_the_end else chance.randrange(len(raw))
            damaged[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        with contextlib.suppress(ElfError):
            finish_object(bytes(damaged), b"{}")


@pytest.mark.parametrize("length", [0, 3, 16, 63, 64, 500, 5000])
def test_cut_objects_are_refused(raw: bytes, length: int) -> None:
    with pytest.raises(ElfError):
        finish_object(raw[:length], b"{}")


def test_other_kinds_of_elf_are_refused() -> None:
    with pytest.raises(ElfError):
        finish_object(Path("/bin/true").read_bytes(), b"{}")
