"""A compiled policy in, the finished object's bytes out: compile, fill the tables, add the manifest.

libclang reads the same C in a thread beside the compiler. Its layouts must be those of the object's BTF, and where the
compiler refuses the C, it says at which rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from ebpfc.compiler.toolchain.btf import BtfError, MapRecord, Record, read_btf, read_maps
from ebpfc.compiler.toolchain.cc import C_FILE_NAME, TOO_LARGE, compile_c
from ebpfc.compiler.toolchain.elf import ElfError, finish_object, read_elf
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.compiler.toolchain.inspect import inspect_object
from ebpfc.compiler.toolchain.libclang import ParsedC, first_error, parse_c
from ebpfc.compiler.toolchain.manifest import complete_manifest, encode_manifest

FUNCTIONS_AT_MOST = 256
"""Of a program: BPF_MAX_SUBPROGS, include/linux/bpf_verifier.h."""


class CompiledPolicy(Protocol):
    """What the pipeline hands over: `line_files` are the rule files under the names that `#line` gives them."""

    @property
    def c_text(self) -> str: ...

    @property
    def manifest(self) -> Mapping[str, Any]: ...

    @property
    def line_files(self) -> Sequence[tuple[str, bytes]]: ...


def build_object(
    compiled: CompiledPolicy,
    compiler: Compiler,
    *,
    flags: Sequence[str] = (),
) -> bytes:
    """Same policy, options and compiler: same bytes. Raises ToolchainError."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(parse_c, compiled.c_text)
        try:
            raw = compile_c(compiled.c_text, compiled.line_files, compiler, flags=flags)
        except ToolchainError as error:
            raise _with_place(error, reading.result()) from error
        parsed = reading.result()
    try:
        maps = _maps(raw)
        _compare_layouts(maps, parsed)
        manifest = encode_manifest(complete_manifest(compiled.manifest, compiler, maps))
        built = finish_object(raw, manifest)
    except (ElfError, BtfError) as error:
        message = f"{compiler.name} {compiler.version_text} wrote an object that ebpfc cannot read: {error}"
        raise ToolchainError("PF0906", message, hints=("try another compiler with --cc",)) from error
    _check_functions(built)
    return built


def _check_functions(built: bytes) -> None:
    """Raises ToolchainError when a program has more functions than the kernel loads."""
    if sum(symbol.is_function for symbol in read_elf(built).symbols) <= FUNCTIONS_AT_MOST:
        return
    for program in inspect_object(built).programs:
        if program.functions > FUNCTIONS_AT_MOST:
            hints = (
                "each limiter in a rule needs one: name one with `limit` for several rules",
                *TOO_LARGE,
            )
            many = f"{program.name} needs {program.functions} functions, and the kernel takes {FUNCTIONS_AT_MOST}"
            raise ToolchainError("PF0908", f"the policy is too large to load: {many}", hints=hints)


def _maps(raw: bytes) -> tuple[MapRecord, ...]:
    for section in read_elf(raw).sections:
        if section.name == ".BTF":
            return read_maps(read_btf(section.data))
    raise ElfError("there is no BTF in it")


def _compare_layouts(maps: Sequence[MapRecord], parsed: ParsedC | None) -> None:
    """Raises ElfError when compiler and libclang disagree about a record: the runtime would misread a map."""
    if parsed is None:
        return
    for record in (record for found in maps for record in (found.key, found.value)):
        if isinstance(record, Record) and parsed.records.get(record.name, record) != record:
            raise ElfError(f"libclang lays out struct {record.name} in another way")


def _with_place(error: ToolchainError, parsed: ParsedC | None) -> ToolchainError:
    """The same error, with the rule's place when libclang stumbles over the same C."""
    finding = first_error(parsed)
    if finding is None or finding.file == C_FILE_NAME or error.diagnostic.code != "PF0905":
        return error
    name = finding.file.partition("-")[2]
    hints = (f"it was writing the rule at {name}, line {finding.line}", *error.diagnostic.hints)
    return ToolchainError(error.diagnostic.code, error.diagnostic.message, hints=hints, raw=error.diagnostic.raw)
