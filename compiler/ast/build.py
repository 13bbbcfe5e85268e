"""Text → AST: parse, then build; everything that is wrong with the text goes into the sink.

In: a file of a `SourceMap`, or the text of one expression. Out: a `SourceTree` or a `Match` whose spans point into
the text as read; None when it does not parse. With errors in the sink a tree may hold stand-ins: stop before using it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ebpfc.compiler.ast.build_statements import CONSTANT_RULES, FLAT_RULES, HANDLERS
from ebpfc.compiler.ast.explain import explain, explain_layout, too_deep
from ebpfc.compiler.ast.fold import Context, TooDeepError, fold
from ebpfc.compiler.ast.nodes import Match, SourceTree, Span
from ebpfc.compiler.ast.plan import plan_of
from ebpfc.compiler.ast.stop import look_around, without_statement
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.source import SourceMap
from ebpfc.grammar import (
    MAX_DEPTH,
    LayoutError,
    Reader,
    UnreadableError,
    collector_off,
    parse_expression_tree,
    parse_tree,
    read_statements,
)

if TYPE_CHECKING:
    from lark import Token, Tree

_Built = TypeVar("_Built")
_MOST_ERRORS = 20
"""Errors of syntax reported for one file."""


def _one(_children: int) -> int:
    return 1


def _operators(children: int) -> int:
    return children // 2


_NESTING: dict[str, Callable[[int], int]] = {
    **dict.fromkeys(("paren", "scalar_group", "id_group", "tag_group", "arith_group", "access"), _one),
    **dict.fromkeys(("negation", "id_not", "minus", "block"), _one),
    **dict.fromkeys(("and_chain", "or_chain", "id_and", "id_or", "arith"), _operators),
}
"""What counts as nesting: brackets, blocks, `not`, unary minus, and the operators of one chain."""


def parse_source(sources: SourceMap, file: int, sink: Sink) -> SourceTree | None:
    """The AST of one file of the map; None after errors of syntax."""
    return _parse(sources, file, sink, _build_source, most=_MOST_ERRORS)


def parse_expression(text: str, sources: SourceMap, sink: Sink) -> Match | None:
    """The AST of one match given as text (`-e`); None after errors of syntax. The text joins `sources`."""
    file = sources.add_text("<expression>", text)
    if not text.strip():
        hint = "write a match: `tcp dst port 22`"
        sink.error("PF0203", "the expression is empty", Span(file, 0, len(text)), "nothing to match", (hint,))
        return None
    return _parse(sources, file, sink, _build_expression, most=1)


def build_ast(tree: Tree[Token], context: Context) -> SourceTree:
    """The AST of a whole file. Raises TooDeepError."""
    result: SourceTree = _fold(tree, context)
    return result


def build_expression(tree: Tree[Token], context: Context) -> Match:
    """The AST of one match. Raises TooDeepError."""
    result: Match = _fold(tree, context)
    return result


def _fold(tree: Tree[Token], context: Context) -> Any:
    with collector_off():
        return fold(tree, context, HANDLERS, _NESTING, FLAT_RULES, MAX_DEPTH).value


def _build_source(text: str, context: Context) -> SourceTree:
    """The AST of a whole file. Raises as `parse_tree` and `build_ast`."""
    before = len(context.sink.items)

    def new_shape(tree: Tree[Token], tokens: list[Token]) -> Reader:
        return plan_of(tree, tokens, context, HANDLERS, _NESTING, FLAT_RULES, CONSTANT_RULES, MAX_DEPTH).read

    try:
        built = build_ast(read_statements(text, new_shape), context)
    except (UnreadableError, TooDeepError):
        pass
    else:
        if len(context.sink.items) == before:
            return built
    # What is wrong is said in the order of the text, once all of it is parsed.
    del context.sink.items[before:]
    return build_ast(parse_tree(text), context)


def _build_expression(text: str, context: Context) -> Match:
    return build_expression(parse_expression_tree(text), context)


def _parse(
    sources: SourceMap,
    file: int,
    sink: Sink,
    build: Callable[[str, Context], _Built],
    most: int,
) -> _Built | None:
    """Reports up to `most` errors of syntax: of several lines each may hold one, of one match only the first counts."""
    from lark import UnexpectedInput  # here, because importing it takes longer than printing the help

    text: str | None = sources.files[file].text
    failed = 0
    while text is not None and failed < most:
        try:
            built = build(text, Context(file, text, sink))
        except LayoutError as error:
            sink.items.append(explain_layout(error, text, file))
            return None
        except TooDeepError as error:
            sink.items.append(too_deep(error.span))
            return None
        except UnexpectedInput as error:
            # The rest may have mistakes of its own: it is parsed again without this statement.
            stop = look_around(error, text, file)
            sink.items.append(explain(stop))
            text = without_statement(stop)
            failed += 1
        else:
            return None if failed else built
    return None
