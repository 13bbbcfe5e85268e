"""Diagnostics to the user: on standard error as text, or on standard output as JSON.

In: diagnostics and the sources that they point into. Out: nothing but what is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from ebpfc.cli.output import printable, wants_colour
from ebpfc.compiler.diagnostics.model import Diagnostic
from ebpfc.compiler.diagnostics.render import render_json, render_text
from ebpfc.compiler.source import SourceMap


def print_diagnostics(diagnostics: Sequence[Diagnostic], sources: SourceMap, arguments: argparse.Namespace) -> None:
    """`--quiet` leaves warnings out, `--json` prints one object, `--raw` adds the toolchain's own words."""
    shown = tuple(d for d in diagnostics if d.severity == "error" or not arguments.quiet)
    if arguments.json:
        json.dump({"diagnostics": render_json(shown, sources)}, sys.stdout, indent=2)
        print()
        return
    if not shown:
        return
    print(render_text(shown, sources, wants_colour(arguments.color, sys.stderr)).rstrip("\n"), file=sys.stderr)
    for words in (d.raw for d in shown if d.raw):
        if arguments.raw:
            print(*(f"  | {printable(line)}" for line in words.splitlines()), sep="\n", file=sys.stderr)
        else:
            print("  = note: --raw adds the compiler's own words", file=sys.stderr)
