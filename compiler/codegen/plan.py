"""The parse plan: which facts and which bytes of which layer the rules of one hook ask for. Nothing else is parsed.

In: requests, made while the conditions are rendered. Out: facts with a bit each, slots (members of `struct layer`) for
bytes that are read while parsing, tables for large sets, and three-valued functions for tests that read late.

A slot's fact says that its bytes are there *and* that its header is: a test needs no more than that bit. When facts
would pass 64 bits (or for computed offsets) bytes are read late, by `load()` when the test runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ebpfc.compiler.ir.program import HookName, Load
from ebpfc.compiler.ir.ranges import Ranges

LAYER_NAMES = ("outer", "inner")
SLOTS_AT_MOST = 12
"""Slots without a name in _MEMBERS. With those, every other fact and MAX_PORTS, facts stay within 64 bits."""
_MEMBERS = {
    ("ip", 12, 4): "saddr",
    ("ip", 16, 4): "daddr",
    ("ip", 8, 1): "ttl",
    ("ip6", 8, 16): "saddr6",
    ("ip6", 24, 16): "daddr6",
    ("l4", 0, 2): "sport",
    ("l4", 2, 2): "dport",
    ("l4", 13, 1): "tcp_flags",
    ("l4", 8, 1): "vxlan_flags",
    ("l4", 12, 3): "vni",
    ("l4", 0, 1): "icmp_type",
    ("l4", 1, 1): "icmp_code",
    ("arp", 14, 4): "arp_spa",
    ("arp", 24, 4): "arp_tpa",
    ("ether", 0, 6): "dmac",
    ("ether", 6, 6): "smac",
    ("ether", 12, 2): "h_proto",
    ("tag1", 0, 2): "tci1",
    ("tag2", 0, 2): "tci2",
    ("tag1", 2, 2): "tag1_type",
    ("tag2", 2, 2): "tag2_type",
}
_CTYPES = {1: "u8", 2: "u16", 3: "u32", 4: "u32", 6: "u64", 16: "u64"}
_TRANSPORT = "l4"
PROTO_FACTS = {6: "TCP", 17: "UDP", 132: "SCTP", 1: "ICMP", 58: "ICMP6"}


def group_of(base: str) -> str:
    """The header that a base's offset counts from, for the parse: RARP lies where ARP does, all transports in l4."""
    if base in ("ether", "tag1", "tag2", "ip", "ip6"):
        return base
    return "arp" if base in ("arp", "rarp") else _TRANSPORT


@dataclass(frozen=True, slots=True)
class Slot:
    """Bytes read while parsing, kept in network byte order (24 and 48 bits in host order)."""

    group: str
    offset: int
    size: int
    member: str

    @property
    def fact(self) -> str:
        return self.member.upper()

    @property
    def ctype(self) -> str:
        return _CTYPES[self.size]

    @property
    def length(self) -> str:
        """The array part of the member's declaration."""
        return "[2]" if self.size == 16 else ""

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(slots=True)
class LayerPlan:
    """What one layer must tell: facts, slots with the bases that use them, and what else to keep (offsets, `proto`)."""

    facts: dict[str, None] = field(default_factory=dict)
    slots: dict[Slot, None] = field(default_factory=dict)
    vxlan_ports: dict[int, None] = field(default_factory=dict)
    keeps: dict[str, None] = field(default_factory=dict)
    users: dict[Slot, dict[str, None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A large set; the C function `in_NAME` tells whether a number is in it."""

    name: str
    bits: int
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class LateTest:
    """A three-valued C function: `absent` makes it NO, not `present` UNKNOWN, then statements, then the result."""

    name: str
    comment: str
    absent: str
    present: str
    statements: tuple[str, ...]
    result: str


class Plan:
    """Collects the requests of one hook's program; what is asked twice is there once."""

    def __init__(self, hook: HookName, suffix: str, proto_facts: frozenset[int] = frozenset()) -> None:
        """`proto_facts`: layers in which the transport protocol is told by facts, not compared."""
        self.hook = hook
        self.proto_facts = proto_facts
        self.suffix = suffix
        self.layers = (LayerPlan(), LayerPlan())
        self.tables: dict[tuple[int, Ranges], Table] = {}
        self.late: dict[object, LateTest] = {}
        self.deepest = 0

    def layer(self, index: int) -> LayerPlan:
        self.deepest = max(self.deepest, index)
        return self.layers[index]

    def fact(self, layer: int, *names: str) -> tuple[str, ...]:
        """Asks for facts; gives their C names back."""
        self.layer(layer).facts.update(dict.fromkeys(names))
        return names

    def slot(self, load: Load) -> Slot | None:
        """The slot of a load, or None when it is read late: slots are used up, or the kernel moved those bytes."""
        group = group_of(load.base)
        offset = load.offset + 8 if load.base.startswith("vxlan:") else load.offset
        known = _MEMBERS.get((group, offset, load.size))
        if known is None and (offset + load.size > 256 or self._moved(load)):
            return None
        slot = Slot(group, offset, load.size, known or f"{group}_{offset}_{load.size}")
        plan = self.layer(load.layer)
        if slot not in plan.slots and known is None and self._slots() >= SLOTS_AT_MOST:
            return None
        plan.slots[slot] = None
        plan.users.setdefault(slot, {})[load.base] = None
        plan.facts[slot.fact] = None
        return slot

    def _slots(self) -> int:
        return len({s for layer in self.layers for s in layer.slots})

    def _moved(self, load: Load) -> bool:
        """At tc the outermost tag is not in the data: bytes 12 and on of the frame stand 4 earlier, or nowhere."""
        return self.hook != "xdp" and load.layer == 0 and load.base == "ether" and load.offset + load.size > 12

    def vxlan(self, layer: int, port: int) -> str:
        """Asks whether the layer is VXLAN to `port`; gives the fact's name. What is inside is parsed if asked for."""
        self.layer(layer).vxlan_ports[port] = None
        return self.fact(layer, f"VXLAN_{port}")[0]

    def table(self, ranges: Ranges, bits: int) -> Table:
        found = self.tables.get((bits, ranges))
        if found is None:
            found = Table(f"set_{self.suffix}_{len(self.tables)}", bits, ranges)
            self.tables[bits, ranges] = found
        return found

    def keep(self, layer: int, what: str) -> None:
        self.layer(layer).keeps[what] = None
