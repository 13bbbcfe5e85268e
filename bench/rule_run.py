"""Rule sets in, figures out: ours beside one look-up of the five-tuple by hand, and the packet that takes longest."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from bench.measure import Slices, in_turn
from bench.objects import HAND, HAND_PROGRAM, OUR_PROGRAM, Size, Subject, build_c, put, subject_of
from bench.rule_cases import AIMED, RuleCase, rule_cases
from bench.rule_source import RuleSource, key_of

from ebpfc.compiler.pipeline import Options, SourceInput, compile_policy
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.elf import read_elf
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.object import load_object
from ebpfc.testing.rule_sets import Packet

TURNS = 2
"""Of all packets, in each slice."""
IN_A_ROW, ROW_PASSES = 64, 4
ONCE_PASSES = 12


@dataclass(frozen=True, slots=True)
class Worst:
    """Nanoseconds without the source. `in_a_row`: of the packet that takes longest when it is sent many times in a row;
    `once`: what one packet in a thousand takes at least when it comes among all others, of which the caches and the
    predictor know little."""

    in_a_row: float
    once: float


@dataclass(frozen=True, slots=True)
class Built:
    """`compiling` and `loading` seconds, `tables` bytes."""

    subject: Subject
    compiling: float
    loading: float
    tables: int


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """`traffic` by name: slices of "ours" and "hand"."""

    case: RuleCase
    size: Size
    compiling: float
    loading: float
    tables: int
    traffic: dict[str, Slices]
    worst: Worst


def measure_rules(compiler: Compiler, rounds: int, *, large: bool) -> tuple[RuleFigures, ...]:
    source = RuleSource(compiler)
    figures = tuple(measure_rule_case(case, compiler, source, rounds) for case in rule_cases(large=large))
    source.close()
    return figures


def measure_rule_case(case: RuleCase, compiler: Compiler, source: RuleSource, rounds: int) -> RuleFigures:
    print(f"bench: {case.count} {case.kind} rules, IPv{case.version}", file=sys.stderr)
    built = build_ours(case, compiler)
    traffic = case.traffic
    hand = load_look_up(case, traffic[0][1], compiler)
    slices: dict[str, Slices] = {}
    for name, packets in traffic:
        source.use(packets)
        slices[name] = in_turn(source.empty, (built.subject, hand), partial(source.time, turns=TURNS), rounds)
        if name == AIMED:
            worst = Worst(
                _longest(source, built.subject, IN_A_ROW, ROW_PASSES, 1.0),
                _longest(source, built.subject, 1, ONCE_PASSES, 0.999),
            )
    for subject in (built.subject, hand):
        subject.loaded.close()
    return RuleFigures(case, built.subject.size, built.compiling, built.loading, built.tables, slices, worst)


def build_ours(case: RuleCase, compiler: Compiler) -> Built:
    """The rules as a file, compiled without counters, and loaded."""
    with tempfile.TemporaryDirectory(prefix="ebpfc-bench-") as folder:
        path = Path(folder) / "rules.pf"
        path.write_text(case.text, "ascii")
        begun = time.perf_counter()
        compiled = build_object(compile_policy(SourceInput(path=str(path)), Options(counters=False)), compiler)
        compiling = time.perf_counter() - begun
    begun = time.perf_counter()
    loaded = load_object(compiled)
    loading = time.perf_counter() - begun
    tables = sum(len(section.data) for section in read_elf(compiled).sections if section.name.startswith(".rodata"))
    return Built(subject_of("ours", loaded, OUR_PROGRAM), compiling, loading, tables)


def load_look_up(case: RuleCase, packets: Sequence[Packet], compiler: Compiler) -> Subject:
    """As many five-tuples as there are rules: those of the first packets."""
    keys = list(dict.fromkeys(map(key_of, packets)))[: case.count]
    defines = (f"RULES={len(keys)}", *(("IPV6",) if case.version == 6 else ()))
    loaded = load_object(build_c(HAND / "rules_hash.c", compiler, defines))
    for key in keys:
        put(loaded.maps["rules"].fd, key, bytes(4))
    return subject_of("hand", loaded, HAND_PROGRAM)


def _longest(source: RuleSource, subject: Subject, in_a_row: int, passes: int, share: float) -> float:
    """Nanoseconds that this share of the packets does not exceed."""
    empty = np.median(source.each(source.empty, in_a_row, passes))
    return float(np.quantile(source.each(subject.fd, in_a_row, passes), share) - empty)
