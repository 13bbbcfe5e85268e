"""The verifier's log in a sentence: what libbpf and the kernel said when a load failed, made a KernelError.

In: libbpf's messages and an errno. Out: `KernelError` that names the program, the rule whose code was refused
(from the BTF line records: `; TEXT @ FILE:LINE`, kernel/bpf/log.c), and the verifier's reason; the whole log is kept
as `raw`.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from ebpfc.runtime.errors import PRIVILEGE_HINT, KernelError, failure_of, quote

_PROGRAM_LOG = re.compile(r"prog '([^'\n]*)': -- BEGIN PROG LOAD LOG --\n(.*?)-- END PROG LOAD LOG --", re.DOTALL)
_LINE_RECORD = re.compile(r"^; (.*?)(?: @ ([^\n]*):(\d+))?$")
_STATE = re.compile(r"^(\d+: |R\d+\w*=|from \d|fp-|caller|callee|frame\d|func#|mark_precise|returning|parent |\()")
_FINAL = re.compile(r"^(processed \d+ insns|verification time|stack depth|peak_states|insns processed)")
_NUMBERED = re.compile(r"^(?:\./)?\d+-")  # the compiler knows rule files as `0-edge.pf`
_MOST_REASONS = 2
_ENOTSUPP = 524
"""The kernel's own errno, which no libc knows: of a program load, that the JIT wrote no code (kernel/bpf/core.c)."""


@dataclass(frozen=True, slots=True)
class VerifierFinding:
    """`reason`: the verifier's last sentences; `text`, `file`, `line`: what it was reading then, if known."""

    program: str
    reason: str
    text: str = ""
    file: str = ""
    line: int = 0


def find_verifier_reason(messages: str) -> VerifierFinding | None:
    """The last program log in libbpf's messages, read from its end. None when there is none."""
    logs = _PROGRAM_LOG.findall(messages)
    if not logs:
        return None
    program, log = logs[-1]
    reasons: list[str] = []
    text, file, number = "", "", 0
    for line in reversed(log.splitlines()):
        record = _LINE_RECORD.match(line)
        if record:
            text, number = record[1].strip(), int(record[3] or 0)
            file = _NUMBERED.sub("", record[2] or "")
            break
        if line.strip() and not _STATE.match(line) and not _FINAL.match(line) and len(reasons) < _MOST_REASONS:
            reasons.insert(0, line.strip())
    return VerifierFinding(program, "; ".join(reasons), text, file, number)


def explain_load_failure(messages: str, error: int, programs: list[str]) -> KernelError:
    """`error`: the positive errno of bpf_object__load; `programs`: what was to be loaded."""
    if error == _ENOTSUPP or f"({_ENOTSUPP})" in messages:
        return _jit_failure(messages, error)
    finding = find_verifier_reason(messages)
    named = ", ".join(quote(p, 32) for p in programs)
    if finding is None:
        failure = failure_of(f"load {named}", error, messages)
        if error == errno.ENOENT or ("BTF" in messages and error == errno.ESRCH):
            return KernelError(failure.message, ("use a kernel of 5.10 or newer, with BTF",), messages, error)
        return failure
    place = f" at {quote(finding.file, 80)}:{finding.line}" if finding.file else ""
    rule = f' ("{quote(finding.text, 100)}")' if finding.text else ""
    reason = quote(finding.reason, 200) if finding.reason else "it gives no reason"
    hints: tuple[str, ...] = ("see the whole log with --raw",)
    if error in (errno.EPERM, errno.EACCES) and ("prohibited" in messages or "!root" in messages):
        hints = (PRIVILEGE_HINT, *hints)
    elif "too large" in messages or "too many" in messages or error == errno.E2BIG:
        hints = (
            "the kernel's verifier gives up on programs this large: split the policy, or group rules in sets",
            *hints,
        )
    message = f"the verifier refused program {quote(finding.program, 32)}{place}{rule}: {reason}"
    return KernelError(message, hints, messages, error)


def _jit_failure(messages: str, error: int) -> KernelError:
    """The verifier took the program; the JIT found no layout for its jumps: rare, and a matter of the bytes alone."""
    failed = re.search(r"prog '([^'\n]*)': (?:BPF program load|failed to load)", messages)
    program = quote(failed[1], 32) if failed else "the program"
    return KernelError(
        f"the kernel's JIT compiler gave up on {program}: a fault of the kernel, not of the policy",
        ("any change of the code helps: compile with another clang (--cc), or put two rules in another order",),
        messages,
        error,
    )
