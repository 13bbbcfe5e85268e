"""Objects for an older kernel hold only what it has, read from their bytes: no kernel is needed.

Sources: include/uapi/linux/bpf.h of v5.10, v5.11 and v5.12 (helpers, map types), Documentation/bpf of v5.12 (atomics).
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from random import Random

import pytest
from elftools.elf.elffile import ELFFile

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.kernels.policies import KEPT
from ebpfc.testing.random_state import random_stateful_policy

CALL, ATOMICS, SUM = 0x85, (0xC3, 0xDB), 0
"""BPF_JMP|BPF_CALL, BPF_STX|BPF_ATOMIC of 4 and 8 bytes (BPF_XADD before 5.12), BPF_ADD without BPF_FETCH."""
COMPARE_AND_EXCHANGE = 0xF1
LAST_HELPER = {(5, 10): 155, (5, 11): 162}
"""bpf_redirect_peer; bpf_sock_from_file."""
COARSE_CLOCK = 160
LAST_MAP = 28  # BPF_MAP_TYPE_INODE_STORAGE of 5.10
TEXTS = (KEPT, *(random_stateful_policy(Random(n), (HOOKS[n % 3],), track=n % 2 == 0, wide=True)[0] for n in range(5)))


def instructions(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Opcode, source register, immediate; a 64-bit constant's second half has opcode 0."""
    for section in ELFFile(io.BytesIO(data)).iter_sections():
        if section["sh_flags"] & 4:  # SHF_EXECINSTR
            for opcode, registers, _, immediate in struct.iter_unpack("<BBhi", section.data()):
                yield opcode, registers >> 4, immediate


def helpers_and_atomics(text: str, kernel: tuple[int, int] | None) -> tuple[set[int], set[int], str]:
    compiled = compile_text(text, Options(kernel=kernel))
    read = list(instructions(build_object(compiled, default_compiler())))
    helpers = {immediate for opcode, source, immediate in read if opcode == CALL and source == 0}
    return helpers, {immediate for opcode, _, immediate in read if opcode in ATOMICS}, compiled.c_text


@pytest.mark.parametrize("kernel", [(5, 10), (5, 11)])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_only_what_the_kernel_has(text: str, kernel: tuple[int, int]) -> None:
    helpers, atomics, c_text = helpers_and_atomics(text, kernel)
    assert max(helpers) <= LAST_HELPER[kernel]
    assert atomics <= {SUM}
    types = dict(re.findall(r"(BPF_MAP_TYPE_\w+) = (\d+)", c_text))
    assert types and max(map(int, types.values())) <= LAST_MAP


def test_what_newer_kernels_have_is_used_there() -> None:
    helpers, atomics, _ = helpers_and_atomics(KEPT, None)
    assert COARSE_CLOCK in helpers
    assert atomics == {SUM, COMPARE_AND_EXCHANGE}
    assert COARSE_CLOCK not in helpers_and_atomics(KEPT, (5, 10))[0]
