"""A predicate and a kind of usual packet in, what is left of the predicate out: no tests of headers any more.

In a kind of packet every header is known to be there or not to be, so tests of them are true or false:

    (and (proto 0 6) (in (load 0 ip 12 4) 1-1))   in IPv4 with protocol 6   →   (in (load 0 ip 12 4) 1-1)

What the kind alone does not settle (what stands behind extension headers, another EtherType) is unusual.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.ir import program as ir

IPV4, IPV6 = 0x0800, 0x86DD
TYPES = {IPV4: "ETH_P_IP", IPV6: "ETH_P_IPV6", 0x0806: "ETH_P_ARP", 0x8035: "ETH_P_RARP"}
HEADER = {IPV4: 20, IPV6: 40}
"""Bytes of the IP header: IPv4's without options."""
NEXT_HEADER = {IPV4: 9, IPV6: 6}
"""The byte of the IP header that names the protocol."""
Told = ir.TypeIs | ir.ProtoIs | ir.TagIs | ir.Walked | ir.FragmentIs
"""Tests of headers that a kind of packet may settle."""
BEHIND_EXTENSIONS = -1
"""As a protocol: whatever stands behind IPv6 extension headers, or none that can be found."""


class UnusualError(Exception):
    """The kind of packet does not settle it: the whole parse must."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known: so many tags; `ethertype` and `protocol`, or None: another than those that are asked for;
    `established`: it belongs to a connection that is."""

    tags: int
    ethertype: int | None
    protocol: int | None = None
    established: bool = False

    @property
    def network(self) -> int:
        """Where the header behind the tags begins, in bytes of the frame."""
        return 14 + 4 * self.tags

    @property
    def transport(self) -> int:
        assert self.ethertype is not None
        return self.network + HEADER[self.ethertype]


def decide(pred: ir.Pred, kind: Kind) -> ir.Pred:
    """The predicate in packets of this kind. Raises UnusualError."""
    match pred:
        case ir.Bool():
            return pred
        case ir.And() | ir.Or():
            return _joined(pred, kind)
        case ir.Not():
            item = decide(pred.item, kind)
            return ir.Bool(not item.value) if isinstance(item, ir.Bool) else ir.Not(item)
        case ir.In() | ir.Compare():
            return pred if all(_is_there(load, kind) for load in ir.test_loads(pred)) else ir.FALSE
        case ir.StateIs() if kind.established and not pred.layer:
            return ir.Bool(pred.state == "established")
        case ir.InTable() | ir.StateIs():
            raise UnusualError
        case _:
            return ir.Bool(_holds(pred, kind))


def _joined(pred: ir.And | ir.Or, kind: Kind) -> ir.Pred:
    """One item that is false (of an Or: true) settles it, whatever the others are."""
    settles, unusual = ir.Bool(isinstance(pred, ir.Or)), False
    items: list[ir.Pred] = []
    for item in pred.items:
        try:
            left = decide(item, kind)
        except UnusualError:
            unusual = True
            continue
        if left == settles:
            return settles
        if not isinstance(left, ir.Bool):
            items.append(left)
    if unusual:
        raise UnusualError
    if len(items) < 2:
        return items[0] if items else ir.Bool(not settles.value)
    return type(pred)(tuple(items))


def _is_there(load: ir.Load | ir.LoadAt, kind: Kind) -> bool:
    """Whether there is the header that holds the load's bytes; they themselves are another matter."""
    absent = decide(ir.Or(ir.absences(load.layer, load.base)), kind)
    return absent == ir.FALSE


def _holds(test: ir.HeaderTest, kind: Kind) -> bool:
    if not isinstance(test, Told) or test.layer:
        raise UnusualError
    if kind.protocol == BEHIND_EXTENSIONS and not isinstance(test, ir.TypeIs | ir.TagIs):
        raise UnusualError
    match test:
        case ir.TypeIs():
            if kind.ethertype is None and test.ethertype not in TYPES:
                raise UnusualError
            return kind.ethertype == test.ethertype
        case ir.ProtoIs():
            return kind.protocol in test.numbers
        case ir.TagIs():
            return test.index <= kind.tags
        case ir.Walked() | ir.FragmentIs():
            return False
