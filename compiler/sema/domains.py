"""What a place in a policy takes: ports, VLAN identifiers, addresses of one family or both, the numbers of a field.

In: a qualifier (`tcp dst port`), a field (`ip.ttl`), a key (`src`) or an encapsulation (`vlan`). Out: a `Domain`, the
bounds, words and kinds of the values that may stand there. Domains are compared by identity: each is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Literal

from ebpfc.compiler import names
from ebpfc.compiler.ast.nodes import EncapKind, FieldRef, IdType, KeyField
from ebpfc.compiler.fields import FIELDS, Field

Kind = Literal["number", "address", "mac"]
_NO_WORDS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """`what` reads after "takes": "a port". `words` are the names that stand for a number here.

    `families` are the IP versions that an address may have; `prefixes` says whether `10.0.0.0/8` may stand there, and
    `short_nets` whether `10` is tcpdump's spelling of 10.0.0.0/8.
    """

    what: str
    kind: Kind
    high: int = 0
    low: int = 0
    words: Mapping[str, int] = field(default_factory=lambda: _NO_WORDS)
    families: tuple[int, ...] = ()
    prefixes: bool = False
    short_nets: bool = False


PORT = Domain("a port", "number", 65535, words=names.SERVICES)
IP_PROTOCOL = Domain("an IP protocol", "number", 255, words=names.IP_PROTOCOLS)
ETHERTYPE = Domain("an EtherType", "number", 0xFFFF, 1501, words=names.ETHERTYPES)
VLAN_ID = Domain("a VLAN identifier", "number", 4095)
INTERFACE = Domain("an interface index", "number", 0xFFFFFFFF)
WORD32 = Domain("a number of 32 bits", "number", 0xFFFFFFFF, words=names.PCAP_CONSTANTS)
MAC = Domain("a MAC address", "mac")
_ENCAPSULATIONS: dict[str, Domain] = {
    "vlan": VLAN_ID,
    "vxlan": Domain("a VXLAN network identifier", "number", 0xFFFFFF),
    "geneve": Domain("a Geneve network identifier", "number", 0xFFFFFF),
    "gre": Domain("a GRE key", "number", 0xFFFFFFFF),
    "gtp": Domain("a tunnel endpoint identifier", "number", 0xFFFFFFFF),
    "mpls": Domain("an MPLS label", "number", 0xFFFFF),
    "pppoes": Domain("a PPPoE session", "number", 0xFFFF),
}

_FAMILY_NAMES = {(4,): "an IPv4 address", (6,): "an IPv6 address", (4, 6): "an IP address"}
_FAMILIES: dict[str | None, tuple[int, ...]] = {None: (4, 6), "ip": (4,), "arp": (4,), "rarp": (4,), "ip6": (6,)}


@cache
def address_domain(families: tuple[int, ...], prefixes: bool, short_nets: bool = False) -> Domain:
    what = _FAMILY_NAMES[families]
    return Domain(f"{what} or net" if prefixes else what, "address", families=families, prefixes=prefixes,
                  short_nets=short_nets)  # fmt: skip


@cache
def field_domain(proto: str, name: str, *, in_set: bool = True) -> Domain:
    """What `proto.name` is compared with; nets only `in_set`. Raises KeyError for an unknown field."""
    row: Field = FIELDS[proto, name]
    match row.kind:
        case "ipv4":
            return address_domain((4,), in_set)
        case "ipv6":
            return address_domain((6,), in_set)
        case "mac":
            return MAC
        case "number":
            words = {**names.PCAP_CONSTANTS, **names.FIELD_NAMES.get((proto, name), {})}
            return Domain(
                f"a number of {row.bits} bit{'s' if row.bits > 1 else ''}", "number", (1 << row.bits) - 1, words=words
            )


@cache
def operand_domain(proto: str, name: str) -> Domain:
    """A number in arithmetic with `proto.name`: the field's words, and 32 bits whatever its width."""
    return replace(WORD32, words=field_domain(proto, name).words)


@cache
def bytes_domain(size: int) -> Domain:
    """What `proto[off:size]` is compared with."""
    return Domain(f"a number of {8 * size} bits", "number", (1 << 8 * size) - 1, words=names.PCAP_CONSTANTS)


def qualifier_domain(proto: str | None, kind: IdType | None) -> Domain | None:
    """What stands after `[proto] [dir] [kind]`; None when those words make no sense together.

    Source: pcap-filter(7), and gen_host(), gen_port(), gen_proto() of libpcap, which refuse the same.
    """
    match kind:
        case "port" | "portrange":
            return PORT if proto in (None, "tcp", "udp", "sctp") else None
        case "proto" | "protochain":
            if proto == "ether":
                return ETHERTYPE if kind == "proto" else None
            return IP_PROTOCOL if proto in (None, "ip", "ip6") else None
        case "host" | "net" | None:
            if proto == "ether":
                return None if kind == "net" else MAC
            families = _FAMILIES.get(proto)
            return None if families is None else address_domain(families, kind != "host", kind == "net")


def key_domain(text: str) -> Domain | None:
    """What a field in qualifier words (`src`, `tcp dst port`, `vlan`) may be a member of; None if it makes no sense."""
    match text.split():
        case [kind] if kind in _ENCAPSULATIONS:
            return _ENCAPSULATIONS[kind]
        case ["ifindex"]:
            return INTERFACE
        case ["proto"] | ["ip" | "ip6", "proto"]:
            return IP_PROTOCOL
        case ["ether", "proto"]:
            return ETHERTYPE
        case ["ether", "src" | "dst"]:
            return MAC
        case ["src" | "dst"]:
            return address_domain((4, 6), True)
        case ["src" | "dst", "port"] | ["tcp" | "udp" | "sctp", "src" | "dst", "port"]:
            return PORT
        case ["ip" | "ip6" | "arp" | "rarp" as proto, "src" | "dst"]:
            return address_domain(_FAMILIES[proto], True)
        case _:
            return None


_VALUES = {"geneve": "vni", "gre": "key", "gtp": "teid", "mpls": "label", "pppoes": "session"}


def encap_field(key: KeyField) -> FieldRef | None:
    """The field that an encapsulation before `in` stands for (`mpls` for `mpls.label`); tags and VXLAN have a test."""
    return FieldRef(key.text, _VALUES[key.text], span=key.span) if key.text in _VALUES else None


def encap_domain(kind: EncapKind) -> Domain:
    """What stands after `vlan`, `vxlan` ...; raises KeyError for `ipip` and `pppoed`, which take no value."""
    return _ENCAPSULATIONS[kind]
