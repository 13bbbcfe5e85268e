"""C text in, the bytes of a relocatable BPF object out, as the compiler made them (with DWARF, without a manifest).

The compiler runs in a fresh private folder beside copies of the rule files, so that each `#line` shows the rule's own
text in the verifier's log. Nothing of the machine gets into the object: names are relative, the environment is ours,
and `-ffile-compilation-dir=.` takes the folder's path out of the debug information that BTF is made from.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.compiler.toolchain.process import Finished, run_tool

C_FILE_NAME = "policy.c"
TOO_LARGE = (
    "write runs of similar rules as one rule with a set: `drop src net {a, b, c}`",
    "rules that decide by headers alone may be many; guards, tables, payload and rules without a verdict may not",
)
TIMEOUT_SECONDS = 300.0
CPU = "v3"  # 32-bit jumps and arithmetic, in every kernel from 5.1 on; v4 needs 6.6
FLAGS = (
    "-target", "bpfel", f"-mcpu={CPU}", "-O2", "-g", "-std=gnu11",
    "-ffreestanding",  # no loop becomes a call of memset, which no program could reach
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables",
    "-ffile-compilation-dir=.",
    "-Wall", "-Wextra", "-Werror",
    "-Wno-tautological-compare", "-Wno-tautological-bitwise-compare",  # a rule may say what is always so
)  # fmt: skip

RIGHT_LINES_SINCE = (18, 0, 0)
"""Older clangs give a line of `#line` to the file of the enclosing function: the log would show wrong text."""

_RULE_FILE_NAME = re.compile(r"[0-9]{1,6}-[A-Za-z0-9._-]{1,64}")


def rule_file_name(number: int, path: str) -> str:
    """The name under which the C speaks of rule file `number`: `0-edge.pf`, whatever characters the user's path has."""
    base = re.sub(r"[^A-Za-z0-9._-]", "_", path.rsplit("/", 1)[-1])[-64:]
    return f"{number}-{base or 'rules'}"


def compile_c(
    c_text: str,
    sources: Sequence[tuple[str, bytes]],
    compiler: Compiler,
    *,
    flags: Sequence[str] = (),
    timeout: float = TIMEOUT_SECONDS,
) -> bytes:
    """`sources` are the rule files under their names in C (`rule_file_name`); `timeout` is in seconds.

    Raises ToolchainError: PF0904 no BPF target, PF0905 the C was refused, PF0906 the compiler crashed, hung or wrote no
    object, PF0907 no place to work in, PF0908 the policy is too large for straight code.
    """
    with _private_folder() as name:
        folder = Path(name).resolve()
        output = folder / "out.o"
        try:
            text = c_text if compiler.version >= RIGHT_LINES_SINCE else without_line_directives(c_text)
            (folder / C_FILE_NAME).write_bytes(text.encode("ascii", "replace"))
            for source_name, content in sources:
                if _RULE_FILE_NAME.fullmatch(source_name) is None:
                    raise ValueError(f"not a name for a rule file: {source_name!r}")
                (folder / source_name).write_bytes(printable_lines(content))
            argv = (*compiler.command, *FLAGS, *flags, "-c", C_FILE_NAME, "-o", output.name)
            done = run_tool(argv, cwd=folder, environment=_environment(folder), timeout=timeout)
            made = output.read_bytes() if done.status == 0 and not done.timed_out and output.is_file() else b""
        except OSError as error:
            message = f"cannot compile in a temporary folder: {(error.strerror or str(error)).lower()}"
            raise ToolchainError("PF0907", message, hints=("set TMPDIR to a folder with room",)) from error
    if not made:
        raise _translate(done, compiler, timeout)
    return made


def without_line_directives(c_text: str) -> str:
    """The same C on the same lines; each then stands for itself, and shows the C beside the rule's comment."""
    return re.sub(r"^#line .*$", "", c_text, flags=re.MULTILINE)


def printable_lines(content: bytes) -> bytes:
    """The same lines, each byte outside printable ASCII replaced: they end up on terminals, through bpftool."""
    return re.sub(rb"[^\n -~]", b"?", content.replace(b"\r\n", b"\n").replace(b"\t", b" "))


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """A fresh folder that only this user reads."""
    try:
        return tempfile.TemporaryDirectory(prefix="ebpfc-", ignore_cleanup_errors=True)
    except OSError as error:
        message = f"cannot make a temporary folder: {(error.strerror or str(error)).lower()}"
        raise ToolchainError("PF0907", message, hints=("set TMPDIR to a folder that you may write",)) from error


def _environment(folder: Path) -> Mapping[str, str]:
    """No CPATH, no CCC_OVERRIDE_OPTIONS, no date, no locale: what the object holds must not depend on them."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    here = str(folder)
    caches = dict.fromkeys(("XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), here)
    return {**kept, **caches, "HOME": here, "TMPDIR": here, "PWD": here, "LC_ALL": "C"}


def _translate(done: Finished, compiler: Compiler, timeout: float) -> ToolchainError:
    """What went wrong, in words about the policy or the machine; the compiler's own are kept as `raw`."""
    name = f"{compiler.name} {compiler.version_text}"
    raw = done.output.strip()
    hints: tuple[str, ...]
    if done.timed_out:
        hints = ("a policy that takes so long is worth a report", "or try another compiler with --cc")
        return ToolchainError("PF0906", f"{name} did not finish within {timeout:.0f} seconds", hints=hints, raw=raw)
    if re.search(r"unable to create target|unknown target triple|No available targets", raw):
        hints = ("install the pinned compiler: pip install 'ebpfc[clang]'", "or name another one with --cc")
        return ToolchainError("PF0904", f"{name} was built without the BPF target", hints=hints, raw=raw)
    if re.search(r"BPF stack limit|stack limit of|out of insn range|too large for BPF|too many args", raw):
        return ToolchainError("PF0908", "the policy is too large to compile as it stands", hints=TOO_LARGE, raw=raw)
    if done.status > 0 and "error:" in raw and "PLEASE submit a bug report" not in raw:
        hints = ("this is a bug of ebpfc, not of your policy: please report it", "--emit-c - shows the C")
        return ToolchainError("PF0905", f"{name} refused the C that ebpfc wrote", hints=hints, raw=raw)
    ending = f"was ended by signal {-done.status}" if done.status < 0 else f"ended with status {done.status}"
    if done.status == 0:
        ending = "wrote no object"
    hints = ("try another compiler with --cc", "the rules are not at fault: please report it if it happens again")
    return ToolchainError("PF0906", f"{name} {ending}", hints=hints, raw=raw)
