"""Connections: what their tracking asks of the parse, the tests of their state, the views that its templates print.

In: the declaration of `track`, a hook's plan. Out: requests to the plan, conditions, `TrackView` (the policy's) and
`TrackedView` (a layer's in one hook). Law: docs/adr/0004-connections.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.codegen.condition import Condition, Text, render
from ebpfc.compiler.codegen.encaps import encap_true
from ebpfc.compiler.codegen.plan import LAYER_NAMES, NEVER_OPENS, Plan
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.state import TrackDecl

_STATES = {"new": "NEW", "established": "ESTABLISHED_STATE", "related": "RELATED", "invalid": "INVALID"}
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
    *(("ports", 0, 2), ("ports", 2, 2), ("tcp", 13, 1), ("icmp", 0, 1), ("ether", 0, 6), ("tag1", 0, 2), ("tag2", 0, 2)),
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
class TrackedView:
    name: str
    inside: bool
    framed: bool
    around: str
    kinds: tuple[KindView, ...]


def build_track(declared: TrackDecl) -> TrackView:
    times = dict(declared.timeouts)
    tcp = tuple((state, times[name]) for state, name in _TCP_TIMEOUTS.items())
    others = {name: times[name] for name in ("udp", "udp_stream", "icmp", "icmpv6", "generic")}
    return TrackView(declared.loose, declared.size, tcp, **others)


def state_is(test: ir.StateIs, negated: bool = False) -> Condition:
    """The state is the test's, or is known to be another: that of a packet inside that is not there is unknown."""
    state = f"w->{LAYER_NAMES[test.layer]}_track.state"
    if not negated:
        return Text(f"{state} == {_STATES[test.state]}")
    other = f"{state} != {_STATES[test.state]}"
    return Text(f"({state} != LOOK && {other})" if test.layer else other)


def ask_tracking(declared: TrackDecl, plan: Plan) -> None:
    """What the key and the segment are read from."""
    for layer in declared.layers:
        if layer > plan.deepest:
            continue  # no rule of this hook opens it
        names = _FACTS if layer == 0 else (*_FACTS, "EXISTS")
        plan.fact(layer, *names)
        for base, offset, size in _READS:
            if base not in ("ether", "tag1", "tag2") or plan.may_be_framed(layer):
                plan.slot(ir.Load(layer, base, offset, size))
        for what in ("l3", "l4", "proto"):
            plan.keep(layer, what)
        for encap in _around(plan, layer):
            if encap.name in _WITH_VNI:
                plan.slot(ir.Load(layer - 1, encap.base, 4, 3))
    plan.tracked = tuple(layer for layer in declared.layers if layer <= plan.deepest)


def tracked_layers(plan: Plan) -> tuple[TrackedView, ...]:
    return tuple(_tracked(plan, layer) for layer in plan.tracked)


def _tracked(plan: Plan, layer: int) -> TrackedView:
    kinds = tuple(
        KindView(render(encap_true(e, plan)), _KINDS[e.name], e.name in _WITH_VNI) for e in _around(plan, layer)
    )
    around = LAYER_NAMES[layer - 1] if layer else ""
    return TrackedView(LAYER_NAMES[layer], layer > 0, plan.may_be_framed(layer), around, kinds)


def _around(plan: Plan, layer: int) -> tuple[ir.EncapIs, ...]:
    """The encapsulations in which the packet of a layer may lie."""
    if not layer:
        return ()
    return tuple(e for e in plan.layers[layer - 1].encaps if e.name not in NEVER_OPENS)
