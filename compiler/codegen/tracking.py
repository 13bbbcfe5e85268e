"""Connections: what their tracking asks of the parse, the tests of their state, the views that its templates print.

In: the declaration of `track`, a hook's plan. Out: requests to the plan, conditions, `TrackView` (the policy's) and
`TrackedView` (a layer's in one hook). Law: docs/adr/0004-connections.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.codegen.condition import Condition, Number, Text, Within, render
from ebpfc.compiler.codegen.encaps import encap_true
from ebpfc.compiler.codegen.keyed import listed
from ebpfc.compiler.codegen.plan import LAYER_NAMES, Plan
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import complement, normal
from ebpfc.compiler.ir.state import CountDecl, TrackDecl

_STATES = {"new": "NEW", "established": "ESTABLISHED_STATE", "related": "RELATED", "invalid": "INVALID"}
_NUMBERS = ("STATELESS", *_STATES.values(), "LOOK")
"""As templates/track.h.j2 numbers them."""
STATE_BITS = 8
_TCP_TIMEOUTS = {
    "SYN_SENT": "tcp_syn_sent",
    "SYN_SENT2": "tcp_syn_sent",
    "SYN_RECV": "tcp_syn_recv",
    "ESTABLISHED": "tcp_established",
    "FIN_WAIT": "tcp_fin_wait",
    "CLOSE_WAIT": "tcp_close_wait",
    "LAST_ACK": "tcp_last_ack",
    "TIME_WAIT": "tcp_time_wait",
    "CLOSE": "tcp_close",
}
_KINDS: dict[ir.EncapName, int] = {
    "vxlan": 1, "geneve": 2, "gre": 3, "gre-key": 3, "ipip": 4, "gtp": 5, "mpls-1": 6, "pppoes": 7,
}  # fmt: skip
"""Numbers of encapsulations in a connection's key; 0 is the frame's own packet."""
_WITH_VNI = ("vxlan", "geneve")
_READS = (
    *(("ip", 12, 4), ("ip", 16, 4), ("ip6", 8, 16), ("ip6", 24, 16)),
    *(("ports", 0, 2), ("ports", 2, 2), ("tcp", 13, 1), ("icmp", 0, 1)),
    *(("ether", 0, 6), ("tag1", 0, 2), ("tag2", 0, 2)),
)
_FACTS = ("TYPE", "IP", "IP6", "PROTO", "PLACE", "FRAGMENT", "FRAGMENT_KNOWN", "LATER", "TAG1", "TAG2")


@dataclass(frozen=True, slots=True)
class TrackView:
    """Times in ns; `tcp` by the name of the state in C."""

    loose: bool
    size: int
    tcp: tuple[tuple[str, int], ...]
    udp: int
    udp_stream: int
    icmp: int
    icmpv6: int
    generic: int


@dataclass(frozen=True, slots=True)
class KindView:
    """An encapsulation in which the packet may lie: when it does, its number, whether it has a VNI."""

    condition: str
    number: int
    vni: bool


@dataclass(frozen=True, slots=True)
class MadeView:
    """What to do with a connection that was made, where it lies in the encapsulation that is meant."""

    condition: str
    statement: str


@dataclass(frozen=True, slots=True)
class TrackedView:
    name: str
    inside: bool
    framed: bool
    around: str
    kinds: tuple[KindView, ...]
    made: tuple[MadeView, ...]


def build_track(declared: TrackDecl) -> TrackView:
    times = dict(declared.timeouts)
    tcp = tuple((state, times[name]) for state, name in _TCP_TIMEOUTS.items())
    others = {name: times[name] for name in ("udp", "udp_stream", "icmp", "icmpv6", "generic")}
    return TrackView(declared.loose, declared.size, tcp, **others)


def state_is(test: ir.StateIs, plan: Plan, negated: bool = False) -> Condition:
    """The state is the test's, or is known to be another: that of a packet inside that is not there is unknown."""
    plan.layer(test.layer)
    state, name = Number(f"w->{LAYER_NAMES[test.layer]}_track.state", STATE_BITS), _STATES[test.state]
    asked = {_NUMBERS.index(name)}
    if not negated:
        return Within(state, normal((n, n) for n in asked), lambda: Text(f"{state.text} == {name}"))
    other = f"{state.text} != {name}"
    if test.layer:
        asked.add(_NUMBERS.index("LOOK"))
        other = f"({state.text} != LOOK && {other})"
    return Within(state, complement(normal((n, n) for n in asked), STATE_BITS), lambda: Text(other))


def kept_inside(declared: TrackDecl | None) -> tuple[ir.EncapIs, ...]:
    """The encapsulations in which connections are kept, at every hook."""
    bases = declared.within if declared is not None else ()
    return tuple(e for base in bases if (e := ir.encap_of(0, base)) is not None)


def ask_tracking(declared: TrackDecl, counts: tuple[CountDecl, ...], plan: Plan) -> tuple[TrackedView, ...]:
    """Asks for what key and segment are read from; the layers that this hook tracks."""
    encaps = kept_inside(declared)
    own = tuple(MadeView("1", listed(c, plan)) for c in counts if c.crowd.within is None)
    found = [TrackedView(LAYER_NAMES[0], False, True, "", (), own)]
    _ask(plan, 0)
    if encaps:  # though no rule of this hook may look there: one of another does
        _ask(plan, 1)
        kinds = _kinds(encaps, plan)
        found.append(
            TrackedView(LAYER_NAMES[1], True, plan.may_be_framed(1), LAYER_NAMES[0], kinds, _made_inside(counts, plan))
        )
    return tuple(found)


def _made_inside(counts: tuple[CountDecl, ...], plan: Plan) -> tuple[MadeView, ...]:
    lists = ((ir.encap_of(0, c.crowd.within), c) for c in counts if c.crowd.within is not None)
    return tuple(MadeView(render(encap_true(e, plan)), listed(c, plan)) for e, c in lists if e is not None)


def _ask(plan: Plan, layer: int) -> None:
    plan.fact(layer, *_FACTS, *(("EXISTS",) if layer else ()))
    for base, offset, size in _READS:
        if base not in ("ether", "tag1", "tag2") or plan.may_be_framed(layer):
            plan.slot(ir.Load(layer, base, offset, size))
    for what in ("l3", "l4", "proto"):
        plan.keep(layer, what)


def _kinds(encaps: tuple[ir.EncapIs, ...], plan: Plan) -> tuple[KindView, ...]:
    for encap in encaps:
        if encap.name in _WITH_VNI:
            plan.slot(ir.Load(encap.layer, encap.base, 4, 3))
    return tuple(KindView(render(encap_true(e, plan)), _KINDS[e.name], e.name in _WITH_VNI) for e in encaps)
