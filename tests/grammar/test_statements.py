"""Statements read by their shape are those that lark's parse tree gives, to the last place in the text."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Token, Tree, UnexpectedInput

from ebpfc.compiler.ast.build import build_ast, parse_source
from ebpfc.compiler.ast.fold import Context, TooDeepError
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.source import SourceMap
from ebpfc.grammar import (
    LayoutError,
    Piece,
    Reader,
    UnreadableError,
    blank_line_ends,
    parse_tree,
    parser,
    read_statements,
    token_of,
)
from ebpfc.testing.policy_text import damaged, policy_texts, token_soup


def placed(node: object) -> object:
    """The node with its places, which comparison leaves out."""
    if isinstance(node, tuple):
        return tuple(placed(item) for item in node)
    if is_dataclass(node):
        return (type(node), *(placed(getattr(node, part.name)) for part in fields(node)))
    return node


def keep(tree: Tree[Token], tokens: list[Token]) -> Reader:
    """A reader that makes nothing."""
    return lambda pieces: pieces


@given(st.lists(policy_texts(), min_size=1, max_size=3), st.integers(1, 2))
def test_the_same_tree_as_parsed_at_once(texts: list[str], times: int) -> None:
    text = "".join(texts * times)
    sources, sink = SourceMap(), Sink()
    file = sources.add_text("rules.pf", text)
    read = parse_source(sources, file, sink)
    plain = Sink()
    try:
        at_once = build_ast(parse_tree(text), Context(file, text, plain))
    except TooDeepError:
        assert read is None
        return
    assert placed(read) == placed(at_once)
    assert sink.items == plain.items


@given(st.one_of(token_soup(), damaged(policy_texts())))
def test_refuses_what_the_parser_refuses(text: str) -> None:
    try:
        parse_tree(text)
        parses = True
    except LayoutError:
        return
    except UnexpectedInput:
        parses = False
    try:
        read_statements(text, keep)
    except UnreadableError:
        assert not parses
    else:
        assert parses


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("drop tcp dst port 1\npass udp dst port 2\ndrop tcp dst port 3\n", 2),
        ("drop port 1\n  drop   port 0x2 # the same\ndrop port {3}\n", 2),
        ("if vlan 5 {\n    drop port 1\n} else {\n    drop port 2\n}\ndrop port 3\n", 1),
        ("a: pass\nb: pass\n", 1),
    ],
)
def test_each_shape_is_parsed_once(text: str, shapes: int) -> None:
    seen: list[list[Token]] = []

    def new_shape(tree: Tree[Token], tokens: list[Token]) -> Reader:
        seen.append(tokens)
        return keep(tree, tokens)

    read_statements(text, new_shape)
    assert len(seen) == shapes


@given(policy_texts())
def test_tokens_are_those_of_the_lexer(text: str) -> None:
    """Of the statements of one line: their types, texts and offsets."""
    met: list[Piece] = []

    def reader(pieces: list[Piece]) -> None:
        met.extend(pieces)

    read_statements(text, lambda tree, tokens: reader)
    told = {
        token.start_pos: (token.type, str(token), token.end_pos) for token in parser().lex(blank_line_ends(text) + "\n")
    }
    for piece in met:
        token = token_of(piece)
        assert told[token.start_pos] == (token.type, str(token), token.end_pos)
