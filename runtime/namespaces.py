"""Linux namespaces of this process: entering a network namespace by name, and whether its mounts are its own.

In: a name of `ip netns` or a path. Out: this thread is in that network namespace; the mount namespace stays, so that
pins outlive the command (`ip netns exec` gives a command a mount namespace of its own, which ends with it).
Sources: setns(2), namespaces(7), ip-netns(8).
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ebpfc.runtime.errors import ControlError, KernelError, failure_of, quote

CLONE_NEWNET = 0x40000000
_NAMED = Path("/run/netns")


def enter_network(name: str) -> None:
    """`name`: one that `ip netns list` shows, or a path such as /proc/4711/ns/net."""
    path = Path(name) if name.startswith("/") else _NAMED / name
    if not name.startswith("/") and (not re.fullmatch(r"[^/\0]{1,255}", name) or name in (".", "..")):
        raise ControlError(f"{quote(name)} is no name of a network namespace")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise ControlError(f"no network namespace {quote(name)}", ("list them with: ip netns list",)) from None
    try:
        set_network(fd)
    finally:
        os.close(fd)


def set_network(fd: int) -> None:
    """Moves this thread into the network namespace of an open /proc/PID/ns/net."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(fd, CLONE_NEWNET) != 0:
        raise failure_of("enter the network namespace", ctypes.get_errno())


@contextmanager
def network(path: Path) -> Iterator[None]:
    """Inside, this thread is in the network namespace of `path`; afterwards where it was."""
    back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_network(str(path))
        try:
            yield
        finally:
            set_network(back)
    finally:
        os.close(back)


def network_inode() -> int:
    """The number by which the kernel knows this thread's network namespace."""
    return Path("/proc/thread-self/ns/net").stat().st_ino


def mounts_are_private() -> bool:
    """Whether a process above this one has other mounts: what is mounted here may go when this command ends."""
    own = Path("/proc/self/ns/mnt").stat().st_ino
    pid = os.getppid()
    for _ in range(64):
        if pid <= 1:
            return False
        try:
            if Path(f"/proc/{pid}/ns/mnt").stat().st_ino != own:
                return True
            status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        pid = int(status.rpartition(")")[2].split()[1])
    return False


def require_shared_mounts() -> None:
    """KernelError when this command sees other mounts than the one that called it: no pins of before, none to stay."""
    if mounts_are_private():
        raise KernelError(
            "this command's mounts are its own (`ip netns exec`?): pins made before are not to be seen, "
            "and pins made now would go when it ends",
            ("name the namespace instead: ebpfctl --netns NAME ...", "or mount bpffs on /sys/fs/bpf before"),
        )
