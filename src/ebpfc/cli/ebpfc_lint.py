"""`ebpfc lint --pcap EXPR`: a match in; where tcpdump reads the same words in another way, and an exit code, out."""

from __future__ import annotations

import argparse

from ebpfc.cli.messages import print_diagnostics
from ebpfc.compiler.analysis.pcap_differences import pcap_differences
from ebpfc.compiler.analysis.pcap_port_names import port_name_note
from ebpfc.compiler.ast.build import parse_expression
from ebpfc.compiler.diagnostics.model import Diagnostic, PolicyError, Sink
from ebpfc.compiler.sema import build_expression_policy
from ebpfc.compiler.source import SourceMap

DONE, WRONG_EXPRESSION = 0, 1


def run_lint(arguments: argparse.Namespace) -> int:
    """Prints its own messages; returns the exit code."""
    sources = SourceMap()
    try:
        notes = _notes(arguments.pcap, arguments.netmask, sources)
    except PolicyError as error:
        print_diagnostics(error.diagnostics, sources, arguments)
        return WRONG_EXPRESSION
    print_diagnostics(notes, sources, arguments)
    if not (notes or arguments.json or arguments.quiet):
        print("means to tcpdump what it means here")
    return DONE


def _notes(text: str, netmask: int | None, sources: SourceMap) -> tuple[Diagnostic, ...]:
    sink = Sink()
    match = parse_expression(text, sources, sink)
    policy = None if match is None else build_expression_policy(match, sources, sink, netmask=netmask)
    sink.raise_if_errors()
    assert match is not None and policy is not None and policy.rules[0].match is not None
    resolved = policy.rules[0].match
    names = port_name_note(match, resolved)
    return (*sink.items, *pcap_differences(resolved), *(() if names is None else (names,)))
