"""Which captured frames a match holds of, by the reference. In: a match as text, frames. Out: the frames that match.

Needs neither compiler nor kernel: the text is parsed and checked, then judged by `testing.semantics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ebpfc.compiler.analysis.atoms import atoms
from ebpfc.compiler.ast.build import parse_expression
from ebpfc.compiler.ast.nodes import Atom, DirectionTest, IfindexTest, KeyField, Match, Member, Span
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.sema import build_expression_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.runtime.capture import Frame as CapturedFrame
from ebpfc.testing.semantics import Frame, Judge


def judge_of(expression: str, sources: SourceMap, netmask: int | None = None) -> Judge:
    """Raises PolicyError for a match that the compiler refuses, and for one that asks what no capture holds."""
    sink = Sink()
    match = parse_expression(expression, sources, sink)
    policy = None if match is None else build_expression_policy(match, sources, sink, netmask=netmask)
    sink.raise_if_errors()
    assert match is not None and policy is not None
    _check_askable(match, sink)
    sink.raise_if_errors()
    return Judge(policy)


def select(judge: Judge, frames: Iterable[CapturedFrame]) -> Iterator[CapturedFrame]:
    """Of a frame captured in part, the bytes that are not there are missing; `len` is its length on the wire."""
    for captured in frames:
        if judge.decide(Frame(captured.data, length=captured.length), "inbound").verdict == "pass":
            yield captured


def _check_askable(match: Match, sink: Sink) -> None:
    """A capture holds frames and times: neither direction nor device."""
    for atom in atoms(match):
        if (found := _beside_the_frame(atom)) is not None:
            word, span = found
            hint = "leave it out; tcpdump knows it of a live device only"
            sink.error("PF0702", f"a capture does not tell {word}", span, "not in a capture", (hint,))


def _beside_the_frame(atom: Atom) -> tuple[str, Span] | None:
    """What is asked besides the frame, and where. A mark is asked by no expression: it is checked for XDP."""
    match atom:
        case DirectionTest(span=span):
            return "the direction of a packet", span
        case IfindexTest(span=span) | Member(keys=(KeyField("ifindex"),), span=span):
            return "the device of a packet", span
        case _:
            return None
