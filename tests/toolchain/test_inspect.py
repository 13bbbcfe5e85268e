"""Reading an object back: counts and stack as in the machine code, and no file that breaks the reader."""

from __future__ import annotations

import contextlib
import random
import struct
from pathlib import Path

import pytest

from ebpfc.compiler.toolchain.build import CompiledPolicy, build_object
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.compiler.toolchain.inspect import ObjectReport, inspect_object
from ebpfc.compiler.toolchain.instructions import Call, calls, count_instructions, stack_bytes


def instruction(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return struct.pack("<BBhi", opcode, source << 4 | destination, offset, immediate)


MOVE, ADD, EXIT, HELPER = 0xBF, 0x07, 0x95, 0x85
STORE_WORD, STORE_NUMBER, LOAD_WORD = 0x63, 0x62, 0x61


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ([], 0),
        ([(EXIT,)], 0),
        ([(STORE_WORD, 10, 1, -4)], 4),
        ([(STORE_NUMBER, 10, 0, -64, 7)], 64),
        ([(LOAD_WORD, 1, 10, -24)], 24),
        ([(MOVE, 2, 10), (ADD, 2, 0, 0, -48)], 48),
        ([(MOVE, 2, 10), (MOVE, 3, 2), (ADD, 3, 0, 0, -8), (STORE_WORD, 3, 1, -8)], 16),
        ([(LOAD_WORD, 2, 1, -40)], 0),
        ([(MOVE, 2, 10), (LOAD_WORD, 2, 1, 0), (ADD, 2, 0, 0, -400)], 0),
        ([(MOVE, 2, 10), (HELPER, 0, 0, 0, 1), (ADD, 2, 0, 0, -400)], 0),
        ([(MOVE, 6, 10), (HELPER, 0, 0, 0, 1), (ADD, 6, 0, 0, -40)], 40),
    ],
)
def test_stack_is_the_deepest_byte_under_the_frame_pointer(code: list[tuple[int, ...]], expected: int) -> None:
    assert stack_bytes(b"".join(instruction(*words) for words in code)) == expected


def test_calls_of_functions_are_told_from_helpers() -> None:
    code = instruction(HELPER, 0, 0, 0, 1) + instruction(HELPER, 0, 1, 0, -1) + instruction(EXIT)
    assert list(calls(code)) == [Call(8, -1)]
    assert count_instructions(code) == 3


@pytest.fixture(scope="module")
def made(policy: CompiledPolicy, each_compiler: Compiler) -> bytes:
    return build_object(policy, each_compiler)


@pytest.fixture(scope="module")
def report(made: bytes) -> ObjectReport:
    return inspect_object(made)


def test_programs_functions_maps_and_data(report: ObjectReport) -> None:
    assert [(program.name, program.section) for program in report.programs] == [
        ("pf_xdp", "xdp"),
        ("pf_tc_ingress", "tc"),
    ]
    assert [function.name for function in report.functions] == ["look_up"]
    assert report.programs[0].calls == ("look_up",)
    assert [(found.name, found.type, found.max_entries) for found in report.maps] == [
        ("pf_counters", "percpu_array", 2)
    ]
    assert [(data.section, data.size) for data in report.data] == [(".rodata.tables", 256)]
    assert (report.license, report.has_btf, report.has_line_info) == ("GPL", True, True)
    assert report.manifest is not None
    assert report.manifest["policy"] == "rules"


@pytest.mark.kernel
def test_instructions_are_counted_as_the_kernel_does(made: bytes, report: ObjectReport) -> None:
    from ebpfc.runtime.object import load_object

    loaded = load_object(made)
    try:
        for program in report.programs:
            info = Path(f"/proc/self/fdinfo/{loaded.programs[program.name].fd}").read_text()
            found = dict(line.split(":\t", 1) for line in info.splitlines() if ":\t" in line)
            assert int(found["verified_insns"]) > 0
            assert program.instructions * 8 == kernel_program_bytes(made, program.name)
    finally:
        loaded.close()


def kernel_program_bytes(made: bytes, name: str) -> int:
    """libbpf's own view of a program with its functions linked in, in bytes."""
    import ctypes

    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    lib.bpf_object__open_mem.restype = lib.bpf_object__find_program_by_name.restype = ctypes.c_void_p
    lib.bpf_program__insn_cnt.restype = ctypes.c_size_t
    handle = ctypes.c_void_p(lib.bpf_object__open_mem(made, ctypes.c_size_t(len(made)), None))
    try:
        assert lib.bpf_object__load(handle) == 0
        program = ctypes.c_void_p(lib.bpf_object__find_program_by_name(handle, name.encode()))
        return 8 * int(lib.bpf_program__insn_cnt(program))
    finally:
        lib.bpf_object__close(handle)


def test_a_foreign_object_has_no_manifest(policy: CompiledPolicy, compiler: Compiler) -> None:
    from ebpfc.compiler.toolchain.cc import compile_c

    report = inspect_object(compile_c(policy.c_text, policy.line_files, compiler))
    assert report.manifest is None
    assert len(report.programs) == 2


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"hello", b"\x7fELF" + bytes(60), Path("/bin/true").read_bytes()])
def test_what_is_no_bpf_object(content: bytes) -> None:
    with pytest.raises(ToolchainError) as caught:
        inspect_object(content)
    assert caught.value.diagnostic.code == "PF0910"


def test_damaged_objects_never_break_the_reader(made: bytes) -> None:
    chance = random.Random(3)
    for _ in range(150):
        damaged = bytearray(made[: chance.choice((len(made), chance.randrange(len(made))))])
        for _ in range(chance.randint(1, 6)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(ToolchainError):
            inspect_object(bytes(damaged))
