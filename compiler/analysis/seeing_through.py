"""Which tests look behind tags, and which behind IPv6's extension headers. In: an atom. Out: yes or no."""

from __future__ import annotations

from collections.abc import Iterator

from ebpfc.compiler.ast.nodes import (
    Access,
    Arith,
    Atom,
    Binary,
    Cast,
    Encap,
    FieldRef,
    FragmentTest,
    Group,
    KeyField,
    Mac,
    MalformedTest,
    Member,
    Negate,
    Primitive,
    ProtoTest,
    Relation,
    SetLiteral,
    TcpFlags,
)
from ebpfc.compiler.fields import PROTOCOLS

_BESIDE_TAGS = ("ether", "vlan", "meta")
_TUNNELS = ("vxlan", "geneve", "gtp", "gre", "ipip")


def sees_through(atom: Atom) -> bool:
    """Does it read what the tags carry?"""
    match atom:
        case Primitive(proto, value=value):
            items = value.items if isinstance(value, SetLiteral) else (value,)
            return proto != "ether" and not any(isinstance(item, Mac) for item in items)
        case Cast(proto):
            return proto in ("ip", "ip6")
        case Encap(kind):
            return kind != "vlan"
        case ProtoTest() | TcpFlags() | FragmentTest() | MalformedTest():
            return True
        case Relation() | Member():
            return any(proto not in _BESIDE_TAGS for proto in _protocols_of(atom))
        case _:
            return False


def reads_ethernet(atom: Atom) -> bool:
    """Does it read the Ethernet header, where what is open has one?"""
    match atom:
        case Primitive(proto):
            return proto == "ether"
        case Cast(proto):
            return proto in (None, "ether")
        case Relation() | Member():
            return "ether" in _protocols_of(atom)
        case _:
            return False


def reads_transport(atom: Atom) -> bool:
    """Does it read bytes that a later fragment does not have?"""
    match atom:
        case Primitive(type="port" | "portrange") | TcpFlags():
            return True
        case Encap(kind):
            return kind in _TUNNELS
        case Relation() | Member():
            return any(name in PROTOCOLS and PROTOCOLS[name].level == "transport" for name in _protocols_of(atom))
        case _:
            return False


def walks_extensions(atom: Atom) -> bool:
    """Does it ask, over IPv6, for what stands behind the extension headers?"""
    match atom:
        case Primitive(proto, type="port" | "portrange"):
            return True
        case Primitive(proto, type="proto"):
            return proto in (None, "ip6")
        case ProtoTest(proto):
            return _over_ipv6(proto)
        case TcpFlags():
            return True
        case Encap(kind):
            return kind in _TUNNELS
        case Relation() | Member():
            return any(_over_ipv6(proto) for proto in _protocols_of(atom))
        case _:
            return False


def over_ipv4(atom: Atom) -> bool:
    """Can it be true of a packet of IPv4?"""
    names = _protocols_of(atom) if isinstance(atom, Relation | Member) else ()
    return not any(name == "ip6" or (_over_ipv6(name) and PROTOCOLS[name].ipv4 is None) for name in names)


def _over_ipv6(proto: str) -> bool:
    row = PROTOCOLS.get(proto)
    return row is not None and row.level == "transport" and row.ipv6 is not None


def _protocols_of(atom: Relation | Member) -> Iterator[str]:
    """Names of the protocols whose bytes are read; of a field in qualifier words, one that is read as it is."""
    sides: tuple[object, ...] = (atom.left, atom.right) if isinstance(atom, Relation) else atom.keys
    for side in sides:
        if isinstance(side, KeyField):
            words = side.text.split()
            if words[-1] in ("port", "proto"):
                yield "tcp"
            elif words[0] == "ether" or words[0] == "ifindex":
                yield "ether"
            else:
                yield "vlan" if words[0] == "vlan" else "ip"
        elif isinstance(side, Access | FieldRef | Binary | Group | Negate):
            yield from _named(side)


def _named(node: Arith) -> Iterator[str]:
    match node:
        case Access(proto, offset):
            yield proto
            yield from _named(offset)
        case FieldRef(proto):
            yield proto
        case Binary(_, left, right):
            yield from _named(left)
            yield from _named(right)
        case Negate(operand) | Group(operand):
            yield from _named(operand)
        case _:
            pass
