"""Random expressions of pcap-filter(7). In: a `random.Random`. Out: text that libpcap and this language both know.

All of the manual's grammar that both read: every qualifier, direction and order, elision, parentheses round ids,
`not` before ids, all spellings of operators, names, numbers and addresses, arithmetic, encapsulations. Now and then one
of the two refuses what comes out (`host 10.0.0.1` behind `tcp src`): the caller drops it, and checks the reason.
Numbers and addresses are those of `pool`, so that frames meet them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ebpfc.compiler.ast.nodes import Relation
from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.testing import pool, random_values
from ebpfc.testing.pcap_agreement import read_expression
from ebpfc.testing.pcap_frames import aimed_frames
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.relations import number
from ebpfc.testing.semantics.scope import whole_frame

DIRECTIONS = ("", "src ", "dst ", "src or dst ", "dst or src ", "src and dst ", "dst and src ")
TRANSPORTS = ("", "", "tcp ", "udp ", "sctp ")
RELATIONS = ("=", "==", "!=", "<", "<=", ">", ">=")
OPERATORS = ("+", "-", "*", "/", "&", "|", "<<", ">>", "%", "^")
PROTOCOLS = (
    "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "pim", "ah", "esp", "vrrp", "carp",
)  # fmt: skip
SERVICES = {"tcp ": ("http", "ssh", "domain", "https", "ftp-data"), "udp ": ("domain", "tftp", "snmp"), "": ("domain",)}
"""Names that the protocol before `port` has in /etc/services; a bare name means all of its protocols here only."""
RANGES = {"tcp ": ("ssh-http", "22-https", "ftp-data-ssh"), "": ("domain-80", "22-domain")}
NUMBERED = ("\\tcp", "\\udp", "\\icmp", "\\sctp", "\\igmp", "\\esp", "\\ah", "\\pim", "\\vrrp", "\\gre", "ospf", "0x6")
ETHERTYPES = ("\\ip", "\\ip6", "\\arp", "\\rarp", "loopback", "0x0800", "0x86dd", "0x88cc", "0x8100", "2054", "0x8847")
NETS = ("10", "10.0", "10.0.0", "192.168", "10.0.0.0 mask 255.0.0.0", "10.0.0.1 mask 255.0.0.255", "0.0.0.0/0")
OPENINGS = (
    ("mpls", pool.LABELS), ("mpls", pool.LABELS), ("pppoes", pool.SESSIONS), ("geneve", pool.VNIS),
    ("geneve", pool.VNIS),
)  # fmt: skip
CONSTANTS = (
    ("icmp[icmptype]", ("icmp-echo", "icmp-echoreply", "icmp-unreach", "icmp-redirect", "icmp-timxceed")),
    ("icmp[icmpcode]", ("0", "1", "4")),
    ("icmp6[icmp6type]", ("icmp6-echo", "icmp6-echoreply", "icmp6-neighborsolicit", "icmp6-routersolicit")),
    ("icmp6[icmp6code]", ("0", "1")),
    ("tcp[tcpflags]", ("tcp-syn", "tcp-ack", "tcp-fin", "tcp-rst", "tcp-push", "tcp-urg", "tcp-ece", "tcp-cwr")),
)
STACKS = (
    ("ether",), ("link",), ("ip",), ("ip6",), ("arp",), ("rarp",), ("tcp",), ("udp",), ("sctp",), ("icmp",), ("icmp6",),
    ("igmp",), ("pim",), ("vrrp",), ("carp",), ("ip", "tcp"), ("ip", "udp"), ("ether", "ip"), ("ip6", "icmp6"),
    ("arp", "ip"), ("ip6", "tcp"),
)  # fmt: skip
"""What one relation reads."""
OFFSETS = (0, 1, 2, 3, 4, 6, 8, 9, 10, 12, 13, 14, 16, 19, 20, 23, 24, 38, 40)
OPERANDS = (0, 1, 2, 3, 4, 6, 15, 17, 31, 64, 80, 128, 0xF0, 0xFF, 443, 0x1FFF, 0xFFFF, 0x80000000, 0xFFFFFFFF)


def random_expression(rng: Random, depth: int = 2) -> str:
    """One expression; `depth` is how deep parentheses may go."""
    kind = rng.random()
    if depth == 0 or kind < 0.25:
        return _elided(rng)
    if kind < 0.45:
        return _opened(rng, depth)
    if kind < 0.55:
        return f"{_not(rng)}{_parenthesised(rng, depth)}"
    operator = rng.choice((_and, _or))
    members = [_member(rng, depth) for _ in range(rng.choice((2, 2, 3)))]
    if operator is _and or rng.random() < 0.7:
        return _joined(rng, operator, members)
    return f"{_joined(rng, _and, members)}{_or(rng)}{_member(rng, depth)}"


def _member(rng: Random, depth: int) -> str:
    """What may stand beside `and` and `or`: an atom, or parentheses; either perhaps denied."""
    inside = _atom(rng) if rng.random() < 0.5 else _parenthesised(rng, depth)
    return f"{_not(rng)}{inside}" if rng.random() < 0.25 else inside


def _parenthesised(rng: Random, depth: int) -> str:
    space = rng.choice(("", " "))
    return f"({space}{random_expression(rng, depth - 1)}{space})"


def _opened(rng: Random, depth: int) -> str:
    """An encapsulation where it may stand: first, in the middle, at the end, denied, under `or`, twice."""
    opening, rest = _opening(rng), _member(rng, depth)
    shapes = (
        opening,
        f"{opening}{_and(rng)}{rest}",
        f"{opening}{_and(rng)}{rest}{_and(rng)}{_member(rng, depth)}",
        f"{opening}{_and(rng)}{_not(rng)}{_atom(rng)}",
        f"{rest}{_and(rng)}{opening}",
        f"{rest}{_or(rng)}{opening}",
        f"{opening}{_or(rng)}{rest}",
        f"{_not(rng)}{opening}{_and(rng)}{rest}",
        f"{opening}{_and(rng)}{_opening(rng)}",
        f"{opening}{_and(rng)}{_opening(rng)}{_and(rng)}{rest}",
        f"{_opening(rng)}{_and(rng)}{opening}{_and(rng)}{_opening(rng)}{_and(rng)}{rest}",
        f"({opening}{_and(rng)}{rest}){_or(rng)}({_opening(rng)}{_and(rng)}{_member(rng, depth)})",
        f"{rest}{_or(rng)}({opening}{_and(rng)}{_member(rng, depth)})",
        f"{opening}{_and(rng)}{rest}{_or(rng)}{_member(rng, depth)}",
        f"{opening}{_and(rng)}ether proto {rng.choice(ETHERTYPES)}",
    )
    return rng.choice(shapes)


def _opening(rng: Random) -> str:
    """`vlan` half of the time."""
    word, values = rng.choice((*[("vlan", pool.VIDS)] * 4, *OPENINGS))
    value = rng.choice(values)
    return rng.choice(
        (word, word, word, f"{word} {value}", f"{word} {value}", f"{word} ({value})", f"{word} {value:#x}")
    )


def _and(rng: Random) -> str:
    return rng.choice((" and ", " and ", " && "))


def _or(rng: Random) -> str:
    return rng.choice((" or ", " or ", " || "))


def _not(rng: Random) -> str:
    return rng.choice(("not ", "not ", "! ", "!", "not not ", "!!"))


def _joined(rng: Random, operator: Callable[[Random], str], members: Sequence[str]) -> str:
    text = members[0]
    for member in members[1:]:
        text += operator(rng) + member
    return text


# --------------------------------------------------------------------------------------------------------------- atoms


def _atom(rng: Random) -> str:
    kinds = (_protocol, _qualified, _qualified, _qualified, _relation, _relation, _relation, _cast, _length, _constants)
    return rng.choice(kinds)(rng)


def _elided(rng: Random) -> str:
    """A primitive, with more of its kind behind it half of the time: `tcp port 80 or (443 and not 22)`."""
    if rng.random() < 0.3:
        return _atom(rng)
    words, value = _qualifiers(rng)
    text = f"{words}{value(rng)}"
    kind = rng.random()
    if kind < 0.4:
        return text
    if kind < 0.6:
        return f"{text}{_or(rng)}{value(rng)}{_or(rng)}{value(rng)}"
    if kind < 0.7:
        return f"{text}{_and(rng)}{_not(rng)}{value(rng)}"
    if kind < 0.8:
        return f"{text}{_or(rng)}({value(rng)}{rng.choice((_and, _or))(rng)}{_not(rng)}{value(rng)})"
    if kind < 0.9:
        return f"{_protocol(rng)}{_and(rng)}({text}{_or(rng)}{value(rng)})"
    return f"{_not(rng)}{text}{_and(rng)}{value(rng)}"


def _protocol(rng: Random) -> str:
    return rng.choice(PROTOCOLS) if rng.random() < 0.9 else rng.choice(("stp", "pppoed"))


def _cast(rng: Random) -> str:
    casts = ("broadcast", "multicast", "ether broadcast", "ether multicast", "link broadcast", "link multicast")
    return rng.choice((*casts, "ip broadcast", "ip multicast", "ip6 multicast"))


def _length(rng: Random) -> str:
    size = rng.choice((0, 14, 34, 54, 60, 62, 74, 0x40, 100, 1000))
    forms = (f"less {size}", f"greater {size}", f"len {rng.choice(RELATIONS)} {size}", f"length - 14 >= {size:#x}")
    return rng.choice(forms)


def _qualified(rng: Random) -> str:
    """`[proto] [dir] [type] id`, its ids perhaps in parentheses or denied."""
    words, value = _qualifiers(rng)
    kind = rng.random()
    if kind < 0.8:
        return f"{words}{value(rng)}"
    if kind < 0.87:
        return f"{words}{_not(rng)}{value(rng)}"
    if kind < 0.93:
        return f"{words}({value(rng)}{rng.choice((_or, _and))(rng)}{value(rng)})"
    return f"{words}({value(rng)}{_or(rng)}{_not(rng)}{value(rng)})"


def _qualifiers(rng: Random) -> tuple[str, Callable[[Random], str]]:
    """The words before an id, and what writes an id that fits them."""
    direction = rng.choice(DIRECTIONS)
    match rng.choice(("host4", "host6", "net4", "net6", "short", "port", "port", "range", "ether", "proto", "type")):
        case "host4":
            kind = "host " if not direction else rng.choice(("host ", ""))
            return f"{rng.choice(('', '', 'ip ', 'arp ', 'rarp '))}{direction}{kind}", random_values.ipv4
        case "host6":
            kind = "host " if not direction else rng.choice(("host ", ""))
            return f"{rng.choice(('', 'ip6 '))}{direction}{kind}", random_values.ipv6
        case "net4":
            return f"{rng.choice(('', 'ip ', 'arp ', 'rarp '))}{direction}net ", random_values.ipv4_net
        case "net6":
            return f"{rng.choice(('', 'ip6 '))}{direction}net ", random_values.ipv6_net
        case "short":
            return f"{rng.choice(('', 'ip ', 'arp '))}{direction}net ", lambda r: r.choice(NETS)
        case "port":
            transport = rng.choice(TRANSPORTS)
            return f"{transport}{direction}port ", lambda r: _port(r, transport)
        case "range":
            transport = rng.choice(TRANSPORTS)
            return f"{transport}{direction}portrange ", lambda r: _port_range(r, transport)
        case "ether":
            kind = "host " if not direction else rng.choice(("host ", ""))
            return f"{rng.choice(('ether ', 'ether ', 'link '))}{direction}{kind}", random_values.mac
        case "proto":
            return f"{rng.choice(('', 'ip ', 'ip6 '))}{rng.choice(('proto', 'proto', 'protochain'))} ", _protocol_number
        case _:
            return f"{rng.choice(('ether ', 'link '))}proto ", lambda r: r.choice(ETHERTYPES)


def _port(rng: Random, transport: str) -> str:
    names = SERVICES.get(transport, ())
    return rng.choice(names) if names and rng.random() < 0.15 else random_values.number(rng, pool.PORTS)


def _port_range(rng: Random, transport: str) -> str:
    names = RANGES.get(transport, ())
    return rng.choice(names) if names and rng.random() < 0.15 else random_values.number_range(rng, pool.PORTS)


def _protocol_number(rng: Random) -> str:
    return rng.choice(NUMBERED) if rng.random() < 0.4 else random_values.number(rng, pool.PROTOCOLS)


# ---------------------------------------------------------------------------------------------------------- arithmetic


def _constants(rng: Random) -> str:
    """`tcp[tcpflags] & (tcp-syn | tcp-ack) = tcp-syn`, `icmp[icmptype] != icmp-echo`."""
    access, values = rng.choice(CONSTANTS)
    one, two = rng.choice(values), rng.choice(values)
    if access != "tcp[tcpflags]":
        return f"{access} {rng.choice(RELATIONS)} {one}"
    forms = (f"{access} & {one} != 0", f"{access} & ({one} | {two}) == {two}", f"{access} = {one}|{two}")
    return rng.choice(forms)


def _relation(rng: Random) -> str:
    protos = rng.choice(STACKS)
    left = _arithmetic(rng, protos, rng.choice((0, 0, 1, 1, 2)))
    right = str(_value_met(rng, left)) if rng.random() < 0.7 else random_values.number(rng, OPERANDS)
    if rng.random() < 0.1:
        right = _arithmetic(rng, protos, 0)
    sides = (left, right) if rng.random() < 0.9 else (right, left)
    return f"{sides[0]} {rng.choice(RELATIONS)} {sides[1]}"


def _value_met(rng: Random, arithmetic: str) -> int:
    """What the arithmetic is of some packet, or right beside it, so that the relation tells packets apart."""
    try:
        match = read_expression(f"{arithmetic} = 0")
    except PolicyError:  # a constant shift by 32, `%` beside `+`: refused whatever stands on the right
        return 0
    assert isinstance(match, Relation)
    frames = [Frame(data) for data in aimed_frames(rng, match, 8)]
    values = [number(match.left, whole_frame(frame, "inbound", None, decode(frame))) for frame in frames]
    met = [value for value in values if value is not None]
    return ((rng.choice(met) if met else 0) + rng.choice((0, 0, 0, 1, -1))) & 0xFFFF_FFFF


def _arithmetic(rng: Random, protos: tuple[str, ...], depth: int) -> str:
    if depth == 0:
        return _access(rng, protos) if rng.random() < 0.93 else rng.choice(("len", "length"))
    if rng.random() < 0.08:
        return f"-({_arithmetic(rng, protos, depth - 1)})"
    operator = rng.choice(OPERATORS)
    left = _arithmetic(rng, protos, depth - 1)
    if operator in ("<<", ">>") and rng.random() < 0.4:
        right = str(rng.choice((0, 1, 4, 31)))
    elif operator in ("<<", ">>") or rng.random() < 0.3:
        right = _access(rng, protos)
    else:
        right = random_values.number(rng, OPERANDS[1:] if operator in "/%" else OPERANDS)
    bare = operator in "+-*/&|<<>>" and rng.random() < 0.25
    return f"{left} {operator} {right}" if bare else f"({left} {operator} {right})"


def _access(rng: Random, protos: tuple[str, ...]) -> str:
    """`proto[offset:size]`, the offset seldom told by the packet (`tcp[(tcp[12] & 0xf0) >> 2]`)."""
    proto = rng.choice(protos)
    offset = str(rng.choice(OFFSETS))
    if rng.random() < 0.12:
        at, mask, shift = rng.choice(((0, 0xF, "<< 2"), (12, 0xF0, ">> 2"), (9, 0xF, "+ 1")))
        offset = f"({proto}[{at}] & {mask:#x}) {shift}"
    return f"{proto}[{offset}{rng.choice(('', '', ':1', ':2', ':4'))}]"
