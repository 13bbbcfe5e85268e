"""`ebpfc inspect OUT`: an object's file in, what stands in it out, as text or as JSON.

The file may come from anywhere: each string of it is made printable, and a manifest that is not as docs/manifest.md
says is shown as far as it makes sense.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ebpfc.cli.messages import print_diagnostics
from ebpfc.cli.output import printable
from ebpfc.compiler.diagnostics.model import Diagnostic, Sink
from ebpfc.compiler.source import SourceMap
from ebpfc.compiler.toolchain.btf import MapRecord, Record
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.inspect import LARGEST_OBJECT, ObjectReport, inspect_object

TEXT_LIMIT = 100


def run_inspect(arguments: argparse.Namespace) -> int:
    """Exit code: 0 shown, 1 the file cannot be read, 3 not a BPF object."""
    try:
        with Path(arguments.object).open("rb") as stream:
            raw = stream.read(LARGEST_OBJECT + 1)
    except (OSError, ValueError) as error:
        return _unreadable(arguments, error)
    try:
        report = inspect_object(raw)
    except ToolchainError as error:
        print_diagnostics((error.diagnostic,), SourceMap(), arguments)
        return 3
    if arguments.json:
        json.dump(asdict(report), sys.stdout, indent=2, sort_keys=True)
        print()
    else:
        print(*(printable(line) for line in describe(report)), sep="\n")
    return 0


def _unreadable(arguments: argparse.Namespace, error: OSError | ValueError) -> int:
    """The same messages as for a source."""
    sink = Sink()
    name = printable(arguments.object)
    if SourceMap().read(Path(arguments.object), sink, shown=name) is not None or not sink.items:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        sink.items[:] = [Diagnostic("PF0108", "error", f"{name} cannot be read: {reason.lower()}")]
    print_diagnostics(tuple(sink.items), SourceMap(), arguments)
    return 1


def describe(report: ObjectReport) -> Iterator[str]:
    """The lines of the text form, not made printable yet."""
    manifest = report.manifest if report.manifest is not None else {}
    yield from _heading(report, manifest)
    yield ""
    yield "programs                   section              instructions  stack"
    for program in report.programs:
        calls = f"  calls {', '.join(program.calls)}" if program.calls else ""
        yield f"  {program.name:<24} {program.section:<20} {program.instructions:>12} {program.stack:>6}{calls}"
    if report.functions:
        yield "functions                                       instructions  stack"
        for function in report.functions:
            yield f"  {function.name:<45} {function.instructions:>12} {function.stack:>6}"
    if report.maps:
        yield "maps                       type                      entries  key, value in bytes"
        for found in report.maps:
            yield f"  {found.name:<24} {found.type:<20} {found.max_entries:>12}  {_sizes(found)}"
    if report.data:
        yield "data                                                   bytes"
        for data in report.data:
            yield f"  {data.section:<45} {data.size:>12}"
    yield from _runs(manifest)
    yield from _rules(manifest)


def _heading(report: ObjectReport, manifest: Mapping[str, Any]) -> Iterator[str]:
    btf = "with lines of the rules" if report.has_line_info else "without lines" if report.has_btf else "none"
    yield f"object     {report.size} bytes, licence {report.license or 'none'}, BTF {btf}"
    if not manifest:
        yield "manifest   none: not made by ebpfc"
        return
    compiler = manifest.get("compiler")
    by = f"{compiler.get('name')} {compiler.get('version')}" if isinstance(compiler, dict) else "an unknown compiler"
    yield f"policy     {_short(manifest.get('policy'))}, by ebpfc {_short(manifest.get('ebpfc'))} with {by}"
    yield f"kernel     {_short(manifest.get('kernel'))} or later"
    for hook in _objects(manifest.get("hooks")):
        direction = "outbound" if str(hook.get("hook", "")).endswith("egress") else "inbound"
        defaults = manifest.get("defaults")
        default = defaults.get(direction) if isinstance(defaults, dict) else None
        yield f"hook       {_short(hook.get('hook'))}: program {_short(hook.get('program'))}, default {_short(default)}"


def _runs(manifest: Mapping[str, Any]) -> Iterator[str]:
    runs = _objects(manifest.get("runs"))
    if not runs:
        return
    yield "looked up  rules                    tables, nanoseconds by estimate"
    for run in runs:
        rules = f"{run.get('first')}-{run.get('last')}"
        shown = f"{_short(run.get('hook'))}: " + "; ".join(map(_forest, _objects(run.get("forests"))))
        yield f"  {_short(run.get('rules')):>7}  {_short(rules):<24} {_short(shown)}"


def _forest(forest: Mapping[str, Any]) -> str:
    trees, size = forest.get("trees"), forest.get("bytes")
    kilobytes = f"{size / 1000:.0f} KB" if isinstance(size, int) else f"{size}"
    return f"{trees} {'tree' if trees == 1 else 'trees'}, {kilobytes}, about {forest.get('ns')} ns"


def _rules(manifest: Mapping[str, Any]) -> Iterator[str]:
    rules = _objects(manifest.get("rules"))
    if not rules:
        return
    yield "rules      place                    text"
    for rule in rules:
        place = f"{rule.get('file')}:{rule.get('line')}"
        yield f"  {_short(rule.get('number')):>5}    {_short(place):<24} {_short(rule.get('text'))}"


def _sizes(found: MapRecord) -> str:
    return ", ".join(str(part.size) if isinstance(part, Record) else "-" for part in (found.key, found.value))


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _short(value: object) -> str:
    text = str(value).partition("\n")[0]
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 3]}..."
