"""`python -m bench.run`: ours beside C by hand, beside classic BPF, under floods, with many rules; compiling.

Root (BPF_PROG_TEST_RUN). Nothing is attached and no packet leaves the process. Never fails because of a figure.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.compile_time import measure_compile, measure_expression
from bench.filter_run import measure_filter
from bench.filters import Filter, filters
from bench.measure import measure
from bench.objects import HAND, Subject, load_hand, load_ours
from bench.report import (
    CaseFigures,
    Measured,
    Row,
    as_data,
    print_cases,
    print_compile,
    print_expression,
    print_filters,
    print_summary,
)
from bench.rule_report import plot_rules, print_rules, rules_data
from bench.rule_run import RuleFigures, measure_rules
from bench.source import PacketSource
from bench.state_report import print_state, state_data
from bench.state_run import StateFigures, measure_state
from bench.subjects import Case, cases

from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.testing.kernel import kernel_available

HANDS = (("full", "by hand, same meaning"), ("ipv4", "by hand, untagged IPv4 only"))
TRIAL_ROUNDS = 5
FILTERS, STATE, RULES = "filters", "state", "rules"
STATE_HEADING, RULES_HEADING = "## Programs that remember", "## Many rules"
PLOT = Path(__file__).resolve().parents[1] / "docs" / "many-rules.svg"


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    reason = kernel_available()
    if reason is not None:
        print(f"bench: {reason}", file=sys.stderr)
        return 2
    compiler = find_compiler(arguments.cc)
    source = PacketSource(compiler)
    names = arguments.policies or [*(case.name for case in cases()), FILTERS, STATE, RULES]
    measured = Measured(
        [_measure_case(case, compiler, source, arguments.rounds) for case in cases() if case.name in names],
        [_measure_filter(f, compiler, source, arguments.rounds) for f in filters()] if FILTERS in names else [],
        None if arguments.no_compile else measure_compile(compiler, max(3, arguments.rounds // 3)),
        None if arguments.no_compile else measure_expression(compiler),
    )
    state = measure_state(compiler, arguments.rounds) if STATE in names else None
    rules = measure_rules(compiler, arguments.rounds, large=arguments.large) if RULES in names else ()
    text = _page(measured, state, rules, compiler, arguments.rounds)
    print(text)
    if arguments.markdown:
        before = arguments.markdown.read_text("utf-8") if arguments.policies and arguments.markdown.exists() else ""
        arguments.markdown.write_text(renewed(before, text), "utf-8")
        if rules:
            PLOT.write_text(plot_rules(rules), "utf-8")
    if arguments.json:
        data = {**as_data(measured), "state": None if state is None else state_data(state), "rules": rules_data(rules)}
        arguments.json.write_text(json.dumps(data, indent=1) + "\n", "ascii")
    return 0


def _measure_case(case: Case, compiler: Compiler, source: PacketSource, rounds: int) -> CaseFigures:
    """Ours and both kinds of C by hand, each without and with counters."""
    print(f"bench: {case.name}", file=sys.stderr)
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


def _measure_filter(chosen: Filter, compiler: Compiler, source: PacketSource, rounds: int) -> CaseFigures:
    print(f"bench: {chosen.expression}", file=sys.stderr)
    return measure_filter(chosen, compiler, source, rounds)


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


def renewed(before: str, text: str) -> str:
    """The page `before` with the sections that `text` has measured anew; its head stays. Without a page: `text`."""
    if not before:
        return text
    old, new = (re.split(r"^(?=## )", page, flags=re.MULTILINE) for page in (before, text))
    fresh = {section.partition("\n")[0]: section for section in new[1:]}
    kept = [fresh.pop(section.partition("\n")[0], section) for section in old[1:]]
    return "\n".join(section.rstrip("\n") + "\n" for section in (old[0], *kept, *fresh.values()))


def _page(
    measured: Measured,
    state: StateFigures | None,
    rules: Sequence[RuleFigures],
    compiler: Compiler,
    rounds: int,
) -> str:
    today = dt.datetime.now(dt.UTC).date()
    head = (
        f"# Measured on {today}\n\n"
        f"Linux {platform.release()}, {_processor()}, {os.cpu_count()} processors; {compiler.name} "
        f"{compiler.version_text}; {rounds} rounds. What the columns mean and how it is measured: README.md.\n"
    )
    parts = [head]
    if measured.cases:
        parts += ["## Goals", print_summary(measured.cases)]
    if measured.filters:
        parts += ["## Twenty filters beside classic BPF", print_filters(measured.filters)]
    if state is not None:
        parts += [STATE_HEADING, f"Measured on {today}.\n", print_state(state)]
    if rules:
        parts += [RULES_HEADING, f"Measured on {today}.\n", print_rules(rules)]
    if measured.compiling is not None and measured.expression is not None:
        parts += ["## Compiling", print_compile(measured.compiling), print_expression(measured.expression)]
    if measured.cases:
        parts += ["## Each policy", print_cases(measured.cases)]
    return "\n".join(parts)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument(
        "policies",
        nargs="*",
        help="names of policies; filters: all twenty; state: what remembers; rules: many of them (default: all)",
    )
    parser.add_argument("--rounds", type=int, default=15, help="slices of each program (15)")
    parser.add_argument("--cc", help="the compiler, for all programs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the page too (RESULTS.md), or the sections measured"
    )
    parser.add_argument("--large", action="store_true", help="rules: 100,000 too")
    parser.add_argument("--no-compile", action="store_true", help="leave compile time out")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
