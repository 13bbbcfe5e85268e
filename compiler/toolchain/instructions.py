"""What machine code tells of itself: the bytes of one function in, its stack depth and the places where it calls out.

BPF's instructions have 8 bytes (kernel: Documentation/bpf/standardization/instruction-set.rst): opcode, two registers
of 4 bits, a signed 16-bit offset and a signed 32-bit immediate, all little-endian here. A 64-bit constant takes two.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

INSTRUCTION_BYTES = 8
FRAME_REGISTER = 10

_INSTRUCTION = struct.Struct("<BBhi")
_LD, _LDX, _ST, _STX, _ALU64 = 0, 1, 2, 3, 7
_CALL = 0x85
_PSEUDO_CALL = 1  # BPF_PSEUDO_CALL: of a function of the object, not of a helper
_MOVE_REGISTER, _ADD_NUMBER = 0xBF, 0x07


@dataclass(frozen=True, slots=True)
class Call:
    """A call of another function of the object: `offset` of the instruction in bytes, its `immediate` as it stands."""

    offset: int
    immediate: int


def count_instructions(code: bytes) -> int:
    """As the kernel counts: a 64-bit constant is two."""
    return len(code) // INSTRUCTION_BYTES


def stack_bytes(code: bytes) -> int:
    """The deepest byte under the frame pointer that is read, written, or whose address is taken.

    Follows copies of the frame pointer (`r2 = r10; r2 += -16`) in the order of the text, which is how compilers write
    them; a register loses its meaning when it is written.
    """
    deepest = 0
    places = {FRAME_REGISTER: 0}
    for opcode, destination, source, offset, immediate in _instructions(code):
        kind = opcode & 7
        if opcode == _MOVE_REGISTER and source in places:
            places[destination] = places[source]
        elif opcode == _ADD_NUMBER and destination in places and destination != FRAME_REGISTER:
            places[destination] += immediate
            deepest = max(deepest, -places[destination])
        elif kind in (_ST, _STX):
            if destination in places:
                deepest = max(deepest, -(places[destination] + offset))
        else:
            if kind == _LDX and source in places:
                deepest = max(deepest, -(places[source] + offset))
            written = range(6) if opcode == _CALL else (destination,) if kind in (_LD, _LDX, 4, _ALU64) else ()
            for register in written:
                places.pop(register, None)
            places[FRAME_REGISTER] = 0
    return deepest


def calls(code: bytes) -> Iterator[Call]:
    """Calls of the object's own functions, in order."""
    for number, (opcode, _destination, source, _offset, immediate) in enumerate(_instructions(code)):
        if opcode == _CALL and source == _PSEUDO_CALL:
            yield Call(number * INSTRUCTION_BYTES, immediate)


def _instructions(code: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Opcode, destination, source, offset, immediate. A 64-bit constant's second half has opcode 0: no operation."""
    whole = len(code) - len(code) % INSTRUCTION_BYTES
    for opcode, registers, offset, immediate in _INSTRUCTION.iter_unpack(code[:whole]):
        yield opcode, registers & 15, registers >> 4, offset, immediate
