"""Which packets of a frame are tracked? In: a policy, a frame's own packet. Out: the layers of that frame.

ADR 0004, rules 1 and 18: the frame's own packet, and that inside each encapsulation inside which a rule of the policy
asks `state` or counts connections, whether that rule is reached or not. An encapsulation is its kind and its port; the
number that a rule asks for (`vxlan 5`) says which packets the rule is about, not which are tracked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ebpfc.compiler.ast.nodes import (
    And,
    Block,
    ConnectionsGuard,
    Encap,
    EncapKind,
    Match,
    Named,
    Not,
    Or,
    Paren,
    Policy,
    Rule,
    StateTest,
)
from ebpfc.testing.semantics.encapsulations import Asked, ask, is_there, read_field
from ebpfc.testing.semantics.inside import inside
from ebpfc.testing.semantics.packet import Packet

WITH_NETWORK_NUMBER = ("vxlan", "geneve")


class Opening(NamedTuple):
    """An encapsulation as a rule asks for it; of a kind without a port, port 0."""

    kind: EncapKind
    port: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A packet that is tracked, and what it lies in; `kind` is None for the frame's own.

    `vni` is None where a VXLAN or Geneve header has one that is not there; 0 of every other kind.
    """

    packet: Packet
    kind: EncapKind | None = None
    vni: int | None = 0


def layer_inside(own: Packet, opening: Opening) -> Layer | None:
    """What is inside that encapsulation of the frame; None where it is not known to be there."""
    asked = ask(opening.kind, own, opening.port)
    packet = inside(asked) if is_there(asked) else None
    return None if packet is None else Layer(packet, opening.kind, _vni(asked))


def _vni(asked: Asked) -> int | None:
    return read_field(asked, "vni") if asked.kind in WITH_NETWORK_NUMBER else 0


# ---------------------------------------------------------------------------------------------- what the rules ask for


def openings(policy: Policy) -> tuple[Opening, ...]:
    """Every encapsulation inside which a rule asks `state` or counts connections, in the order of the text. Raises
    ValueError for one inside another, which no checked policy has."""
    found: dict[Opening, None] = {}
    _ask_body(policy.body, _Open(), found)
    return tuple(found)


class _Open(NamedTuple):
    """What is open at one place of the text; `tagged`: a `vlan` came after it."""

    opening: Opening | None = None
    second: bool = False
    tagged: bool = False

    def behind(self, encap: Encap) -> _Open:
        """`mpls` right behind `mpls` opens the same packet (ADR 0002, rule 4); `pppoed` opens nothing."""
        if encap.kind == "pppoed":
            return self
        if encap.kind == "vlan":
            return self._replace(tagged=True)
        if self.opening is None:
            return _Open(Opening(encap.kind, ask(encap.kind, None, encap.port).port))
        if encap.kind == "mpls" == self.opening.kind and not self.tagged and not self.second:
            return self
        return _Open(self.opening, second=True)


def _ask_body(body: tuple[Rule | Block, ...], around: _Open, found: dict[Opening, None]) -> None:
    for entry in body:
        behind = around if entry.match is None else _ask_chain(entry.match, around, found)
        if any(isinstance(guard, ConnectionsGuard) for guard in entry.guards):
            _ask(behind, found)
        if isinstance(entry, Block):
            _ask_body(entry.body, behind, found)
            orelse = entry.orelse or ()
            _ask_body((orelse,) if isinstance(orelse, Block) else orelse, around, found)


def _ask_chain(match: Match, around: _Open, found: dict[Opening, None]) -> _Open:
    """What is open at the chain's end; what its members open by themselves is closed there."""
    here = around
    for item in match.items if isinstance(match, And) else (match,):
        match item:
            case Encap():
                here = here.behind(item)
            case StateTest():
                _ask(here, found)
            case Not(inner) | Paren(inner) | Named(_, inner):
                _ask_chain(inner, here, found)
            case Or(items):
                for one in items:
                    _ask_chain(one, here, found)
            case And():
                _ask_chain(item, here, found)
    return here


def _ask(here: _Open, found: dict[Opening, None]) -> None:
    if here.second:
        raise ValueError("connections inside two encapsulations are not part of a checked policy")
    if here.opening is not None:
        found[here.opening] = None
