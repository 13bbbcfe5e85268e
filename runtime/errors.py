"""What the runtime reports: one exception, with what to do about it and the exit code that `ebpfctl` ends with.

In: nothing. Out: `ControlError`, `KernelError` (exit code 3), `quote` for foreign text in messages.
Messages are lower case, without full stop, and stand alone; a hint begins with what to do.
"""

from __future__ import annotations

import errno
import os


class ControlError(Exception):
    """Something asked of the runtime was refused or failed: exit code 1."""

    exit_code = 1

    def __init__(self, message: str, hints: tuple[str, ...] = (), raw: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints
        self.raw = raw  # the kernel's or libbpf's own words, shown on request


class KernelError(ControlError):
    """The kernel, its privileges or libbpf cannot do what the object needs: exit code 3. `error` is an errno or 0."""

    exit_code = 3

    def __init__(self, message: str, hints: tuple[str, ...] = (), raw: str = "", error: int = 0) -> None:
        super().__init__(message, hints, raw)
        self.error = error


PRIVILEGE_HINT = (
    "run it as root, or give it CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, all three: "
    "without CAP_PERFMON the kernel refuses packet lengths"
)


def failure_of(doing: str, error: int, raw: str = "") -> KernelError:
    """The failure of a call that answered `error` (a positive errno) while `doing` ("load pf_xdp")."""
    hints: tuple[str, ...] = ()
    if error in (errno.EPERM, errno.EACCES):
        hints = (PRIVILEGE_HINT,)
    elif error == 524:  # ENOTSUPP, which the kernel keeps to itself and still hands out
        return KernelError(f"cannot {doing}: the kernel does not support it", raw=raw, error=error)
    return KernelError(f"cannot {doing}: {os.strerror(error).lower()}", hints, raw, error)


def quote(text: str, limit: int = 120) -> str:
    """`text` for a message or a terminal: printable characters as they are, others escaped, cut after `limit`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
