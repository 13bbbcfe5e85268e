"""A parse tree → whatever its handlers make of it, from the leaves up, without recursion.

In: a tree of any depth. Out: what the handler of its root returns. A handler is called with the values of its node's
children (tokens as they are) and the node's span. Recursion would end at Python's limit for text that a user can write;
here too much depth is TooDeepError, at the node where it is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.diagnostics.model import Sink

if TYPE_CHECKING:
    from lark import Token, Tree


@dataclass(frozen=True, slots=True)
class Context:
    """What every handler needs besides its node: the file that spans name, its text, and where findings go."""

    file: int
    text: str
    sink: Sink


Kids: TypeAlias = list[Any]
Handler: TypeAlias = Callable[[Context, Kids, Span], Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What was made of a part of the tree before, in its place: its offsets, and how deep it nests."""

    value: Any
    start: int
    end: int
    depth: int


class TooDeepError(Exception):
    """The tree nests deeper than allowed; `span` is the place where."""

    def __init__(self, span: Span) -> None:
        super().__init__(f"too deep at {span.start}")
        self.span = span


def fold(
    tree: Tree[Token],
    context: Context,
    handlers: Mapping[str, Handler],
    nesting: Mapping[str, Callable[[int], int]],
    flat: frozenset[str],
    max_depth: int,
) -> Done:
    """What `handlers[tree.data]` returns, and its place; leaves are tokens, or Done. `nesting` says by rule name how
    much a node of n children adds to the depth; the handler of a rule in `flat` gets all tokens under the node instead
    of its children.

    Raises TooDeepError. A rule without a handler is a KeyError, a mistake of ours.
    """
    from lark import Tree

    # A frame is a node under way: its children that are done, with the place they span and how deep they nest.
    top = _flattened(tree) if tree.data in flat else tree
    frames: list[tuple[Tree[Token], Kids, list[int]]] = [(top, [], [-1, 0, 0])]
    while True:
        node, kids, extent = frames[-1]
        if len(kids) < len(node.children):
            child: Any = node.children[len(kids)]
            if isinstance(child, Tree):
                frames.append((_flattened(child) if child.data in flat else child, [], [-1, 0, 0]))
            elif isinstance(child, Done):
                kids.append(child.value)
                _extend(extent, child.start, child.end, child.depth)
            else:
                kids.append(child)
                _extend(extent, child.start_pos or 0, child.end_pos or 0, 0)
            continue
        frames.pop()
        span = Span(context.file, max(extent[0], 0), extent[1])
        name = str(node.data)
        depth = extent[2] + (nesting[name](len(kids)) if name in nesting else 0)
        if depth > max_depth:
            raise TooDeepError(span)
        value = handlers[name](context, kids, span)
        if not frames:
            return Done(value, span.start, span.end, depth)
        frames[-1][1].append(value)
        if extent[0] >= 0:
            _extend(frames[-1][2], extent[0], extent[1], depth)


def _extend(extent: list[int], start: int, end: int, depth: int) -> None:
    if extent[0] < 0:
        extent[0] = start
    extent[1] = end
    extent[2] = max(extent[2], depth)


def _flattened(tree: Tree[Token]) -> Tree[Token]:
    from lark import Tree

    tokens: list[Token | Tree[Token]] = []
    waiting: list[Token | Tree[Token]] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tree):
            waiting.extend(reversed(item.children))
        else:
            tokens.append(item)
    return Tree(tree.data, tokens)
