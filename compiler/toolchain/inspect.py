"""An object's bytes in, what stands in it out: programs, maps, instructions, stack, BTF, licence, manifest.

pyelftools reads the file, so that `ebpfc inspect` is a second opinion on the writer of elf.py. The file may come from
anywhere: whatever is wrong with it ends in one ToolchainError (PF0910), and no string of it is trusted.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ebpfc.compiler.toolchain.btf import BtfError, MapRecord, read_btf, read_maps
from ebpfc.compiler.toolchain.elf import NOTE_SECTION, decode_note
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.instructions import calls, count_instructions, stack_bytes

LARGEST_OBJECT = 256 * 1024 * 1024
FRAME_ROUNDING = 32  # kernel/bpf/verifier.c, check_max_stack_depth: each frame is rounded up to it
DEEPEST_CALL = 8  # MAX_CALL_FRAMES of the verifier


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """A program, or (section `.text`) a function that programs call. Instructions and stack are its own."""

    name: str
    section: str
    instructions: int
    stack: int
    calls: tuple[str, ...]

    @property
    def is_program(self) -> bool:
        return self.section != ".text"


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """A program as it is loaded: `instructions` with the functions it reaches, `stack` of its deepest call chain,
    `functions`: it and those it reaches."""

    name: str
    section: str
    instructions: int
    stack: int
    calls: tuple[str, ...]
    functions: int


@dataclass(frozen=True, slots=True)
class DataReport:
    """Read-only or writable data: its section and size in bytes."""

    section: str
    size: int


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """Sizes in bytes. `manifest` is the note's JSON, unchecked, or None when there is none that can be read."""

    size: int
    license: str
    has_btf: bool
    has_line_info: bool
    programs: tuple[ProgramReport, ...]
    functions: tuple[FunctionReport, ...]
    maps: tuple[MapRecord, ...]
    data: tuple[DataReport, ...]
    manifest: Mapping[str, Any] | None


def inspect_object(raw: bytes) -> ObjectReport:
    """Raises ToolchainError PF0910 for what is no BPF object."""
    if len(raw) > LARGEST_OBJECT:
        raise _not_an_object("it is too large")
    if not raw.startswith(b"\x7fELF"):
        raise _not_an_object("it is no ELF file")
    try:
        return _inspect(raw)
    except BtfError as error:
        raise _not_an_object(str(error)) from error
    except ToolchainError:
        raise
    except Exception as error:  # pyelftools promises no closed set of errors for malformed files
        raise _not_an_object("its ELF structures are damaged") from error


def _inspect(raw: bytes) -> ObjectReport:
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(raw))
    if elf["e_machine"] != "EM_BPF" or elf["e_type"] != "ET_REL" or elf.elfclass != 64 or not elf.little_endian:
        raise _not_an_object("it is an ELF file of another kind")
    sections = {section.name: section for section in elf.iter_sections()}
    btf = read_btf(sections[".BTF"].data()) if ".BTF" in sections else None
    functions = _functions(elf)
    return ObjectReport(
        size=len(raw),
        license=_text(sections["license"].data()) if "license" in sections else "",
        has_btf=btf is not None,
        has_line_info=".BTF.ext" in sections,
        programs=tuple(_as_loaded(function, functions) for function in functions if function.is_program),
        functions=tuple(function for function in functions if not function.is_program),
        maps=read_maps(btf) if btf is not None else (),
        data=tuple(
            DataReport(name, section.data_size)
            for name, section in sorted(sections.items())
            if name.startswith((".rodata", ".data", ".bss"))
        ),
        manifest=_manifest(sections[NOTE_SECTION].data()) if NOTE_SECTION in sections else None,
    )


def _functions(elf: Any) -> list[FunctionReport]:
    """In the order of their sections and places."""
    table = elf.get_section_by_name(".symtab")
    symbols = list(table.iter_symbols()) if table is not None else []
    found = sorted(
        (symbol["st_shndx"], symbol["st_value"], symbol["st_size"], symbol.name)
        for symbol in symbols
        if symbol["st_info"]["type"] == "STT_FUNC" and isinstance(symbol["st_shndx"], int)
    )
    names = {(section, start): name for section, start, _size, name in found}
    sections = {number: elf.get_section(number) for number in {row[0] for row in found}}
    contents = {number: section.data() for number, section in sections.items()}
    reports = []
    for number, start, size, name in found:
        code = contents[number][start : start + size]
        targets = _call_targets(elf, symbols, number, start, code)
        called = tuple(sorted({names[target] for target in targets if target in names}))
        reports.append(FunctionReport(name, sections[number].name, count_instructions(code), stack_bytes(code), called))
    return reports


def _call_targets(elf: Any, symbols: Sequence[Any], number: int, start: int, code: bytes) -> list[tuple[int, int]]:
    """Section and offset of each function called: by relocation, or within the section by the immediate."""
    relocated = {}
    for section in elf.iter_sections():
        if section["sh_type"] == "SHT_REL" and section["sh_info"] == number:
            relocated = {entry["r_offset"]: symbols[entry["r_info_sym"]] for entry in section.iter_relocations()}
    targets = []
    for call in calls(code):
        symbol = relocated.get(start + call.offset)
        if symbol is None:
            targets.append((number, start + call.offset + 8 * (call.immediate + 1)))
        elif symbol["st_info"]["type"] == "STT_SECTION":
            targets.append((symbol["st_shndx"], 8 * (call.immediate + 1)))
        else:
            targets.append((symbol["st_shndx"], symbol["st_value"]))
    return targets


def _as_loaded(program: FunctionReport, functions: Sequence[FunctionReport]) -> ProgramReport:
    by_name = {function.name: function for function in functions}
    reached, waiting = {program.name}, [program]
    while waiting:
        for name in waiting.pop().calls:
            if name not in reached:
                reached.add(name)
                waiting.append(by_name[name])
    instructions = sum(by_name[name].instructions for name in reached)
    stack = _deepest_chain(program.name, [by_name[name] for name in reached])
    return ProgramReport(program.name, program.section, instructions, stack, program.calls, len(reached))


def _deepest_chain(start: str, functions: Sequence[FunctionReport]) -> int:
    """Stack of the deepest call chain from `start`, each frame rounded up as the verifier does, one unit at least."""
    frames = {f.name: -(-max(f.stack, 1) // FRAME_ROUNDING) * FRAME_ROUNDING for f in functions}
    deepest = dict(frames)
    for _ in range(DEEPEST_CALL - 1):
        deepest = {f.name: frames[f.name] + max((deepest[name] for name in f.calls), default=0) for f in functions}
    return deepest[start]


def _manifest(note: bytes) -> Mapping[str, Any] | None:
    content = decode_note(note)
    try:
        found = json.loads(content) if content is not None else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("ascii", "replace")


def _not_an_object(reason: str) -> ToolchainError:
    hints = ("make one with: ebpfc rules.pf -o out.o",)
    return ToolchainError("PF0910", f"not a BPF object: {reason}", hints=hints)
