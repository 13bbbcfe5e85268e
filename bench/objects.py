"""C and policies in, loaded XDP programs out, each with what the kernel says of it.

Every object is made by the same compiler with the same flags, so that what is compared is the C.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from bench.cbpf_to_c import Instruction, cbpf_to_c

from ebpfc.compiler.pipeline import Options, SourceInput, compile_policy
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.cc import compile_c
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.libbpf import check, libbpf
from ebpfc.runtime.object import LoadedObject, load_object

BENCH = Path(__file__).resolve().parent
HAND = BENCH / "hand"
HAND_PROGRAM = "hand"
OUR_PROGRAM = "pf_xdp"


@dataclass(frozen=True, slots=True)
class Size:
    """`instructions` as the kernel runs them, `code` bytes of machine code, `verified` instructions that the verifier
    looked at: all of the program and its functions."""

    instructions: int
    code: int
    verified: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to be measured. `loaded` keeps it in the kernel."""

    name: str
    fd: int
    size: Size
    loaded: LoadedObject


def build_c(path: Path, compiler: Compiler, defines: tuple[str, ...] = ()) -> bytes:
    """The object of one C file of this folder, as clang made it."""
    return _build_text(path.read_text("ascii"), compiler, (f"-I{path.parent}", *(f"-D{name}" for name in defines)))


def _build_text(c_text: str, compiler: Compiler, flags: tuple[str, ...]) -> bytes:
    return compile_c(c_text + _LICENCE, (), compiler, flags=(f"-I{HAND}", "-Wno-gnu-statement-expression", *flags))


_LICENCE = '\nchar _license[] __attribute__((section("license"), used)) = "GPL";\n'


def load_hand(name: str, path: Path, compiler: Compiler, defines: tuple[str, ...]) -> Subject:
    """C by hand; a map named `prefixes` is filled with the lines of policies/prefixes.txt."""
    loaded = load_object(build_c(path, compiler, defines))
    if (prefixes := loaded.maps.get("prefixes")) is not None:
        for network in read_prefixes():
            put(prefixes.fd, struct.pack("=I", network.prefixlen) + network.network_address.packed, bytes(4))
    return subject_of(name, loaded, HAND_PROGRAM)


def load_classic(name: str, program: Sequence[Instruction], compiler: Compiler, *, counters: bool) -> Subject:
    """Classic BPF turned into C; what matches passes."""
    flags = ("-DCOUNTERS",) if counters else ()
    return subject_of(name, load_object(_build_text(cbpf_to_c(program), compiler, flags)), HAND_PROGRAM)


def load_ours(name: str, policy: Path | str, compiler: Compiler, *, counters: bool) -> Subject:
    """`policy`: a file of rules, or one expression as `ebpfc -e` takes it (what matches passes)."""
    given = SourceInput(expression=policy) if isinstance(policy, str) else SourceInput(path=str(policy))
    compiled = compile_policy(given, Options(counters=counters))
    return subject_of(name, load_object(build_object(compiled, compiler)), OUR_PROGRAM)


def read_prefixes() -> list[IPv4Network]:
    lines = (BENCH / "policies" / "prefixes.txt").read_text("ascii").splitlines()
    return [IPv4Network(line) for line in lines if line and not line.startswith("#")]


def put(fd: int, key: bytes, value: bytes) -> None:
    """Writes one entry of a map. KernelError."""
    check("fill a map", libbpf().bpf_map_update_elem(fd, key, value, 0))


def size_of(fd: int) -> Size:
    """From `struct bpf_prog_info` (linux/bpf.h): bytes 16 and 20 are the two lengths, 216 is `verified_insns`, which
    kernels before 5.16 leave out (then 0)."""
    info = ctypes.create_string_buffer(256)
    room = ctypes.c_uint32(220)
    check("read a program's record", libbpf().bpf_obj_get_info_by_fd(fd, info, ctypes.byref(room)))
    code, translated = struct.unpack_from("=II", info, 16)
    return Size(translated // 8, code, struct.unpack_from("=I", info, 216)[0])


def subject_of(name: str, loaded: LoadedObject, program: str) -> Subject:
    fd = loaded.programs[program].fd
    return Subject(name, fd, size_of(fd), loaded)
