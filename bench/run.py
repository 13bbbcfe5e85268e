"""`python -m bench.run`: every policy as we compile it beside C by hand, in one run; then what compiling costs.

Root (BPF_PROG_TEST_RUN). Nothing is attached and no packet leaves the process. Never fails because of a figure.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
from pathlib import Path

from bench.compile_time import CompileFigures, measure_compile
from bench.measure import measure
from bench.objects import HAND, Subject, load_hand, load_ours
from bench.report import CaseFigures, Row, as_data, print_cases, print_compile, print_summary
from bench.source import PacketSource
from bench.subjects import Case, cases

from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.testing.kernel import kernel_available

HANDS = (("full", "by hand, same meaning"), ("ipv4", "by hand, untagged IPv4 only"))
TRIAL_ROUNDS = 5


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    reason = kernel_available()
    if reason is not None:
        print(f"bench: {reason}", file=sys.stderr)
        return 2
    compiler = find_compiler(arguments.cc)
    chosen = [case for case in cases() if not arguments.policies or case.name in arguments.policies]
    source = PacketSource(compiler)
    measured = []
    for case in chosen:
        print(f"bench: {case.name}", file=sys.stderr)
        measured.append(_measure_case(case, compiler, source, arguments.rounds))
    compiling = None if arguments.no_compile else measure_compile(compiler, max(3, arguments.rounds // 3))
    text = _page(measured, compiling, compiler, arguments.rounds)
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text, "utf-8")
    if arguments.json:
        arguments.json.write_text(json.dumps(as_data(measured, compiling), indent=1) + "\n", "ascii")
    return 0


def _measure_case(case: Case, compiler: Compiler, source: PacketSource, rounds: int) -> CaseFigures:
    """Ours and both kinds of C by hand, each without and with counters."""
    subjects: list[Subject] = []
    rows: list[Row] = []
    for counters, more in ((False, ""), (True, ", counters")):
        ours = load_ours(f"ours{more}", case.policy, compiler, counters=counters)
        subjects.append(ours)
        rows.append(Row(ours.name, ours.name, ours.size, f"full{more}"))
        for kind, words in HANDS:
            found, form = _fastest(case, kind, compiler, source, ("COUNTERS",) if counters else ())
            hand = Subject(f"{kind}{more}", found.fd, found.size, found.loaded)
            subjects.append(hand)
            rows.append(Row(hand.name, f"{words}{form}{more}", hand.size, f"full{more}"))
    traffic = tuple((t.name, measure(source, t, subjects, rounds)) for t in (case.match, case.mix))
    for subject in subjects:
        subject.loaded.close()
    return CaseFigures(case.name, case.words, tuple(rows), traffic)


def _fastest(
    case: Case, kind: str, compiler: Compiler, source: PacketSource, defines: tuple[str, ...]
) -> tuple[Subject, str]:
    """Of the ways in which an expert may write it, the one that takes the least time, both kinds of traffic added."""
    path = HAND / kind / f"{case.name}.c"
    forms = [load_hand(" ".join(form) or "search", path, compiler, (*defines, *form)) for form in case.by_hand]
    if len(forms) == 1:
        return forms[0], ""
    trials = [measure(source, traffic, forms, TRIAL_ROUNDS) for traffic in (case.match, case.mix)]
    best = min(forms, key=lambda form: sum(trial.timing(form.name).gross for trial in trials))
    for form in forms:
        if form is not best:
            form.loaded.close()
    return best, f" ({best.name.lower()})"


def _page(measured: list[CaseFigures], compiling: CompileFigures | None, compiler: Compiler, rounds: int) -> str:
    today = dt.datetime.now(dt.UTC).date()
    head = (
        f"# Measured on {today}\n\n"
        f"Linux {platform.release()}, {_processor()}, {os.cpu_count()} processors; {compiler.name} "
        f"{compiler.version_text}; {rounds} rounds. What the columns mean and how it is measured: README.md.\n"
    )
    parts = [head, "## Goals", print_summary(measured)]
    if compiling is not None:
        parts += [print_compile(compiling)]
    return "\n".join([*parts, "## Each policy", print_cases(measured)])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument("policies", nargs="*", help="names of policies (default: all)")
    parser.add_argument("--rounds", type=int, default=15, help="slices of each program (15)")
    parser.add_argument("--cc", help="the compiler, for all programs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page too (RESULTS.md)")
    parser.add_argument("--no-compile", action="store_true", help="leave compile time out")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
