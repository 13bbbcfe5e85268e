"""The parse tree of one statement → a plan that makes the AST of every statement of the same shape, from tokens alone.

In: a tree whose leaves are the tokens of the statement. Out: a `Plan`, whose `read` calls the handlers that `fold`
would call on the tree, in the same order with the same children and spans. A node is known by a number: first come the
tokens, then the nodes of the tree from the leaves up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ebpfc.compiler.ast.fold import Context, Done, Handler, Kids, fold
from ebpfc.compiler.ast.nodes import Span
from ebpfc.grammar import Piece, token_of

if TYPE_CHECKING:
    from lark import Token, Tree


@dataclass(frozen=True, slots=True)
class Step:
    """One node: the numbers of its children, and of the tokens that it begins and ends with."""

    handler: Handler
    kids: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`known` are the values of nodes that hang on keywords alone, None for all others; `tokens` those that a handler
    is given."""

    context: Context
    steps: tuple[tuple[int, Step], ...]
    tokens: tuple[int, ...]
    known: tuple[Any, ...]
    depth: int

    def read(self, pieces: list[Piece]) -> Done:
        """The AST of a statement of this shape."""
        context, values = self.context, list(self.known)
        file = context.file
        for number in self.tokens:
            values[number] = token_of(pieces[number])
        for number, step in self.steps:
            _, text, last = pieces[step.last]
            span = Span(file, pieces[step.first][2], last + len(text))
            values[number] = step.handler(context, [values[kid] for kid in step.kids], span)
        _, text, last = pieces[-1]
        return Done(values[-1], pieces[0][2], last + len(text), self.depth)


def plan_of(
    tree: Tree[Token],
    tokens: list[Token],
    context: Context,
    handlers: Mapping[str, Handler],
    nesting: Mapping[str, Callable[[int], int]],
    flat: frozenset[str],
    constant: frozenset[str],
    max_depth: int,
) -> Plan:
    """Arguments as of `fold`; the handlers of rules in `constant` look at keywords only. Raises TooDeepError."""
    begins = {token.start_pos: number for number, token in enumerate(tokens)}
    ends = {token.end_pos: number for number, token in enumerate(tokens)}
    known: list[Any] = [None] * len(tokens)
    steps: list[tuple[int, Step]] = []

    def noting(name: str, handler: Handler) -> Handler:
        def note(context: Context, kids: Kids, span: Span) -> int:
            """The node's number."""
            if name in constant:
                known.append(handler(context, [known[kid] if type(kid) is int else kid for kid in kids], span))
            else:
                known.append(None)
                numbers = tuple(kid if type(kid) is int else begins[kid.start_pos] for kid in kids)
                steps.append((len(known) - 1, Step(handler, numbers, begins[span.start], ends[span.end])))
            return len(known) - 1

        return note

    noted = {name: noting(name, handler) for name, handler in handlers.items()}
    depth = fold(tree, context, noted, nesting, flat, max_depth).depth
    given = tuple(sorted({kid for _, step in steps for kid in step.kids if kid < len(tokens)}))
    return Plan(context, tuple(steps), given, tuple(known), depth)
