"""One expression's truth of one frame. In: the text of a match, a frame. Out: True, False, or None for unknown.

For tables of cases, and for rule authors who want to know what a match says of a packet: a policy tells true from the
rest, this tells false from unknown too.
"""

from __future__ import annotations

from collections.abc import Callable

from ebpfc.compiler.ast.build import parse_expression
from ebpfc.compiler.ast.nodes import Direction
from ebpfc.compiler.diagnostics.model import PolicyError, Sink
from ebpfc.compiler.sema import build_expression_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.testing.semantics import Frame, Truth
from ebpfc.testing.semantics.elision import write_out
from ebpfc.testing.semantics.match import evaluate
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.scope import whole_frame


def truth_of(
    expression: str, frame: Frame | bytes, *, direction: Direction = "inbound", netmask: int | None = None
) -> Truth:
    """Raises PolicyError for an expression that the compiler refuses."""
    return truth_test(expression, direction=direction, netmask=netmask)(frame)


def truth_test(
    expression: str, *, direction: Direction = "inbound", netmask: int | None = None
) -> Callable[[Frame | bytes], Truth]:
    """The same, for many frames. Raises PolicyError as `truth_of`."""
    sources, sink = SourceMap(), Sink()
    match = parse_expression(expression, sources, sink)
    policy = None if match is None else build_expression_policy(match, sources, sink, netmask=netmask)
    sink.raise_if_errors()
    if policy is None or policy.rules[0].match is None:
        raise PolicyError(tuple(sink.items))
    written = write_out(policy.rules[0].match)

    def truth(frame: Frame | bytes) -> Truth:
        seen = frame if isinstance(frame, Frame) else Frame(frame)
        return evaluate(written, whole_frame(seen, direction, netmask, decode(seen)))[0]

    return truth
