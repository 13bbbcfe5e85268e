"""What `ebpfctl` prints: records of the runtime in, text or JSON on stdout out, failures on stderr.

Colours only on a terminal. All texts of a manifest have been escaped when it was read; names from the command line
are escaped here.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from ebpfc.runtime.attach import Attached
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, failure_of, quote
from ebpfc.runtime.hooks import Attachment
from ebpfc.runtime.manifest import Rule
from ebpfc.runtime.replay import Judged


def report_problem(problem: Exception, *, raw: bool) -> int:
    """Prints a failure with its hints; answers the exit code."""
    if isinstance(problem, PermissionError):
        problem = failure_of(f"look at {problem.filename}", errno.EPERM)
    if isinstance(problem, ControlError):
        print(f"{painted('ebpfctl: error:', '1;31', sys.stderr)} {problem.message}", file=sys.stderr)
        for hint in problem.hints:
            print(f"  {painted('help:', '36', sys.stderr)} {hint}", file=sys.stderr)
        if raw and problem.raw:
            print("".join(c if c.isprintable() or c in "\n\t" else "?" for c in problem.raw), file=sys.stderr)
        return problem.exit_code
    if isinstance(problem, OSError) and problem.errno is not None:
        print(f"ebpfctl: error: {os.strerror(problem.errno).lower()}: {quote(str(problem.filename))}", file=sys.stderr)
        return 1
    print(f"ebpfctl: internal error: {type(problem).__name__}: {quote(str(problem))}", file=sys.stderr)
    print("  help: please report it, with the command that you ran", file=sys.stderr)
    return 3


def print_attached(attached: Attached, device: Device) -> None:
    judging, companions = ([a for a in attached.attachments if a.companion is kind] for kind in (False, True))
    print(f"{attached.policy} is in force at {quote(device.name, 32)}: {_places(judging)}")
    if companions:
        print(f"  keeps connections at {_places(companions)} too, where all passes")
    if attached.replaced:
        counters = "its counters go on" if attached.counters_kept else "counters start at zero"
        print(f"  replaced {', '.join(attached.replaced)}; {counters}")
    if attached.tables_kept:
        print(f"  tables with their entries: {', '.join(attached.tables_kept)}")
    if attached.tables_empty:
        print(f"  tables that begin empty, with another key or size: {', '.join(attached.tables_empty)}")
    if attached.features_off:
        print(f"  turned off until detach: {', '.join(attached.features_off)}")


def _places(attachments: list[Attachment]) -> str:
    return ", ".join(f"{a.hook} ({a.mode or a.method})" for a in attachments)


def warn_of_cut_connections(device: Device) -> None:
    """Before it is done: who is cut off reads nothing afterwards."""
    words = (
        f"what is open through {quote(device.name, 32)} now will be cut off, unless rules pass it without asking its "
        "state; your own ssh may be part of it"
    )
    print(f"{painted('ebpfctl: warning:', '1;33', sys.stderr)} {words}", file=sys.stderr)
    print(f"  {painted('help:', '36', sys.stderr)} take connections up: --pickup 60s", file=sys.stderr, flush=True)


def print_trial(device: Device, seconds: float) -> None:
    enter = "press Enter, or run" if sys.stdin.isatty() else "run"
    print(
        f"on trial: it will be undone in {seconds:g} s; to keep it, {enter}: ebpfctl confirm {quote(device.name, 32)}"
    )
    sys.stdout.flush()


def print_run(judged: Iterable[Judged], hook: str) -> None:
    passed = dropped = unknown = 0
    for one in judged:
        passed += one.verdict == "pass"
        dropped += one.verdict == "drop"
        unknown += one.verdict is None
        number = f"{one.frame.number:>6}"
        print(f"{number}  {_verdict(one)}  {_reason(one)}")
    not_judged = f", {unknown} not judged" if unknown else ""
    print(f"{hook}: {passed} passed, {dropped} dropped{not_judged}")


def print_run_json(judged: Iterable[Judged], hook: str) -> None:
    for one in judged:
        record = {
            "number": one.frame.number,
            "time_ns": one.frame.time_ns,
            "length": one.frame.length,
            "captured": len(one.frame.data),
            "hook": hook,
            "verdict": one.verdict,
            "rule": None if one.rule is None else rule_json(one.rule),
            "default": one.by_default,
            "problem": one.problem or None,
        }
        print(json.dumps(record, ensure_ascii=True))


def _verdict(one: Judged) -> str:
    match one.verdict:
        case "pass":
            return painted("pass", "32", sys.stdout)
        case "drop":
            return painted("drop", "31", sys.stdout)
        case None:
            return "?   "


def _reason(one: Judged) -> str:
    cut = "  (captured in part)" if len(one.frame.data) < one.frame.length else ""
    if one.problem:
        return one.problem
    if one.rule is not None:
        return f"{place_of(one.rule)}  {one.rule.text}{cut}"
    return ("default" if one.by_default else "compiled with --no-counters: the rule is not known") + cut


def place_of(rule: Rule) -> str:
    return f"{rule.file}:{rule.line}"


def rule_json(rule: Rule) -> dict[str, Any]:
    keys = ("number", "file", "line", "column", "text")
    return {key: getattr(rule, key) for key in keys} | {"name": rule.name or None, "actions": list(rule.actions)}


def painted(text: str, style: str, stream: Any) -> str:
    """`text` in an ANSI style when the stream is a terminal that wants colours (no-color.org)."""
    if stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        return f"\x1b[{style}m{text}\x1b[0m"
    return text
