"""Three readings of one pcap expression: the reference's, libpcap's, and what the documented differences make of it.

In: the text of an expression, frames. Out: every disagreement, and how often each difference applied. `compare` says
nothing of an expression that one of the two refuses: that is `refusal`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ebpfc.compiler.ast.build import parse_expression
from ebpfc.compiler.ast.nodes import Match
from ebpfc.compiler.diagnostics.model import PolicyError, Sink
from ebpfc.compiler.sema import build_expression_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.testing.differences import NotJudgedError, judge
from ebpfc.testing.libpcap import LibpcapFilter
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.elision import write_out
from ebpfc.testing.semantics.match import evaluate
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.scope import whole_frame


@dataclass
class Tally:
    """`applied` counts frames by the number of a difference, 0 for none; `unjudged` those without a rule to ask by."""

    compared: int = 0
    matched: int = 0
    unjudged: int = 0
    applied: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.compared += other.compared
        self.matched += other.matched
        self.unjudged += other.unjudged
        self.applied += other.applied
        self.failures += other.failures


def read_expression(text: str) -> Match:
    """As the compiler understands it, elisions written out. Raises PolicyError."""
    sources, sink = SourceMap(), Sink()
    match = parse_expression(text, sources, sink)
    policy = None if match is None else build_expression_policy(match, sources, sink, netmask=NETMASK)
    sink.raise_if_errors()
    if policy is None or policy.rules[0].match is None:
        raise PolicyError(tuple(sink.items))
    return write_out(policy.rules[0].match)


def read_by_libpcap(text: str) -> LibpcapFilter:
    """Before libpcap's optimiser, which 1.10.3 gets wrong: `net fd00::/40 and not net fd00::/40` can match after it.

    Raises ValueError.
    """
    return LibpcapFilter(text, NETMASK, optimize=False)


def refusal(text: str) -> tuple[str, ...] | None:
    """The codes with which we refuse what libpcap takes; None when we take it, or neither does."""
    try:
        read_expression(text)
    except PolicyError as error:
        codes = tuple(item.code for item in error.diagnostics if item.severity == "error")
    else:
        return None
    try:
        read_by_libpcap(text)
    except ValueError:
        return None
    return codes


def compare(text: str, match: Match, theirs: LibpcapFilter, frames: list[bytes]) -> Tally:
    """Where no difference applies, both must say the same; else ours must be as documented."""
    tally = Tally()
    for data in frames:
        frame = Frame(data)
        ours = evaluate(match, whole_frame(frame, "inbound", NETMASK, decode(frame)))[0]
        tally.compared += 1
        tally.matched += ours is True
        try:
            verdict = judge(match, data, NETMASK)
        except NotJudgedError:
            tally.unjudged += 1
            continue
        tally.applied.update(verdict.differences or {0})
        # Behind two authentication headers libpcap may walk for ever: it is asked only where no difference applies.
        said = None if verdict.differences else theirs.matches(data)
        if ours is not verdict.truth or (said is not None and said is not (ours is True)):
            answers = f"reference {ours}, by the rule {verdict.truth}, libpcap {said}"
            tally.failures.append(f"{text}: {answers}, differences {sorted(verdict.differences)}: {data.hex()}")
    return tally
