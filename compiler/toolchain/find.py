"""Finds the compiler: what the author named, else the pinned one, else the newest clang on PATH. Out: a `Compiler`.

In this order: `--cc`, the variable EBPFC_CC, the extra `ebpfc[clang]` (PyPI `ziglang`, which carries a whole clang with
the BPF target), `clang` on PATH. `zig clang` is used rather than `zig cc`: the same compiler without zig's own flags
and without its cache, so that nothing is written outside of our folder.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.process import run_tool

OLDEST_CLANG = 14
NEWEST_CLANG_TRIED = 40
INSTALL_HINTS = (
    "install the pinned compiler: pip install 'ebpfc[clang]'",
    f"or a clang of version {OLDEST_CLANG} or newer: apt install clang",
    "or name one: --cc /path/to/clang, or the variable EBPFC_CC",
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """`command` is what stands before clang's own flags; `version` is clang's, whoever packaged it."""

    command: tuple[str, ...]
    name: str
    version: tuple[int, int, int]

    @property
    def version_text(self) -> str:
        return ".".join(str(part) for part in self.version)


def find_compiler(cc: str | None, environment: Mapping[str, str] = os.environ) -> Compiler:
    """Raises ToolchainError: PF0901 none found, PF0902 the named one does not run, PF0903 it is no clang or too old."""
    named, origin = (cc, "--cc") if cc is not None else (environment.get("EBPFC_CC") or None, "EBPFC_CC")
    if named is not None:
        return _examine(_split_command(named, environment), origin, environment)
    if (zig := _pinned_zig()) is not None:
        return _examine((str(zig), "clang"), "the pinned compiler", environment)
    if (clang := _newest_clang(environment)) is not None:
        return clang
    raise ToolchainError("PF0901", "no compiler found: ebpfc needs a clang with the BPF target", hints=INSTALL_HINTS)


def _split_command(text: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """`clang-19`, `/a path/clang`, `zig`, `zig cc`, `python3 -m ziglang cc`: words, never given to a shell."""
    whole = shutil.which(text, path=environment.get("PATH"))
    if whole is not None:
        words = [whole]
    else:
        try:
            words = shlex.split(text)
        except ValueError:
            words = [text]
        if not words:
            raise ToolchainError("PF0902", "the compiler's name is empty", hints=INSTALL_HINTS[2:])
        words[0] = shutil.which(words[0], path=environment.get("PATH")) or words[0]
    if os.sep in words[0]:
        words[0] = str(Path(words[0]).absolute())  # it will run in a folder of its own
    if Path(words[0]).name in ("zig", "python-zig"):
        return (words[0], "clang")
    if words[1:3] == ["-m", "ziglang"]:
        return (*words[:3], "clang")
    return tuple(words)


def _pinned_zig() -> Path | None:
    found = importlib.util.find_spec("ziglang")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        for name in ("zig", "zig.exe"):
            if (program := Path(folder) / name).is_file():
                return program
    return None


def _newest_clang(environment: Mapping[str, str]) -> Compiler | None:
    """The newest of the numbered names that runs, unless plain `clang` is newer still."""
    best: Compiler | None = None
    for name in ("clang", *(f"clang-{number}" for number in range(NEWEST_CLANG_TRIED, OLDEST_CLANG - 1, -1))):
        program = shutil.which(name, path=environment.get("PATH"))
        if program is None:
            continue
        try:
            found = _examine((str(Path(program).absolute()),), "on PATH", environment)
        except ToolchainError:
            continue
        if best is None or found.version > best.version:
            best = found
        if name != "clang":
            break
    return best


def _examine(command: tuple[str, ...], origin: str, environment: Mapping[str, str]) -> Compiler:
    shown = shlex.join(command)
    kept = {name: environment[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in environment}
    try:
        done = run_tool((*command, "--version"), cwd=Path("/"), environment={**kept, "LC_ALL": "C"}, timeout=20)
    except (OSError, ValueError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise ToolchainError("PF0902", f"cannot run {shown} ({origin}): {reason}", hints=INSTALL_HINTS) from error
    found = re.search(r"clang version (\d+)\.(\d+)\.(\d+)", done.output)
    if done.status != 0 or found is None:
        message = f"{shown} ({origin}) is not a clang: its --version does not say so"
        raise ToolchainError("PF0903", message, hints=INSTALL_HINTS, raw=done.output)
    major, minor, patch = (int(part) for part in found.groups())
    if major < OLDEST_CLANG:
        message = f"{shown} ({origin}) is clang {major}: {OLDEST_CLANG} is the oldest that ebpfc works with"
        raise ToolchainError("PF0903", message, hints=INSTALL_HINTS, raw=done.output)
    name = "ziglang" if len(command) > 1 and command[-1] == "clang" else "clang"
    return Compiler(command, name, (major, minor, patch))
