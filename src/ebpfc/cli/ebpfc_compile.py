"""`ebpfc RULES -o OUT` and `ebpfc check RULES`: the command line in, the object and its C written, an exit code out.

The order matters: what the command line asks for is checked before work begins, and nothing is written before all of
the work is done.
"""

from __future__ import annotations

import argparse
import sys

from ebpfc.cli.messages import print_diagnostics
from ebpfc.cli.output import OutputError, check_output, printable, write_output
from ebpfc.cli.progress import Progress
from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.compiler.pipeline import Compiled, Options, SourceInput, compile_policy, dump_names
from ebpfc.compiler.source import SourceMap
from ebpfc.compiler.toolchain.errors import ToolchainError

DONE, WRONG_RULES, USAGE, TOOLCHAIN = 0, 1, 2, 3


def run_compile(arguments: argparse.Namespace) -> int:
    """Prints its own messages; returns the exit code."""
    sources = SourceMap()
    if arguments.dump_after is not None and arguments.dump_after not in dump_names():
        print(
            f"ebpfc: no pass {printable(arguments.dump_after)}; there are: {', '.join(dump_names())}", file=sys.stderr
        )
        return USAGE
    try:
        _check_outputs(arguments, [arguments.rules] if arguments.rules is not None else [])
        with Progress(not (arguments.quiet or arguments.json)) as progress:
            progress.stage("reading the rules")
            compiled = compile_policy(_source(arguments), _options(arguments), sources, progress.stage)
            _check_outputs(arguments, [file.path for file in sources.files])
            built = _build(compiled, arguments, progress) if arguments.output is not None else None
        _write(compiled, built, arguments)
    except PolicyError as error:
        print_diagnostics(error.diagnostics, sources, arguments)
        return WRONG_RULES
    except ToolchainError as error:
        print_diagnostics((error.diagnostic,), sources, arguments)
        return TOOLCHAIN
    except OutputError as error:
        print_diagnostics((error.diagnostic,), sources, arguments)
        return USAGE
    print_diagnostics(compiled.warnings, sources, arguments)
    return DONE


def _source(arguments: argparse.Namespace) -> SourceInput:
    return SourceInput(path=arguments.rules, expression=arguments.expression)


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        kernel=arguments.kernel,
        counters=not arguments.no_counters,
        netmask=arguments.netmask,
        dump_after=arguments.dump_after,
    )


def _check_outputs(arguments: argparse.Namespace, sources: list[str]) -> None:
    for path in (arguments.output, arguments.emit_c):
        if path is not None and path != "-":
            check_output(path, sources)


def _build(compiled: Compiled, arguments: argparse.Namespace, progress: Progress) -> bytes:
    from ebpfc.compiler.toolchain.build import build_object
    from ebpfc.compiler.toolchain.find import find_compiler

    compiler = find_compiler(arguments.cc)
    progress.stage(f"compiling with {compiler.name} {compiler.version_text}")
    return build_object(compiled, compiler)


def _write(compiled: Compiled, built: bytes | None, arguments: argparse.Namespace) -> None:
    if built is not None:
        write_output(arguments.output, built)
    if compiled.dump is not None:
        sys.stdout.write(compiled.dump)
    if arguments.emit_c is not None and arguments.emit_c != "-":
        write_output(arguments.emit_c, compiled.c_text.encode("ascii", "replace"))
    elif arguments.emit_c == "-":
        sys.stdout.write(compiled.c_text)
