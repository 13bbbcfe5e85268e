"""One test of the language → a predicate over the open packet. Law: docs/adr/0001-packet-facts.md.

tcpdump's words stand for several headers at once: `src host 10.0.0.1` is a field of IPv4, of ARP and of RARP. Each
becomes the Kleene `or` of its headers' tests; a packet has one of them, so the others are false.
"""

from __future__ import annotations

from collections.abc import Callable

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.fields import IPV6_EXTENSIONS, PROTOCOLS
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir.ranges import Ranges, complement, relation
from ebpfc.compiler.lower import arith, values
from ebpfc.compiler.lower.scope import Scope

MAC_ALL = (1 << 48) - 1
SPANNING_TREE = 0x42
"""The DSAP of IEEE 802.1D."""
_ENCAP_VALUES = {"vxlan": "vni", "geneve": "vni", "gre": "key", "gtp": "teid", "mpls": "label", "pppoes": "session"}
_ADDRESS_PLACES = {  # (source, destination) offsets of the addresses in each header
    "ip": (12, 16),
    "arp": (14, 24),
    "rarp": (14, 24),
    "ip6": (8, 24),
    "ether": (6, 0),
}


def any_of(items: list[ir.Pred]) -> ir.Pred:
    return items[0] if len(items) == 1 else ir.Or(tuple(items))


def all_of(items: list[ir.Pred]) -> ir.Pred:
    return items[0] if len(items) == 1 else ir.And(tuple(items))


def directed(direction: nodes.Dir | None, at: Callable[[int], ir.Pred]) -> ir.Pred:
    """`at(0)` is the test of the source, `at(1)` of the destination."""
    match direction:
        case "src":
            return at(0)
        case "dst":
            return at(1)
        case "src and dst":
            return ir.And((at(0), at(1)))
        case _:
            return ir.Or((at(0), at(1)))


def protocol(name: str, scope: Scope) -> ir.Pred:
    """`tcp`, `ip6`, `arp` ...: the protocol's name alone."""
    if name == "stp":
        return ir.In(ir.Load(scope.layer, "llc", 0, 1), ((SPANNING_TREE, SPANNING_TREE),))
    row = PROTOCOLS[name]
    if row.level == "net":
        return ir.TypeIs(scope.layer, row.ethertypes[0])
    if row.ipv4 is not None and row.ipv6 is not None:
        return transport(row.ipv4, scope)
    number = row.ipv4 if row.ipv4 is not None else row.ipv6
    assert number is not None
    return ip_proto(number, scope) if row.ipv4 is not None else ip6_proto(number, scope)


def ip_proto(number: int, scope: Scope) -> ir.Pred:
    return ir.And((ir.TypeIs(scope.layer, 0x0800), ir.ProtoIs(scope.layer, (number,))))


def ip6_proto(number: int, scope: Scope) -> ir.Pred:
    if number in IPV6_EXTENSIONS:
        return ir.Walked(scope.layer, number)
    return ir.And((ir.TypeIs(scope.layer, 0x86DD), ir.ProtoIs(scope.layer, (number,))))


def transport(number: int, scope: Scope) -> ir.Pred:
    """The protocol over either family; an extension header's number means that header over IPv6."""
    if number in IPV6_EXTENSIONS:
        return ir.Or((ip_proto(number, scope), ir.Walked(scope.layer, number)))
    return ir.ProtoIs(scope.layer, (number,))


def primitive(node: nodes.Primitive, scope: Scope) -> ir.Pred:
    kind = node.type
    if kind in ("port", "portrange"):
        return ports(node, scope)
    if kind == "proto":
        return protos(node, scope)
    if kind == "protochain":
        return chain(node.proto, values.numbers(node.value), scope)
    return hosts(node, scope)


def ports(node: nodes.Primitive, scope: Scope) -> ir.Pred:
    wanted = values.numbers(node.value)
    base = node.proto or "ports"
    if base in ("ip", "ip6"):
        family = protocol(base, scope)
        return ir.And((family, directed(node.dir, lambda i: ir.In(ir.Load(scope.layer, "ports", 2 * i, 2), wanted))))
    return directed(node.dir, lambda i: ir.In(ir.Load(scope.layer, base, 2 * i, 2), wanted))


def protos(node: nodes.Primitive, scope: Scope) -> ir.Pred:
    wanted = values.numbers(node.value)
    if node.proto == "ether":
        load = ir.Load(scope.layer, f"tag{scope.tags}", 2, 2) if scope.tags else ir.Load(scope.layer, "ether", 12, 2)
        return ir.In(load, wanted)
    return protocol_numbers(node.proto, wanted, scope)


def protocol_numbers(family: str | None, wanted: Ranges, scope: Scope) -> ir.Pred:
    """The protocol is one of `wanted`: of IPv4, of IPv6 (extension headers too), or of either."""
    listed = [n for low, high in wanted for n in range(low, min(high, 255) + 1)]
    plain = tuple(n for n in listed if n not in IPV6_EXTENSIONS)
    special = [n for n in listed if n in IPV6_EXTENSIONS]
    out: list[ir.Pred] = []
    if family in (None, "ip"):
        out.append(ir.And((ir.TypeIs(scope.layer, 0x0800), ir.ProtoIs(scope.layer, tuple(listed)))))
    if family in (None, "ip6"):
        if plain:
            out.append(ir.And((ir.TypeIs(scope.layer, 0x86DD), ir.ProtoIs(scope.layer, plain))))
        out.extend(ir.Walked(scope.layer, n) for n in special)
    return any_of(out)


def chain(family: str | None, wanted: Ranges, scope: Scope) -> ir.Pred:
    """`protochain`: over IPv4 behind one authentication header too; over IPv6 as `proto` (ADR 0002, rule 10)."""
    over: list[ir.Pred] = []
    if family in (None, "ip"):
        behind = ir.In(ir.Load(scope.layer, "ah", 0, 1), wanted)
        over.append(ir.And((protocol("ip", scope), ir.Or((protocol_numbers("ip", wanted, scope), behind)))))
    if family in (None, "ip6"):
        over.append(protocol_numbers("ip6", wanted, scope))
    return any_of(over)


def encap_value(kind: str, scope: Scope) -> ir.Expr:
    """What stands behind the word: a VNI, a key, a TEID, a label, a session."""
    return arith.field(kind, _ENCAP_VALUES[kind], scope)


def hosts(node: nodes.Primitive, scope: Scope) -> ir.Pred:
    """`host`, `net` and what has no type: addresses of the header named, or of each that has them."""
    wanted = values.addresses(node.value)
    if node.proto == "ether" or wanted.mac:
        places = _ADDRESS_PLACES["ether"]
        return directed(node.dir, lambda i: ir.In(ir.Load(scope.layer, "ether", places[i], 6), wanted.mac))
    families = [node.proto] if node.proto else ["ip", "arp", "rarp", "ip6"]

    def at(i: int) -> ir.Pred:
        out: list[ir.Pred] = []
        for base in families:
            load = ir.Load(scope.layer, base, _ADDRESS_PLACES[base][i], 16 if base == "ip6" else 4)
            if base == "ip6":
                out.extend([ir.In(load, wanted.ipv6)] if wanted.ipv6 else [])
                continue
            if wanted.ipv4:
                out.append(ir.In(load, wanted.ipv4))
            out.extend(ir.In(ir.Bin("&", load, ir.Const(mask)), ((v, v),)) for v, mask in wanted.masked)
        return any_of(out)

    return directed(node.dir, at)


def cast(node: nodes.Cast, scope: Scope, netmask: int | None) -> ir.Pred:
    if node.proto == "ip6":
        return ir.In(ir.Load(scope.layer, "ip6", 24, 1), ((0xFF, 0xFF),))
    if node.proto == "ip" and node.kind == "multicast":
        return ir.In(ir.Load(scope.layer, "ip", 16, 1), ((0xE0, 0xFF),))
    if node.proto == "ip":
        assert netmask is not None
        hosts_part = netmask ^ 0xFFFFFFFF
        masked = ir.Bin("&", ir.Load(scope.layer, "ip", 16, 4), ir.Const(hosts_part))
        return ir.In(masked, tuple(sorted({(0, 0), (hosts_part, hosts_part)})))
    if node.kind == "broadcast":
        return ir.In(ir.Load(scope.layer, "ether", 0, 6), ((MAC_ALL, MAC_ALL),))
    return ir.In(ir.Bin("&", ir.Load(scope.layer, "ether", 0, 1), ir.Const(1)), ((1, 1),))


def relation_test(node: nodes.Relation, scope: Scope) -> ir.Pred:
    left = arith.expression(node.left, scope)
    if isinstance(node.right, nodes.IPv4 | nodes.IPv6 | nodes.Mac):
        wanted = values.addresses(node.right)
        ranges = wanted.ipv4 or wanted.ipv6 or wanted.mac
        return ir.In(left, _address_relation(node.op, ranges, ir.width(left)))
    right = arith.expression(node.right, scope)
    if ir.width(left) > 32 and isinstance(right, ir.Const):
        return ir.In(left, relation(node.op, right.value, ir.width(left)))
    return ir.Compare(node.op, left, right)


def _address_relation(op: str, ranges: Ranges, bits: int) -> Ranges:
    low, high = ranges[0]
    match op:
        case "==":
            return ranges
        case "!=":
            return complement(ranges, bits)
        case "<" | "<=":
            return relation(op, low if op == "<" else high, bits)
        case _:
            return relation(op, high if op == ">" else low, bits)


def member(node: nodes.Member, scope: Scope) -> ir.Pred:
    assert isinstance(node.items, nodes.SetLiteral) and len(node.keys) == 1, "a table is looked up elsewhere"
    key = node.keys[0]
    if isinstance(key, nodes.KeyField):
        return key_member(key, node.items, scope)
    expr = arith.expression(key, scope)
    if node.items.items and isinstance(node.items.items[0], nodes.Number | nodes.NumberRange):
        return ir.In(expr, values.numbers(node.items))
    wanted = values.addresses(node.items)
    return ir.In(expr, wanted.ipv4 or wanted.ipv6 or wanted.mac)


def key_member(key: nodes.KeyField, items: nodes.SetLiteral, scope: Scope) -> ir.Pred:
    """`src in {...}`, `dst port in {...}`, `ether src in {...}`, `proto in`, `vlan in` ..., `ifindex in`."""
    words = key.text.split()
    match words[-1]:
        case "vlan":
            return ir.In(arith.field("vlan", "id", scope), values.numbers(items))
        case "vxlan" | "geneve" | "gre" | "gtp" | "mpls" | "pppoes":
            return ir.In(encap_value(words[-1], scope), values.numbers(items))
        case "ifindex":
            return ir.In(ir.Meta("ifindex"), values.numbers(items))
        case "proto":
            if words[0] == "ether":
                return protos(nodes.Primitive("ether", None, "proto", items), scope)
            return protocol_numbers(words[0] if len(words) > 1 else None, values.numbers(items), scope)
        case "port":
            proto = words[0] if words[0] not in ("src", "dst") else None
            return ports(nodes.Primitive(proto, "src" if "src" in words else "dst", "port", items), scope)
    way: nodes.Dir = "src" if words[-1] == "src" else "dst"
    return hosts(nodes.Primitive(words[0] if len(words) > 1 else None, way, "host", items), scope)


def tcp_flags(node: nodes.TcpFlags, scope: Scope) -> ir.Pred:
    flags = ir.Load(scope.layer, "tcp", 13, 1)
    return ir.In(ir.Bin("&", flags, ir.Const(node.mask)), ((node.value, node.value),))
