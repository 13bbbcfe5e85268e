"""The command `ebpfc`: its command line in, an exit code out (0 done, 1 rules, 2 usage, 3 toolchain, 130 interrupted).

Everything but the command line is imported when it is needed: `ebpfc --help` must answer at once.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import sys
from collections.abc import Iterator

from ebpfc.cli.guard import run_guarded

COLLECT_AFTER = 500_000
"""New objects until garbage is looked for: most commands end before, and save a sixth of their time."""


def main(argv: list[str] | None = None) -> int:
    """Never raises: what goes wrong is printed on standard error."""
    words = sys.argv[1:] if argv is None else argv
    with _seldom_collecting():
        return run_guarded("ebpfc", lambda: _run(words))


@contextlib.contextmanager
def _seldom_collecting() -> Iterator[None]:
    """What is left at the interpreter's end is not looked through either: its memory goes with the process."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    atexit.unregister(gc.freeze)  # here once, however often a process calls this
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _run(words: list[str]) -> int:
    from ebpfc.cli.ebpfc_arguments import parse_arguments

    return _command(parse_arguments(words))


def _command(arguments: argparse.Namespace) -> int:
    if arguments.command == "inspect":
        from ebpfc.cli.ebpfc_inspect import run_inspect

        return run_inspect(arguments)
    if arguments.command == "match":
        from ebpfc.cli.ebpfc_match import run_match

        return run_match(arguments)
    if arguments.command == "lint":
        from ebpfc.cli.ebpfc_lint import run_lint

        return run_lint(arguments)
    from ebpfc.cli.ebpfc_compile import run_compile

    return run_compile(arguments)
