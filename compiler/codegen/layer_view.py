"""What one layer's parse must do, as the parse template reads it: from the layer's plan, frozen, no decisions left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ebpfc.compiler.codegen.plan import LAYER_NAMES, PROTO_FACTS, LayerPlan, Plan, Slot, encap_fact
from ebpfc.compiler.codegen.protocols import TYPE_FACTS
from ebpfc.compiler.fields import IPV6_EXTENSIONS, PROTOCOLS
from ebpfc.compiler.ir.program import carriers, encap_of

ETHERNET, IPV4, IPV6 = 14, 20, 40
GROUPS = ("ether", "tag1", "tag2", "ip", "ip6", "arp", "l4", "gre-key", "mpls", "pppoes", "llc")
FRAGMENT_FACTS = ("FRAGMENT", "FRAGMENT_KNOWN", "LATER", "LAST")
TAG_FACTS = ("TAG1", "TAG2", "TAG2_KNOWN")


@dataclass(frozen=True, slots=True)
class WalkedBit:
    """An extension header that a rule asks for, and its bit in what the walker returns."""

    number: int
    bit: int


@dataclass(frozen=True, slots=True)
class ProtoFact:
    number: int
    fact: str


@dataclass(frozen=True, slots=True)
class EncapView:
    """An encapsulation that rules ask for: its name in the IR, its UDP port or 0, its fact."""

    name: str
    port: int
    fact: str


@dataclass(frozen=True, slots=True)
class ProtoView:
    """One protocol's part of the parse: `header` bytes at least; `near` slots lie in the first `need` bytes.

    `ethertype` says over which IP `malformed` looks at it, None: over both.
    """

    number: int
    fact: str
    header: int
    ethertype: str | None
    need: int
    near: tuple[Slot, ...]
    near_facts: str
    far: tuple[Slot, ...]
    encaps: tuple[EncapView, ...]


class Asked(dict[str, bool]):
    """Names that were asked for; any other is simply not."""

    def __missing__(self, name: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class LayerView:
    """`near` slots lie in the fixed header, `far` behind it; `need` bytes hold what is read at once, `alone`: one slot.

    `f`, `keeps`, `tci`, `tag_type`: what is asked, by name.
    """

    name: str
    comment: str
    inside: bool  # of an encapsulation
    framed: bool  # it can begin with an Ethernet header
    alone: bool  # it can be an IP packet without one
    taken: bool  # the kernel may have taken the outermost tag out of the data
    f: Asked
    keeps: Asked
    tci: dict[int, bool]
    tag_type: dict[int, bool]
    or_malformed: str
    ether_short: tuple[Slot, ...]
    ether_near: tuple[Slot, ...]
    ether_far: tuple[Slot, ...]
    near_facts: tuple[str, ...]
    past_ethernet: bool
    network: bool
    v4: bool
    v6: bool
    walk: bool
    must_tag: bool
    must_ip: bool
    must_ip6: bool
    must_transport: bool
    proto: bool
    l4: bool
    fragments: bool
    needs_nh: bool
    walked: tuple[WalkedBit, ...]
    ip: tuple[Slot, ...]
    ip_need: int
    ip_alone: bool
    ip_near: tuple[Slot, ...]
    ip_far: tuple[Slot, ...]
    ip_facts: tuple[str, ...]
    ip6: tuple[Slot, ...]
    ip6_need: int
    ip6_alone: bool
    ip6_near: tuple[Slot, ...]
    ip6_far: tuple[Slot, ...]
    ip6_facts: tuple[str, ...]
    arp_header: bool
    mpls_header: bool
    mpls: tuple[Slot, ...]
    pppoe_header: bool
    pppoe: tuple[Slot, ...]
    llc: tuple[Slot, ...]
    gre_key: tuple[Slot, ...]
    arp: tuple[Slot, ...]
    arp_end: int
    arp_facts: str
    transport: tuple[Slot, ...]
    transport_end: int
    transport_facts: str
    protocols: tuple[ProtoView, ...]  # where the parse goes by the protocol
    proto_facts: tuple[ProtoFact, ...]
    ends: bool  # a malformed packet is decided at once

    def bits(self, *names: str) -> str:
        """C of those facts that are asked for, `0` where none is."""
        return _bits(self.f, names)


def _bits(asked: Asked, names: Iterable[str]) -> str:
    return " | ".join(n for n in names if n in asked) or "0"


def walked_bits(plan: Plan) -> tuple[WalkedBit, ...]:
    """The extension headers that any layer asks for, numbered."""
    asked = [n for n in IPV6_EXTENSIONS if any(f"WALKED_{n}" in layer.facts for layer in plan.layers)]
    return tuple(WalkedBit(n, i) for i, n in enumerate(asked))


def needs_walk(layer: LayerPlan) -> bool:
    """Whether IPv6 extension headers must be looked through."""
    return (
        needs_transport(layer)
        or has_proto(layer)
        or "PROTO" in layer.facts
        or any(f.startswith("WALKED") for f in layer.facts)
        or any(f in layer.facts for f in FRAGMENT_FACTS)
    )


def has_proto(layer: LayerPlan) -> bool:
    return "proto" in layer.keeps


def needs_transport(layer: LayerPlan) -> bool:
    in_l4 = any(s.group == "l4" for s in layer.slots)
    return in_l4 or bool(_carriers(layer)) or any(f in layer.facts for f in ("PLACE", "MALFORMED"))


def _carriers(layer: LayerPlan) -> set[int]:
    """The transport protocols that carry an encapsulation asked for."""
    return {number for encap in layer.encaps for number in carriers(encap.name)}


def build_layer(plan: Plan, index: int, gate: frozenset[str], ends: bool) -> LayerView:
    """`gate`: facts without which nothing matches; what cannot lead to them is not parsed. `ends`: as in LayerView."""
    layer = plan.layers[index]
    f = Asked(dict.fromkeys(layer.facts, True))
    slots = {g: tuple(s for s in layer.slots if s.group == g) for g in GROUPS}
    ether = slots["ether"]
    near = tuple(s for s in ether if s.end <= ETHERNET)
    ip_near, ip_far = _split(slots["ip"], IPV4)
    ip6_near, ip6_far = _split(slots["ip6"], IPV6)
    l4, proto, walk = needs_transport(layer), has_proto(layer), needs_walk(layer)
    fragments = any(name in f for name in FRAGMENT_FACTS)
    malformed = "MALFORMED" in f
    v4 = bool(slots["ip"]) or l4 or proto or fragments or "PROTO" in f or "l3" in layer.keeps
    v6 = bool(slots["ip6"]) or walk or "l3" in layer.keeps
    must_ip = bool(gate & {"IP", *(s.fact for s in slots["ip"])})
    must_ip6 = bool(gate & {"IP6", *(s.fact for s in slots["ip6"])})
    behind_type = any(slots[group] for group in ("arp", "mpls", "pppoes", "llc")) or bool(layer.encaps)
    network = v4 or v6 or behind_type or any(n in f for n in ("TYPE", "PROTO", *TYPE_FACTS.values()))
    tags = any(n in f for n in TAG_FACTS) or bool(slots["tag1"]) or bool(slots["tag2"])

    whole = l4 or not slots["ip"] + slots["ip6"]
    on_links = {encap_fact(e) for e in layer.encaps if not carriers(e.name)}
    return LayerView(
        name=LAYER_NAMES[index],
        comment=_COMMENTS[index],
        inside=index > 0,
        framed=plan.may_be_framed(index),
        alone=plan.may_be_alone(index),
        taken=index == 0 and plan.hook != "xdp",
        f=f,
        keeps=Asked(dict.fromkeys(layer.keeps, True)),
        tci={n: any(s.offset == 0 for s in slots[f"tag{n}"]) for n in (1, 2)},
        tag_type={n: any(s.offset == 2 for s in slots[f"tag{n}"]) for n in (1, 2)},
        or_malformed=" | MALFORMED" if malformed else "",
        ether_short=tuple(s for s in near if s.end < ETHERNET),
        ether_near=near,
        ether_far=tuple(s for s in ether if s.end > ETHERNET),
        near_facts=(*(s.fact for s in near), "TAG1_KNOWN"),
        past_ethernet=network or tags,
        network=network,
        v4=v4,
        v6=v6,
        walk=walk,
        must_tag=bool(gate & {"TAG1", "TAG2", *(s.fact for s in (*slots["tag1"], *slots["tag2"]))}),
        must_ip=must_ip,
        must_ip6=must_ip6,
        must_transport=any(s.fact in gate for s in slots["l4"])
        or any(encap_fact(e) in gate for e in layer.encaps if carriers(e.name)),
        proto=proto,
        l4=l4,
        fragments=fragments,
        needs_nh=walk or proto or l4,
        walked=tuple(w for w in walked_bits(plan) if f"WALKED_{w.number}" in f),
        ip=slots["ip"],
        ip_need=IPV4 if whole or proto or fragments else extent(ip_near),
        ip_alone=not (whole or proto or fragments) and len(ip_near) == 1,
        ip_near=ip_near,
        ip_far=ip_far,
        ip_facts=(*(s.fact for s in ip_near), "PROTO"),
        ip6=slots["ip6"],
        ip6_need=IPV6 if whole or walk else extent(ip6_near),
        ip6_alone=not (whole or walk) and len(ip6_near) == 1,
        ip6_near=ip6_near,
        ip6_far=ip6_far,
        ip6_facts=tuple(s.fact for s in ip6_near),
        arp_header=bool(slots["arp"]) or malformed or "ARP" in f or "RARP" in f,
        mpls_header=malformed or any(f.startswith("MPLS") for f in on_links),
        mpls=slots["mpls"],
        pppoe_header=malformed or any(f.startswith("PPPOE") for f in on_links),
        pppoe=slots["pppoes"],
        llc=slots["llc"],
        gre_key=slots["gre-key"],
        arp=slots["arp"],
        arp_end=extent(slots["arp"]),
        arp_facts=_bits(f, (s.fact for s in slots["arp"])),
        transport=slots["l4"],
        transport_end=extent(slots["l4"]),
        transport_facts=_bits(f, (s.fact for s in slots["l4"])),
        protocols=_protocols(layer),
        proto_facts=tuple(ProtoFact(n, fact) for n, fact in PROTO_FACTS.items() if fact in f),
        ends=ends,
    )


UDP, GRE = 17, 47
_MALFORMED: dict[int, tuple[int, str | None]] = {  # fixed header's bytes; the EtherType over which it counts
    6: (20, None),
    UDP: (8, None),
    1: (8, "ETH_P_IP"),
    58: (8, "ETH_P_IPV6"),
    132: (12, None),
    GRE: (4, None),
}
_COMMENTS = (
    "The frame, from its Ethernet header at p on: returns its facts, writes the bytes that the rules read.",
    "The packet inside, from offset `start` on, the same way.",
    "The packet inside that, the same way.",
)


def _protocols(layer: LayerPlan) -> tuple[ProtoView, ...]:
    """Each protocol that is looked into; none where all slots are read alike, without a look at the protocol."""
    by_slot = {
        slot: {n for base in bases for n in _numbers(base)} for slot, bases in layer.users.items() if slot.group == "l4"
    }
    malformed = "MALFORMED" in layer.facts
    if not malformed and not _carriers(layer) and len({frozenset(n) for n in by_slot.values()}) <= 1:
        return ()
    asked = {n for numbers in by_slot.values() for n in numbers}
    asked |= set(_MALFORMED) if malformed else set()
    asked |= _carriers(layer)
    asked |= {n for n, fact in PROTO_FACTS.items() if fact in layer.facts}
    return tuple(_protocol(n, layer, [s for s, numbers in by_slot.items() if n in numbers]) for n in _ordered(asked))


def _protocol(number: int, layer: LayerPlan, slots: list[Slot]) -> ProtoView:
    malformed = "MALFORMED" in layer.facts and number in _MALFORMED
    header, ethertype = _MALFORMED[number] if malformed else (0, None)
    encaps = tuple(EncapView(e.name, e.port, encap_fact(e)) for e in layer.encaps if number in carriers(e.name))
    near = tuple(s for s in slots if s.end <= header) if header else tuple(slots)
    fact = PROTO_FACTS.get(number, "")
    return ProtoView(
        number=number,
        fact=fact if fact in layer.facts else "",
        header=header,
        ethertype=ethertype,
        need=header or extent(near),
        near=near,
        near_facts=" | ".join(s.fact for s in near),
        far=tuple(s for s in slots if s not in near),
        encaps=encaps,
    )


def _ordered(numbers: set[int]) -> list[int]:
    """The usual ones first."""
    usual = (6, UDP, 1, 58, 132, GRE)
    return [*(n for n in usual if n in numbers), *sorted(n for n in numbers if n not in usual)]


def _numbers(base: str) -> tuple[int, ...]:
    """Protocol numbers of a base."""
    encap = encap_of(0, base)
    if encap is not None:
        return carriers(encap.name)
    if base == "ports":
        return (6, UDP, 132)
    row = PROTOCOLS[base]
    return tuple(n for n in (row.ipv4, row.ipv6) if n is not None)[:1]


def extent(slots: tuple[Slot, ...]) -> int:
    """How many bytes hold all of the slots."""
    return max((s.end for s in slots), default=0)


def _split(slots: tuple[Slot, ...], header: int) -> tuple[tuple[Slot, ...], tuple[Slot, ...]]:
    """Slots inside a fixed header of so many bytes, and behind it."""
    return tuple(s for s in slots if s.end <= header), tuple(s for s in slots if s.end > header)
