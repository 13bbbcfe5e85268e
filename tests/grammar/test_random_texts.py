"""Random texts: what parses prints back to itself; what does not ends in diagnostics, soon, never in a crash."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ebpfc.compiler.ast.build import parse_expression, parse_source
from ebpfc.compiler.ast.printer import print_match, print_tree
from ebpfc.compiler.diagnostics.codes import CODES
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.diagnostics.render import render_json, render_text
from ebpfc.compiler.source import SourceMap
from ebpfc.testing.policy_text import damaged, match_texts, policy_texts, token_soup

QUICK = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def only_values_are_wrong(sink: Sink) -> bool:
    """Syntax is right; a value, or operators side by side, may still be refused."""
    return all(item.code in ("PF0207", "PF0208") or item.code.startswith("PF04") for item in sink.items)


@QUICK
@given(match_texts())
def test_matches_parse_and_print_back(text: str) -> None:
    sources, sink = SourceMap(), Sink()
    match = parse_expression(text, sources, sink)
    assert match is not None, sink.items
    assert only_values_are_wrong(sink), sink.items
    again = parse_expression(print_match(match), sources, Sink())
    assert again == match
    assert print_match(again) == print_match(match)


@QUICK
@given(policy_texts())
def test_policies_parse_and_print_back(text: str) -> None:
    sources, sink = SourceMap(), Sink()
    tree = parse_source(sources, sources.add_text("policy", text), sink)
    assert tree is not None, sink.items
    printed = print_tree(tree)
    again = parse_source(sources, sources.add_text("printed", printed), Sink())
    assert again is not None
    assert again.statements == tree.statements


@QUICK
@given(st.one_of(token_soup(), damaged(policy_texts()), damaged(match_texts()), st.text(), st.binary().map(repr)))
@example("drop ip6 or\n\\\n")
@example("if tcp {\n} else {\n}\n}")
@example('A"\n"0')
def test_any_text_ends_in_a_tree_or_in_diagnostics(text: str) -> None:
    for parse_as_policy in (True, False):
        sources, sink = SourceMap(), Sink()
        started = time.process_time()
        if parse_as_policy:
            result: object = parse_source(sources, sources.add_text("policy", text), sink)
        else:
            result = parse_expression(text, sources, sink)
        assert time.process_time() - started < 5
        assert (result is not None) or sink.failed
        for item in sink.items:
            assert item.code in CODES
            assert item.span.file == 0
            assert 0 <= item.span.start <= item.span.end <= len(text)
        shown = render_text(sink.items, sources, colour=False)
        assert all(character == "\n" or character.isprintable() for character in shown)
        assert len(render_json(sink.items, sources)) == len(sink.items)
