"""Cases in, figures out, as bench/measure.py has it for programs without memory: a slice of each program a round."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.measure import in_turn
from bench.objects import HAND, Subject, load_hand, load_ours
from bench.report import CaseFigures, Row
from bench.state_cases import StateCase, state_cases
from bench.state_flood import WHOLE, Flood, floods
from bench.state_source import FlowSource

from ebpfc.compiler.toolchain.find import Compiler

SLICE_BATCHES = 6  # of 16,384 packets: 2 to 30 ms


@dataclass(frozen=True, slots=True)
class StateFigures:
    """Each case with its goal, and the floods."""

    cases: Sequence[tuple[CaseFigures, float]]
    floods: Sequence[Flood]


def measure_state(compiler: Compiler, rounds: int, flood_packets: int = WHOLE) -> StateFigures:
    source = FlowSource(compiler)
    cases = [(_measure_case(case, compiler, source, rounds), case.goal) for case in state_cases()]
    print("bench: floods", file=sys.stderr)
    return StateFigures(cases, floods(source, compiler, flood_packets))


def load_case(case: StateCase, compiler: Compiler, *, counters: bool) -> list[tuple[Subject, str]]:
    """Ours, then every form of the C by hand, with the words for each; nothing is in their maps yet."""
    more = ", counters" if counters else ""
    ours = load_ours(f"ours{more}", case.policy, compiler, counters=counters)
    found = [(ours, ours.name)]
    for number, form in enumerate(case.forms):
        defines = (*form.defines, "COUNTERS") if counters else form.defines
        hand = load_hand(_hand_name(number, more), HAND / f"{case.hand}.c", compiler, defines)
        found.append((hand, f"by hand, {form.words}{more}"))
    return found


def _hand_name(form: int, more: str) -> str:
    return f"hand {form}{more}"


def _measure_case(case: StateCase, compiler: Compiler, source: FlowSource, rounds: int) -> CaseFigures:
    print(f"bench: {case.name}", file=sys.stderr)
    subjects: list[Subject] = []
    rows: list[Row] = []
    for counters, more in ((False, ""), (True, ", counters")):
        for subject, words in load_case(case, compiler, counters=counters):
            case.fill(subject, source, case.plans[0][1])
            subjects.append(subject)
            rows.append(Row(subject.name, words, subject.size, _hand_name(0, more)))
    traffic = tuple(
        (name, in_turn(source.empty, subjects, partial(source.time, plan, batches=SLICE_BATCHES), rounds))
        for name, plan in case.plans
    )
    for subject in subjects:
        subject.loaded.close()
    return CaseFigures(case.name, case.words, tuple(rows), traffic)
