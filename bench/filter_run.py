"""One filter in, its figures out: `ebpfc -e` beside the classic BPF that libpcap makes of it, turned into C."""

from __future__ import annotations

from bench.filters import Filter, Judge, padded
from bench.measure import measure
from bench.objects import Subject, load_classic, load_ours
from bench.report import CaseFigures, Row
from bench.source import PacketSource, Traffic

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.test_run import TestRunner
from ebpfc.testing.libpcap import LibpcapFilter

CHECKED_STEPS = 500
XDP_PASS = 2


def load_filter(chosen: Filter, compiler: Compiler, *, counters: bool) -> tuple[Subject, Subject]:
    """Ours, and classic BPF as C."""
    more = ", counters" if counters else ""
    program = LibpcapFilter(chosen.expression).instructions()
    return (
        load_ours(f"ours{more}", chosen.expression, compiler, counters=counters),
        load_classic(f"classic{more}", program, compiler, counters=counters),
    )


def judge_of(pair: tuple[Subject, Subject]) -> Judge:
    """What both say of a frame, None when they differ."""
    ours, classic = (TestRunner(subject.fd) for subject in pair)

    def judge(frame: bytes) -> bool | None:
        said = ours.retval(frame)
        return None if said != classic.retval(frame) else said == XDP_PASS

    return judge


def measure_filter(chosen: Filter, compiler: Compiler, source: PacketSource, rounds: int) -> CaseFigures:
    """Raises ValueError when the two do not say the same of a packet that is to be timed."""
    pairs = [load_filter(chosen, compiler, counters=counters) for counters in (False, True)]
    traffic = chosen.traffic(judge_of(pairs[0]))
    for pair in pairs:
        for kind in traffic:
            check_alike(chosen, kind, judge_of(pair))
    subjects = [subject for pair in pairs for subject in pair]
    rows = [Row(subject.name, subject.name, subject.size, pair[1].name) for pair in pairs for subject in pair]
    slices = tuple((kind.name, measure(source, kind, subjects, rounds)) for kind in traffic)
    for subject in subjects:
        subject.loaded.close()
    return CaseFigures(chosen.expression, chosen.expression, tuple(rows), slices)


def check_alike(chosen: Filter, traffic: Traffic, judge: Judge) -> None:
    """The packets of `match` match, those of `miss` do not, and of none do the two say different things."""
    expected = {"match": {True}, "miss": {False}, "mix": {True, False}}[traffic.name]
    steps = list(zip(traffic.order, traffic.patches, strict=True))[-CHECKED_STEPS:]
    said = {judge(padded(_patched(traffic.frames[number], *patch))) for number, patch in steps}
    if said != expected:
        raise ValueError(f"{chosen.expression}: {traffic.name}: {said}")


def _patched(frame: bytes, at: int, value: bytes) -> bytes:
    return frame[:at] + value + frame[at + 4 :]
