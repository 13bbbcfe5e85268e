"""Classic BPF in, C for XDP out: the way from a tcpdump filter to XDP that is taken today.

What libpcap compiles (struct bpf_insn: linux/filter.h, bpf(4)) becomes one C function with a label for each jump, as
Cloudflare's cbpfc writes it, with its two ideas that save time: packet bounds are checked once for all loads that a
check covers, and the first check asks at once for all bytes without which no path can match (a shorter packet would be
refused later anyway). A load outside the packet and a division by zero end the filter without a match, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

Instruction = tuple[int, int, int, int]
"""code, jt, jf, k: the members of struct bpf_insn."""

LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)
IMM, ABS, IND, MEM, LEN, MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1}  # of a load: bits 3 and 4
_OPERATORS: Final = dict(
    zip(range(0, 0xB0, 0x10), ("+", "-", "*", "/", "|", "&", "<<", ">>", "", "%", "^"), strict=True)
)
_COMPARISONS: Final = {0x10: "a == {}", 0x20: "a > {}", 0x30: "a >= {}", 0x40: "a & {}"}
LONGEST: Final = 0xFFFF  # bytes: how far behind the start of a packet the verifier lets a pointer be


@dataclass(frozen=True, slots=True)
class Insn:
    """One instruction at place `at`."""

    at: int
    code: int
    jt: int
    jf: int
    k: int

    @property
    def kind(self) -> int:
        return self.code & 7

    @property
    def mode(self) -> int:
        return self.code & 0xE0

    @property
    def operation(self) -> int:
        return self.code & 0xF0

    @property
    def operand(self) -> str:
        return "x" if self.code & 8 else f"{self.k}u"

    @property
    def next(self) -> tuple[int, ...]:
        """Where it may go."""
        if self.kind == RET:
            return ()
        if self.kind != JMP:
            return (self.at + 1,)
        return (self.at + 1 + self.k,) if self.operation == 0 else (self.at + 1 + self.jt, self.at + 1 + self.jf)

    @property
    def sets_x(self) -> bool:
        return self.kind == LDX or (self.kind == MISC and self.code & 0xF8 == 0)

    @property
    def bytes_read(self) -> int:
        """How many bytes of the packet must be there for it, from the packet's start on."""
        if self.kind == LDX and self.mode == MSH:
            return self.k + 1
        return self.k + _SIZES[self.code & 0x18] if self.kind == LD and self.mode == ABS else 0

    @property
    def bytes_read_behind_x(self) -> int:
        return self.k + _SIZES[self.code & 0x18] if self.kind == LD and self.mode == IND else 0


def cbpf_to_c(program: Sequence[Instruction]) -> str:
    """An XDP program `hand` against hand/hand.h: what matches passes, the rest drops. ValueError: not classic BPF."""
    insns = [Insn(at, *parts) for at, parts in enumerate(program)]
    absolute = _checks(insns, lambda insn: insn.bytes_read, lambda _: False)
    behind_x = _checks(insns, lambda insn: insn.bytes_read_behind_x, lambda insn: insn.sets_x)
    reached = [insn for insn in insns if insn.at in absolute]
    targets = {target for insn in reached for target in _gotos(insn)}
    lines = []
    for insn in reached:
        if insn.at in targets:
            lines.append(f"L{insn.at}:")
        if count := absolute[insn.at]:
            lines.append(f"\tif (data + {count} > end)\n\t\treturn 0;" if count <= LONGEST else "\treturn 0;")
        if count := behind_x[insn.at]:
            lines.append(_check_behind_x(count))
        lines += [f"\t{line}" for line in _statements(insn)]
    return _PROGRAM.format(body="\n".join(lines))


_PROGRAM = """#include "hand.h"

INLINE u32 filter(u8 *data, u8 *end)
{{
	u32 a __attribute__((unused)) = 0, x __attribute__((unused)) = 0, m[16] __attribute__((unused));
	u8 *p __attribute__((unused)) = data;
	u64 length __attribute__((unused)) = end - data;

{body}
}}

SEC("xdp") int hand(struct xdp_md *ctx)
{{
	if (filter((u8 *)(long)ctx->data, (u8 *)(long)ctx->data_end))
		return decide(ctx, 0, XDP_PASS);
	return decide(ctx, 1, XDP_DROP);
}}
"""


def _checks(insns: list[Insn], read: Callable[[Insn], int], forgets: Callable[[Insn], bool]) -> dict[int, int]:
    """For each instruction that can be reached: how many bytes to check before it, 0 for no check.

    `read`: bytes that it reads; `forgets`: what was checked before says nothing of the bytes behind it.
    """
    needed = _needed(insns, read, forgets)
    known = {0: 0}  # checked on every way to an instruction; jumps go forward only
    checks = {}
    for insn in insns:
        if insn.at not in known:
            continue
        have = known[insn.at]
        checks[insn.at] = max(needed[insn.at] or 0, read(insn)) if read(insn) > have else 0
        have = 0 if forgets(insn) else max(have, checks[insn.at])
        for target in insn.next:
            known[target] = min(known.get(target, have), have)
    return checks


def _needed(insns: list[Insn], read: Callable[[Insn], int], forgets: Callable[[Insn], bool]) -> list[int | None]:
    """Bytes without which nothing matches from an instruction on; None where nothing can."""
    needed: list[int | None] = [None] * len(insns)
    for insn in reversed(insns):
        if insn.kind == RET:
            needed[insn.at] = None if insn.code & 0x18 == 0 and insn.k == 0 else 0
        elif ways := [need for target in insn.next if (need := needed[target]) is not None]:
            needed[insn.at] = max(read(insn), 0 if forgets(insn) else min(ways))
    return needed


def _check_behind_x(count: int) -> str:
    """The pointer is made once: the compiler may not add up another one, of which the verifier knows no bounds."""
    return (
        f"\tif (x > {max(LONGEST - count, 0)}u)\n\t\treturn 0;\n\tp = data + x;\n"
        f'\tasm volatile("" : : "r"(p));\n\tif (p + {count} > end)\n\t\treturn 0;'
    )


def _gotos(insn: Insn) -> tuple[int, ...]:
    return tuple(target for target in insn.next if target != insn.at + 1) if insn.kind == JMP else ()


def _statements(insn: Insn) -> list[str]:
    match insn.kind:
        case 0 | 1:
            return _load(insn)
        case 2 | 3:
            return [f"m[{insn.k}] = {'a' if insn.kind == ST else 'x'};"]
        case 4:
            return _arithmetic(insn)
        case 5:
            return _jump(insn)
        case 6:
            return ["return a;" if insn.code & 0x18 == 0x10 else f"return {insn.k}u;"]
        case _:
            return ["x = a;" if insn.code & 0xF8 == 0 else "a = x;"]


def _load(insn: Insn) -> list[str]:
    into = "a" if insn.kind == LD else "x"
    match insn.mode:
        case 0x00:
            return [f"{into} = {insn.k}u;"]
        case 0x20 | 0x40 if insn.kind == LD:
            place = f"{'data' if insn.mode == ABS else 'p'} + {insn.k}"
            return {
                4: [f"a = ntohl(*(u32 *)({place}));"],
                2: [f"a = ntohs(*(u16 *)({place}));"],
                1: [f"a = *({place});"],
            }[_SIZES[insn.code & 0x18]]
        case 0x60:
            return [f"{into} = m[{insn.k}];"]
        case 0x80:  # a number that clang knows to be no pointer
            return ['asm volatile("" : "+r"(length));', f"{into} = length;"]
        case 0xA0 if insn.kind == LDX:
            return [f"x = (*(data + {insn.k}) & 15) * 4;"]
        case _:
            raise ValueError(f"no load of classic BPF: {insn}")


def _arithmetic(insn: Insn) -> list[str]:
    if insn.operation == 0x80:
        return ["a = -a;"]
    operator = _OPERATORS[insn.operation]
    if operator in ("/", "%") and insn.operand == "x":
        return ["if (x == 0)", "\treturn 0;", f"a {operator}= x;"]
    if operator in ("<<", ">>") and insn.operand == "x":
        return [f"a = x < 32 ? a {operator} x : 0;"]
    return [f"a {operator}= {insn.operand};"]


def _jump(insn: Insn) -> list[str]:
    if insn.operation == 0:
        return [f"goto L{insn.next[0]};"] if insn.k else []
    yes, no = insn.next
    condition = _COMPARISONS[insn.operation].format(insn.operand)
    if yes == no:
        return [f"goto L{yes};"] if yes != insn.at + 1 else []
    if yes == insn.at + 1:
        return [f"if (!({condition}))", f"\tgoto L{no};"]
    return [f"if ({condition})", f"\tgoto L{yes};", *([f"goto L{no};"] if no != insn.at + 1 else [])]
