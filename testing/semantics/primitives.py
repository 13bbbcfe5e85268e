"""tcpdump's primitives. In: one resolved atom and its scope. Out: its truth of the packet that is open there.

Where one of several protocols or both directions may be meant, the truths are joined by Kleene's or: a packet known to
be IPv4 is known to be neither ARP nor IPv6, so only its own header counts.
"""

from __future__ import annotations

from collections.abc import Callable

from ebpfc.compiler.ast.nodes import Cast, Dir, FragmentTest, Mac, MalformedTest, Primitive, ProtoTest, TcpFlags, Value
from ebpfc.compiler.fields import PROTOCOLS
from ebpfc.testing.semantics.headers import is_absent, read_header
from ebpfc.testing.semantics.kleene import Truth, kleene_and, kleene_or
from ebpfc.testing.semantics.malformed import malformed
from ebpfc.testing.semantics.packet import IPV4, IPV6, Packet
from ebpfc.testing.semantics.scope import Scope
from ebpfc.testing.semantics.values import (
    ALL_IPV4,
    has_ipv4,
    has_ipv6,
    holds,
    holds_ipv4,
    holds_ipv6,
    members,
)

IPV4_ADDRESSES = {"ip": (12, 16), "arp": (14, 24), "rarp": (14, 24)}
"""Source and destination in each header that carries IPv4 addresses; ARP's are sender and target (rule 6)."""
IPV6_ADDRESSES = (8, 24)
ETHER_ADDRESSES = (6, 0)
PORT_PROTOCOLS = ("tcp", "udp", "sctp")
PORTS = (0, 2)


def primitive(test: Primitive, scope: Scope) -> Truth:
    """`[proto] [dir] [type] value`."""
    scope = scope.reading(test.outer)
    packet = scope.packet
    if packet is None:
        return None
    match test.type:
        case "port" | "portrange":
            return _port(scope, test.proto, test.dir, test.value)
        case "proto":
            return _protocol_number(scope, packet, test.proto, test.value)
        case "protochain":
            return _protocol_chain(scope, packet, test.proto, test.value)
        case "host" | "net" | None:
            if any(isinstance(item, Mac) for item in members(test.value)):
                return _ether_host(scope, test.dir, test.value)
            return _address(scope, test.proto, test.dir, test.value)


def _ether_host(scope: Scope, direction: Dir | None, value: Value) -> Truth:
    return _in_header(scope, "ether", ETHER_ADDRESSES, 6, direction, lambda n: holds(value, n))


def _address(scope: Scope, proto: str | None, direction: Dir | None, value: Value) -> Truth:
    """`host` and `net`: of `proto`, or of every protocol that carries addresses of the families in `value`."""
    truths: list[Truth] = []
    for name, sides in IPV4_ADDRESSES.items():
        if proto in (name, None) and has_ipv4(value):
            truths.append(_in_header(scope, name, sides, 4, direction, lambda n: holds_ipv4(value, n)))
    if proto in ("ip6", None) and has_ipv6(value):
        truths.append(_in_header(scope, "ip6", IPV6_ADDRESSES, 16, direction, lambda n: holds_ipv6(value, n)))
    return kleene_or(truths)


def _port(scope: Scope, proto: str | None, direction: Dir | None, value: Value) -> Truth:
    """Of `proto`, or of TCP, UDP or SCTP (rule 17)."""
    protocols = PORT_PROTOCOLS if proto is None else (proto,)
    return kleene_or(_in_header(scope, name, PORTS, 2, direction, lambda n: holds(value, n)) for name in protocols)


def _in_header(
    scope: Scope,
    proto: str,
    sides: tuple[int, int],
    size: int,
    direction: Dir | None,
    test: Callable[[int], bool],
) -> Truth:
    """Does the number at the source's offset of the header, the destination's, either or both, hold?"""
    if is_absent(scope, proto):
        return False

    def compare(offset: int) -> Truth:
        there = read_header(scope, proto, offset, size)
        return None if there is None else test(there)

    source, destination = sides
    match direction:
        case "src":
            return compare(source)
        case "dst":
            return compare(destination)
        case "src and dst":
            return kleene_and((compare(source), compare(destination)))
        case "src or dst" | None:
            return kleene_or((compare(source), compare(destination)))


def _protocol_number(scope: Scope, packet: Packet, proto: str | None, value: Value) -> Truth:
    """`proto N`: of IPv4's byte 9, of IPv6's transport or a header on the way (15, 16), of the EtherType (4)."""
    if proto == "ether":
        return _ethertype(scope, packet, value)
    families = (IPV4,) if proto == "ip" else (IPV6,) if proto == "ip6" else (IPV4, IPV6)
    return kleene_or(packet.has_protocol(family, lambda number: holds(value, number)) for family in families)


def _ethertype(scope: Scope, packet: Packet, value: Value) -> Truth:
    """The EtherType at bytes 12-13, or after as many tags as the chain has opened; an IP packet alone has none."""
    if packet.link is None:
        return False
    ethertypes = packet.link.ethertypes
    return _compare(ethertypes[scope.tags] if scope.tags < len(ethertypes) else None, lambda n: holds(value, n))


def _protocol_chain(scope: Scope, packet: Packet, proto: str | None, value: Value) -> Truth:
    """ADR 0002, rule 10: `ip6 proto N`, or IPv4's protocol or the one behind one authentication header."""
    if proto == "ip6":
        return _protocol_number(scope, packet, "ip6", value)
    authenticated = (
        False if is_absent(scope, "ah") else _compare(read_header(scope, "ah", 0, 1), lambda n: holds(value, n))
    )
    over_ipv4 = kleene_and(
        (packet.has_type(IPV4), kleene_or((_protocol_number(scope, packet, "ip", value), authenticated)))
    )
    return over_ipv4 if proto == "ip" else kleene_or((over_ipv4, _protocol_number(scope, packet, "ip6", value)))


def protocol(test: ProtoTest, scope: Scope) -> Truth:
    """A protocol's name alone (rules 5 and 16; `stp`: ADR 0002, rule 9)."""
    packet = scope.reading(test.outer).packet
    if packet is None:
        return None
    if test.proto == "stp":
        return packet.is_stp
    row = PROTOCOLS[test.proto]
    return packet.has_type(row.ethertypes[0]) if row.level == "net" else packet.has_transport(test.proto)


def cast(test: Cast, scope: Scope) -> Truth:
    """`broadcast` and `multicast`, as libpcap reads them: of Ethernet unless `ip` or `ip6` is written."""
    scope = scope.reading(test.outer)
    proto = "ether" if test.proto is None else test.proto
    if is_absent(scope, proto):
        return False
    match proto, test.kind:
        case "ether", "broadcast":
            return _compare(read_header(scope, proto, 0, 6), lambda n: n == (1 << 48) - 1)
        case "ether", "multicast":
            return _compare(read_header(scope, proto, 0, 1), lambda n: bool(n & 1))
        case "ip", "multicast":
            return _compare(read_header(scope, proto, 16, 1), lambda n: n >= 224)
        case "ip6", "multicast":
            return _compare(read_header(scope, proto, 24, 1), lambda n: n == 255)
        case "ip", "broadcast" if scope.netmask is not None:
            hosts = ~scope.netmask & ALL_IPV4
            return _compare(read_header(scope, proto, 16, 4), lambda n: n & hosts in (0, hosts))
        case _:
            raise ValueError(f"{proto} {test.kind} is not part of a checked policy")


def _compare(there: int | None, test: Callable[[int], bool]) -> Truth:
    return None if there is None else test(there)


def tcp_flags(test: TcpFlags, scope: Scope) -> Truth:
    """Byte 13 of the TCP header, RFC 9293 section 3.1."""
    scope = scope.reading(test.outer)
    if is_absent(scope, "tcp"):
        return False
    return _compare(read_header(scope, "tcp", 13, 1), lambda flags: flags & test.mask == test.value)


def fragment(test: FragmentTest, scope: Scope) -> Truth:
    """Rule 18."""
    packet = scope.reading(test.outer).packet
    if packet is None:
        return None
    return packet.ip_fact({"any": "fragment", "first": "first", "last": "last"}[test.kind])


def is_malformed(test: MalformedTest, scope: Scope) -> Truth:
    """Rule 22."""
    packet = scope.reading(test.outer).packet
    return None if packet is None else malformed(packet)
