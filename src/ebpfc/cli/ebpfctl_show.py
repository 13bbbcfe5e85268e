"""What `ebpfctl` prints: records of the runtime in, text or JSON on stdout out, failures on stderr.

Colours only on a terminal. All texts of a manifest have been escaped when it was read; names from the command line
are escaped here.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ebpfc.runtime.attach import Attached
from ebpfc.runtime.counters import Counter
from ebpfc.runtime.device import Device
from ebpfc.runtime.errors import ControlError, failure_of, quote
from ebpfc.runtime.manifest import Rule
from ebpfc.runtime.replay import Judged
from ebpfc.runtime.stats import HookStats, PolicyStats


def report_problem(problem: Exception, *, raw: bool) -> int:
    """Prints a failure with its hints; answers the exit code."""
    if isinstance(problem, PermissionError):
        problem = failure_of(f"look at {problem.filename}", errno.EPERM)
    if isinstance(problem, ControlError):
        print(f"{_painted('ebpfctl: error:', '1;31', sys.stderr)} {problem.message}", file=sys.stderr)
        for hint in problem.hints:
            print(f"  {_painted('help:', '36', sys.stderr)} {hint}", file=sys.stderr)
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
    places = ", ".join(f"{a.hook} ({a.mode or a.method})" for a in attached.attachments)
    print(f"{attached.policy} is in force at {quote(device.name, 32)}: {places}")
    if attached.replaced:
        counters = "its counters go on" if attached.counters_kept else "counters start at zero"
        print(f"  replaced {', '.join(attached.replaced)}; {counters}")
    if attached.features_off:
        print(f"  turned off until detach: {', '.join(attached.features_off)}")


def print_trial(device: Device, seconds: float) -> None:
    enter = "press Enter, or run" if sys.stdin.isatty() else "run"
    print(
        f"on trial: it will be undone in {seconds:g} s; to keep it, {enter}: ebpfctl confirm {quote(device.name, 32)}"
    )
    sys.stdout.flush()


def print_stats(policies: Sequence[PolicyStats], device: Device) -> None:
    first = True
    for policy in policies:
        trial = "" if policy.trial_left is None else f", on trial for {policy.trial_left:.0f} s more"
        for hook in policy.hooks:
            if not first:
                print()
            first = False
            how = hook.attachment
            force = f"in force ({how.mode or how.method})" if how else "not in force"
            print(f"{policy.policy} at {quote(device.name, 32)}, {hook.hook}: {force}{trial}")
            if not policy.counted:
                print("  compiled with --no-counters")
            elif hook.undecided is None and not hook.rules:
                print("  counts nothing")
            else:
                _print_table(("packets", "bytes", "place", "rule"), list(_stats_rows(hook)))


def print_stats_json(policies: Sequence[PolicyStats], device: Device) -> None:
    document = {
        "device": device.name,
        "ifindex": device.ifindex,
        "policies": [
            {
                "policy": p.policy,
                "compiler": p.compiler,
                "on_trial_seconds": p.trial_left,
                "hooks": [_hook_json(h) for h in p.hooks],
            }
            for p in policies
        ],
    }
    print(json.dumps(document, indent=2, ensure_ascii=True))


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
            "rule": None if one.rule is None else _rule_json(one.rule),
            "default": one.by_default,
            "problem": one.problem or None,
        }
        print(json.dumps(record, ensure_ascii=True))


def _verdict(one: Judged) -> str:
    match one.verdict:
        case "pass":
            return _painted("pass", "32", sys.stdout)
        case "drop":
            return _painted("drop", "31", sys.stdout)
        case None:
            return "?   "


def _reason(one: Judged) -> str:
    cut = "  (captured in part)" if len(one.frame.data) < one.frame.length else ""
    if one.problem:
        return one.problem
    if one.rule is not None:
        return f"{_place(one.rule)}  {one.rule.text}{cut}"
    return ("default" if one.by_default else "compiled with --no-counters: the rule is not known") + cut


def _stats_rows(hook: HookStats) -> Iterator[tuple[str, str, str, str]]:
    for rule, counter in hook.rules:
        yield (*_numbers(counter), _place(rule), rule.text)
    if hook.undecided is not None:
        yield (*_numbers(hook.undecided), "default", hook.default)
    for name, counter in hook.named:
        yield (*_numbers(counter), "count", name)


def _numbers(counter: Counter) -> tuple[str, str]:
    return str(counter.packets), str(counter.bytes)


def _place(rule: Rule) -> str:
    return f"{rule.file}:{rule.line}"


def _rule_json(rule: Rule) -> dict[str, Any]:
    keys = ("number", "file", "line", "column", "text")
    return {key: getattr(rule, key) for key in keys} | {"name": rule.name or None, "actions": list(rule.actions)}


def _counter_json(counter: Counter) -> dict[str, int]:
    return {"packets": counter.packets, "bytes": counter.bytes}


def _hook_json(hook: HookStats) -> dict[str, Any]:
    attachment = hook.attachment
    return {
        "hook": hook.hook,
        "in_force": attachment is not None,
        "method": attachment.method if attachment else None,
        "mode": attachment.mode or None if attachment else None,
        "rules": [_rule_json(rule) | _counter_json(counter) for rule, counter in hook.rules],
        "default": {"verdict": hook.default} | (_counter_json(hook.undecided) if hook.undecided else {}),
        "named": [{"name": name} | _counter_json(counter) for name, counter in hook.named],
    }


def _print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Numbers to the right, texts to the left; the last column, a rule's text, is never cut."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head) - 1)]
    for number, row in enumerate((head, *rows)):
        cells = [c.rjust(w) if n < 2 else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=False))]
        line = "  " + "  ".join((*cells, row[-1]))
        print(_painted(line, "1", sys.stdout) if number == 0 else line)


def _painted(text: str, style: str, stream: Any) -> str:
    """`text` in an ANSI style when the stream is a terminal that wants colours (no-color.org)."""
    if stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        return f"\x1b[{style}m{text}\x1b[0m"
    return text
