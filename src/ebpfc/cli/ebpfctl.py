"""The command `ebpfctl`: arguments in, an exit code out; what it takes stands in ebpfctl_arguments.py, what it
does in ebpfctl_commands.py.

Exit codes: 0 done, 1 refused or failed, 2 usage, 3 the kernel, its privileges or libbpf; 130 interrupted. Imports stay
inside the functions, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys

from ebpfc.cli.ebpfctl_arguments import build_parser

_EXIT_KERNEL = 3
_EXIT_INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Every failure is a message on stderr and an exit code; none is a traceback."""
    arguments = build_parser().parse_args(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        _quiet_stdout()
        return 0
    except Exception as problem:  # the last resort: whatever it is, the user gets a sentence
        from ebpfc.cli.ebpfctl_show import report_problem

        return report_problem(problem, raw=arguments.raw)


def _run(arguments: argparse.Namespace) -> int:
    from ebpfc.cli import ebpfctl_commands
    from ebpfc.runtime.namespaces import enter_network

    if arguments.netns:
        enter_network(arguments.netns)
    code: int = getattr(ebpfctl_commands, arguments.command)(arguments)
    sys.stdout.flush()
    return code


def _quiet_stdout() -> None:
    """The reader of our output has gone: the interpreter's last flush shall not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
