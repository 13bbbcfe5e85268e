"""Warnings about `default drop`: what a host needs to be reached at all, and no rule passes.

In: for each rule that passes something, what its match implies. Out: diagnostics PF0806 and PF0808. Sound: a rule that
may pass what is needed, for all that is known here, counts as one that does.
"""

from __future__ import annotations

from ebpfc.compiler.analysis.implied import Known
from ebpfc.compiler.analysis.properties import ARP, IPV4, IPV6, NEW, STATE, Property
from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.ir.ranges import contains

_ICMP6 = 58
_ECHO_REQUESTS = {"icmp[0:1]": 8, "icmp.type": 8, "icmp6[0:1]": 128, "icmp6.type": 128}
"""The types that open something, by the property that knows the type."""

ASKED: tuple[Property, ...] = tuple(((), name) for name in ("type", "proto", STATE, *_ECHO_REQUESTS))
"""All that is looked at here of what a match implies."""


def lint_neighbours(passing: list[Known], place: Span, sink: Sink) -> None:
    """A host that passes IP and drops what finds its neighbours is cut off, if only after a while."""
    stateless = [known for known in passing if ((), STATE) not in known]  # as ARP and neighbour discovery are
    if any(_may(known, IPV4) for known in passing) and not any(_may(known, ARP) for known in stateless):
        hint = "write `pass arp`"
        sink.warning("PF0806", "nothing passes ARP: IPv4 neighbours cannot be found", place, "drops ARP", (hint,))
    if any(_may(known, IPV6) for known in passing) and not any(_may(known, IPV6, _ICMP6) for known in stateless):
        hint = "write `pass icmp6[icmp6type] in {2, 133-137}`"
        message = "nothing passes neighbour discovery: IPv6 neighbours cannot be found"
        sink.warning("PF0806", message, place, "drops neighbour discovery", (hint,))


def lint_openings(passing: list[Known], place: Span, sink: Sink) -> None:
    """Of a policy whose hooks see both directions: with no packet that is new, none is ever established."""
    asks = any(((), STATE) in known for known in passing)
    if asks and not any(_may_open(known) for known in passing):
        hint = "say who may begin one: `pass outbound and state new`"
        sink.warning("PF0808", "nothing passes what begins a connection", place, "drops what is new", (hint,))


def _may_open(known: Known) -> bool:
    """Whether a packet may begin a connection: it is IP, `new` is not ruled out, and of ICMP only echo requests are."""
    if not contains(known.get(((), STATE), ((NEW, NEW),)), NEW) or not (_may(known, IPV4) or _may(known, IPV6)):
        return False
    return all(contains(known.get(((), name), ((echo, echo),)), echo) for name, echo in _ECHO_REQUESTS.items())


def _may(known: Known, kind: int, protocol: int | None = None) -> bool:
    return contains(known.get(((), "type"), ((0, 0xFFFF),)), kind) and (
        protocol is None or contains(known.get(((), "proto"), ((0, 255),)), protocol)
    )
