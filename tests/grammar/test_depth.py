"""Nesting: 200 deep is read and printed, one more is refused at once; so is anything far beyond, in any shape."""

from __future__ import annotations

import time

import pytest

from ebpfc.compiler.ast.build import parse_expression, parse_source
from ebpfc.compiler.ast.nodes import Match, SourceTree
from ebpfc.compiler.ast.printer import print_match, print_tree
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.source import SourceMap

SHAPES = {
    "parentheses": lambda n: "(" * n + "tcp" + ")" * n,
    "parentheses round a value": lambda n: "(" * n + "web" + ")" * n,
    "parentheses round arithmetic": lambda n: "(" * n + "len" + ")" * n + " == 1",
    "values in parentheses": lambda n: "port " + "(" * n + "80" + ")" * n,
    "accesses": lambda n: "ip[" * n + "0" + "]" * n + " == 1",
    "not": lambda n: "not " * n + "tcp",
    "not after a qualifier": lambda n: "port " + "not " * n + "80",
    "minus": lambda n: "- " * n + "1 == 1",
    "and": lambda n: "tcp and " * n + "tcp",
    "or": lambda n: "tcp or " * n + "tcp",
    "values joined by or": lambda n: "port (" + "80 or " * (n - 1) + "80)",
    "sum": lambda n: "1 + " * n + "1 == 1",
    "product": lambda n: "1 * " * n + "1 == 1",
}


def parsed(text: str) -> tuple[Match | None, list[str]]:
    sink = Sink()
    return parse_expression(text, SourceMap(), sink), [item.code for item in sink.items]


@pytest.mark.parametrize("shape", SHAPES)
def test_two_hundred_are_read_and_printed(shape: str) -> None:
    match, codes = parsed(SHAPES[shape](200))
    assert codes == []
    assert match is not None
    assert parsed(print_match(match))[0] == match


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [201, 10_000])
def test_more_are_refused_at_once(shape: str, count: int) -> None:
    started = time.process_time()
    match, codes = parsed(SHAPES[shape](count))
    assert (match, codes) == (None, ["PF0206"])
    assert time.process_time() - started < 5


def test_levels_of_different_kinds_add_up() -> None:
    text = "not " * 100 + "(" * 100 + "1 * " * 50 + "1 + " * 50 + "1 == 1" + ")" * 100
    assert parsed(text) == (None, ["PF0206"])


BLOCKS = {
    "blocks": lambda n: "if tcp {\n" * n + "}\n" * n,
    "else if": lambda n: "if tcp {\n}" + " else if tcp {\n}" * (n - 1) + "\n",
}


@pytest.mark.parametrize("shape", BLOCKS)
def test_blocks_nest_two_hundred_deep_and_no_deeper(shape: str) -> None:
    def read(text: str) -> tuple[SourceTree | None, list[str]]:
        sources, sink = SourceMap(), Sink()
        return parse_source(sources, sources.add_text("x", text), sink), [item.code for item in sink.items]

    tree, codes = read(BLOCKS[shape](200))
    assert codes == []
    assert tree is not None
    assert read(print_tree(tree))[0] == tree
    for count in (201, 10_000):
        assert read(BLOCKS[shape](count)) == (None, ["PF0206"])


@pytest.mark.parametrize(
    "text",
    ["(" * 1_000_000, "{}" * 200_000, '"' * 1_000_000, "1:" * 500_000, "1." * 500_000, "a-" * 500_000, "\n" * 1_000_000,
     "9" * 1_000_000, "drop port {" + "80, " * 100_000 + "80}", " " * 1_000_000, "\\\n" * 500_000, "and " * 250_000],
    ids=["parentheses", "braces", "quotes", "colons", "dots", "dashes", "line ends", "digits", "set", "blanks",
         "continuations", "words"],
)  # fmt: skip
def test_long_texts_take_no_more_than_five_seconds(text: str) -> None:
    started = time.process_time()
    sources = SourceMap()
    parse_source(sources, sources.add_text("x", text), Sink())
    assert time.process_time() - started < 5
