"""The parse plan: which facts and which bytes of which layer the rules of one hook ask for. Nothing else is parsed.

In: requests, made while the conditions are rendered. Out: facts with a bit each, slots (members of `struct layer`) for
bytes that are read while parsing, tables for large sets, and three-valued functions for tests that read late.

A slot's fact says that its bytes are there *and* that its header is: a test needs no more than that bit. When facts
would pass 64 bits (or for computed offsets) bytes are read late, by `load()` when the test runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ebpfc.compiler.codegen.condition import Condition
from ebpfc.compiler.ir.program import OVER_UDP, EncapIs, HookName, Key, Load, encap_of
from ebpfc.compiler.ir.ranges import Ranges

LAYER_NAMES = ("outer", "inner", "innermost")
SLOTS_AT_MOST = 12
"""Slots without a name in _MEMBERS."""
SLOT_LIMITS = (64, 24, 14, 6)
"""How many slots there may be that could be read late: the first with which all facts have a bit of 64. The last always
does: 32 facts of headers, 12 of encapsulations (MAX_PORTS of them over UDP), 13 slots that are never read late."""
_MEMBERS = {
    ("ip", 12, 4): "saddr",
    ("ip", 16, 4): "daddr",
    ("ip", 8, 1): "ttl",
    ("ip6", 8, 16): "saddr6",
    ("ip6", 24, 16): "daddr6",
    ("l4", 0, 2): "sport",
    ("l4", 2, 2): "dport",
    ("l4", 13, 1): "tcp_flags",
    ("l4", 8, 1): "tunnel_flags",
    ("l4", 9, 1): "tunnel_type",
    ("l4", 12, 3): "vni",
    ("l4", 12, 4): "teid",
    ("gre", 0, 1): "gre_flags",
    ("gre", 1, 1): "gre_version",
    ("gre-key", 0, 4): "gre_key",
    ("mpls", 0, 4): "mpls1",
    ("mpls", 4, 4): "mpls2",
    ("pppoes", 2, 2): "pppoe_session",
    ("llc", 0, 1): "dsap",
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
_NAMED = frozenset(_MEMBERS.values())
_CTYPES = {1: "u8", 2: "u16", 3: "u32", 4: "u32", 6: "u64", 16: "u64"}
_TRANSPORT = "l4"
_NEVER_LATE = frozenset(
    ["dport", "tunnel_flags", "tunnel_type", "gre_version", "gre_key", "mpls1", "mpls2", "dsap"]
)  # read to tell encapsulations, or at places that only the parse knows
NEVER_OPENS = ("pppoed", "mpls-2")
"""Encapsulations that lead to no packet inside, or to none that another has not led to."""
ETHERNET_INSIDE = ("vxlan", "geneve", "gre", "gre-key")
_ENCAP_FACTS = {"gre-key": "GRE_KEYED", "mpls-1": "MPLS", "mpls-2": "MPLS_MORE"}
PROTO_FACTS = {6: "TCP", 17: "UDP", 132: "SCTP", 1: "ICMP", 58: "ICMP6"}


def group_of(base: str) -> str:
    """The header that a base's offset counts from, for the parse: RARP lies where ARP does, all transports in l4."""
    if base in ("ether", "tag1", "tag2", "ip", "ip6", "gre-key", "pppoes", "llc"):
        return base
    if base in ("mpls-1", "mpls-2"):
        return "mpls"
    return "arp" if base in ("arp", "rarp") else _TRANSPORT


def place_in_group(base: str) -> int:
    """Where a base's first byte lies in its group: over UDP behind its header, of a stack's second entry behind one."""
    encap = encap_of(0, base)
    if encap is not None and encap.name in OVER_UDP:
        return 8
    return 4 if base == "mpls-2" else 0


def encap_fact(test: EncapIs) -> str:
    name = _ENCAP_FACTS.get(test.name, test.name.upper())
    return f"{name}_{test.port}" if test.port else name


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
    encaps: dict[EncapIs, None] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class KeyOptionView:
    """`condition`: the bytes are there, by so many `tests`; `statements` read what is read late; `words` of the key,
    big-endian."""

    condition: str
    statements: tuple[str, ...]
    words: tuple[str, ...]
    tests: int


@dataclass(frozen=True, slots=True)
class KeyFieldView:
    options: tuple[KeyOptionView, ...]


@dataclass(frozen=True, slots=True)
class KeyView:
    """The C function that writes a key of so many words by so many `tests`, or answers that the packet has none."""

    name: str
    words: int
    fields: tuple[KeyFieldView, ...]
    tests: int


@dataclass(frozen=True, slots=True)
class UseView:
    """A C function: `action` in (in, add, delete, rate, many, made) with a key, of the table, limiter or list `target`;
    `until`: the ns that an addition lasts, `-` for the table's own timeout."""

    name: str
    action: str
    key: KeyView | None
    target: str
    until: str


class Plan:
    """Collects the requests of one hook's program; what is asked twice is there once."""

    def __init__(
        self,
        hook: HookName,
        suffix: str,
        proto_facts: frozenset[int] = frozenset(),
        encaps: frozenset[EncapIs] = frozenset(),
        slots: int = SLOT_LIMITS[0],
    ) -> None:
        """`there`, `true`: what was found of loads and header tests, as thousands of rules ask the same.

        `proto_facts`: layers in which the transport protocol is told by facts, not compared; `encaps`: all that the
        program asks for; `slots`: one of SLOT_LIMITS."""
        self.hook = hook
        self.slots = slots
        self.proto_facts = proto_facts
        self.openers = {e for e in encaps if e.name not in NEVER_OPENS}
        self.suffix = suffix
        self.layers = tuple(LayerPlan() for _ in LAYER_NAMES)
        self.tables: dict[tuple[int, Ranges], Table] = {}
        self.late: dict[object, LateTest] = {}
        self.keys: dict[Key, KeyView] = {}
        self.uses: dict[tuple[str, Key, str, str, int], UseView] = {}
        self.logs: dict[int, None] = {}
        self.tracked: frozenset[str] = frozenset()
        self._slots: dict[Load, Slot | None] = {}
        self.there: dict[Load, Condition] = {}
        self.true: dict[object, Condition] = {}
        self.deepest = 0
        self.opens: tuple[Condition, ...] = ()

    def layer(self, index: int) -> LayerPlan:
        self.deepest = max(self.deepest, index)
        return self.layers[index]

    def fact(self, layer: int, *names: str) -> tuple[str, ...]:
        """Asks for facts; gives their C names back."""
        self.layer(layer).facts.update(dict.fromkeys(names))
        return names

    def slot(self, load: Load) -> Slot | None:
        """The slot of a load, or None when it is read late: slots are used up, or the kernel moved those bytes."""
        if load not in self._slots:
            self._slots[load] = self._slot(load)
        return self._slots[load]

    def _slot(self, load: Load) -> Slot | None:
        group = group_of(load.base)
        offset = load.offset + place_in_group(load.base)
        known = _MEMBERS.get((load.base, offset, load.size)) or _MEMBERS.get((group, offset, load.size))
        if known is None and (offset + load.size > 256 or self._moved(load)):
            return None
        slot = Slot(group, offset, load.size, known or f"{group}_{offset}_{load.size}")
        plan = self.layer(load.layer)
        if slot not in plan.slots and not self._has_room(slot):
            return None
        encap = encap_of(load.layer, load.base)
        if encap is not None:
            self.encap(encap)
        plan.slots[slot] = None
        plan.users.setdefault(slot, {})[load.base] = None
        plan.facts[slot.fact] = None
        return slot

    def _has_room(self, slot: Slot) -> bool:
        if slot.member in _NEVER_LATE or slot.size not in (1, 2, 4):
            return True
        taken = {s for layer in self.layers for s in layer.slots if s.member not in _NEVER_LATE and s.size in (1, 2, 4)}
        unnamed = sum(s.member not in _NAMED for s in taken)
        return len(taken) < self.slots and (slot.member in _NAMED or unnamed < SLOTS_AT_MOST)

    def _moved(self, load: Load) -> bool:
        """At tc the outermost tag is not in the data: bytes 12 and on of the frame stand 4 earlier, or nowhere."""
        return self.hook != "xdp" and load.layer == 0 and load.base == "ether" and load.offset + load.size > 12

    def encap(self, test: EncapIs) -> str:
        """Asks whether the layer has the encapsulation; gives the fact's name."""
        self.layer(test.layer).encaps[test] = None
        return self.fact(test.layer, encap_fact(test))[0]

    def may_be_framed(self, layer: int) -> bool:
        """Whether the packet of a layer can begin with an Ethernet header."""
        return not layer or any(e.layer == layer - 1 and e.name in ETHERNET_INSIDE for e in self.openers)

    def may_be_alone(self, layer: int) -> bool:
        """Whether the packet of a layer can be an IP packet without an Ethernet header."""
        return any(e.layer == layer - 1 and e.name != "vxlan" for e in self.openers)

    def table(self, ranges: Ranges, bits: int) -> Table:
        found = self.tables.get((bits, ranges))
        if found is None:
            found = Table(f"set_{self.suffix}_{len(self.tables)}", bits, ranges)
            self.tables[bits, ranges] = found
        return found

    def keep(self, layer: int, what: str) -> None:
        self.layer(layer).keeps[what] = None
