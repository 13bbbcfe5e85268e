"""A kernel booted under qemu. In: a kernel image and an initramfs. Out: what the guest said, line by line as JSON.

Emulated (tcg): it needs neither KVM nor root, and a boot with a hundred objects takes some 15 seconds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from ebpfc.testing.kernels.guest import MARK
from ebpfc.testing.kernels.initramfs import LIBRARIES

QEMU: Final = "qemu-system-x86_64"
_MEMORY: Final = 1024  # MiB
_LONGEST: Final = 600  # seconds
_COMMAND_LINE: Final = f"console=ttyS0 quiet panic=-1 mitigations=off LD_LIBRARY_PATH={LIBRARIES}"
"""What the kernel does not know it hands to its first process, as environment. panic=-1 restarts at once, which with
-no-reboot ends qemu."""


class BootError(Exception):
    """The guest did not come to its end; the text is the last that its console said."""


def boot(image: Path, initramfs: bytes) -> list[dict[str, Any]]:
    """Boots, waits for the end, reads the answers. BootError."""
    with tempfile.NamedTemporaryFile(suffix=".cpio") as archive:
        archive.write(initramfs)
        archive.flush()
        command = [QEMU, "-accel", "tcg", "-cpu", "max", "-m", str(_MEMORY), "-display", "none", "-nodefaults"]
        command += ["-no-reboot", "-serial", "stdio", "-kernel", str(image), "-initrd", archive.name]
        command += ["-append", _COMMAND_LINE]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST, check=False)
        except subprocess.TimeoutExpired:
            raise BootError(f"no end after {_LONGEST} s") from None
    return answers_in((done.stdout + done.stderr).decode("utf-8", "replace"))


def answers_in(console: str) -> list[dict[str, Any]]:
    """The guest's lines among the kernel's, up to its last. BootError."""
    lines = [line[line.index(MARK) + len(MARK) :] for line in console.splitlines() if MARK in line]
    answers: list[dict[str, Any]] = [json.loads(line) for line in lines]
    if not answers or "end" not in answers[-1]:
        raise BootError(f"the guest did not come to its end: {console[-1500:]}")
    return answers[:-1]


def qemu_available() -> str | None:
    """None when this machine can boot kernels, else the reason why not."""
    return None if shutil.which(QEMU) else f"{QEMU} is missing: as root, apt-get install qemu-system-x86"
