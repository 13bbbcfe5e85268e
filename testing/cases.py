"""Cases: frames in words, with what a policy must do to them. In: the text of a `.cases` file. Out: `Case` records.

One case a line, `#` starts a comment:

    pass ssh            ip 10.20.0.5 > 192.0.2.10 / tcp 40000 > 22
    drop default        vlan 5 pcp=3 / ip6 2001:db8::1 > 2001:db8::2 / udp 1 > 53 / data 20
    drop 17             ip 10.0.0.1 > 10.0.0.2 / vxlan 5001 / ip 10.1.0.1 > 10.1.0.2 / tcp 1 > 23 flags=SA
    outbound drop dns   ip 10.0.0.1 > 10.0.0.2 / udp 1 > 53 / cut 38

The verdict, then the rule that decides: its name, its line in the policy, or `default`. Then the headers from the
outside in, ` / ` between them; Ethernet's is added where it is not written (`eth A > B`), inside VXLAN too. Inside
`geneve 5` and `gre 5` it is written (`geneve 5 / eth / ip ...`), or there is none; inside `ipip`, `gtp 5`, `mpls 16 17`
and `pppoes 5` there is none. After its own words a header takes any option of its builder in `testing.packets` and
`testing.encapsulated`: `ihl=3`, `more`, `length=4`. `data N` is N bytes of zeros, `data "text"` those of the text;
`cut N` at the end keeps the first N bytes of the frame.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ebpfc.compiler.fields import TCP_FLAGS
from ebpfc.testing import encapsulated, packets
from ebpfc.testing.packets import Layer

_WORD = re.compile(r'"[^"]*"|\S+')
_EXTENSIONS = {"hopopts": 0, "routing": 43, "dstopts": 60}
_NEXT_IN_A_BYTE = ("ip", "ip6", "ah", "fragment", *_EXTENSIONS)
"""Headers that name what they carry in one byte, where "nothing" has no number."""
_ENDS = {"eth": ("src", "dst"), "arp": ("sender", "target"), "ip": ("src", "dst"), "ip6": ("src", "dst")}
_NUMBERS = {
    "vlan": ("vid",),
    "vxlan": ("vni",),
    "geneve": ("vni",),
    "gre": ("key",),
    "gtp": ("teid",),
    "pppoes": ("session",),
    "icmp": ("kind", "code"),
    "icmp6": ("kind", "code"),
}
_ALONE: dict[str, Callable[..., Layer]] = {
    "ipip": encapsulated.ipip,
    "gtp": encapsulated.gtp,
    "pppoes": encapsulated.pppoes,
}
_EITHER: dict[str, Callable[..., Layer]] = {"geneve": encapsulated.geneve, "gre": encapsulated.gre}
"""Encapsulations of IP alone; those that may carry a frame as well."""
_PORTS = ("tcp", "udp", "sctp")


class CaseError(ValueError):
    """A line that is no case; the message names the line."""


@dataclass(frozen=True, slots=True)
class Case:
    """`rule` is a rule's name, its line in the policy as digits, or "default"; `line` that of the case, from 1."""

    line: int
    direction: Literal["inbound", "outbound"]
    verdict: Literal["pass", "drop"]
    rule: str
    frame: bytes
    text: str


def parse_cases(text: str) -> tuple[Case, ...]:
    """Every case of a file, in order. CaseError for what is none."""
    cases = []
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(^|\s)#.*", "", line).split(maxsplit=1)
        if words:
            try:
                cases.append(_parse_case(number, " ".join(words)))
            except (LookupError, OverflowError, TypeError, ValueError) as error:
                raise CaseError(f"line {number}: {error}: {line.strip()}") from error
    return tuple(cases)


def _parse_case(number: int, text: str) -> Case:
    direction: Literal["inbound", "outbound"] = "inbound"
    first, _, rest = text.partition(" ")
    if first in ("inbound", "outbound"):
        direction = "outbound" if first == "outbound" else "inbound"
        text = rest.strip()
    verdict, rule, frame = text.split(maxsplit=2)
    match verdict:
        case "pass" | "drop":
            return Case(number, direction, verdict, rule, build_frame(frame), frame)
        case _:
            raise ValueError(f"a case begins with pass or drop, not {verdict}")


def build_frame(text: str) -> bytes:
    """The bytes of a frame in words. ValueError or TypeError for words that make none."""
    layers: list[list[str]] = [[]]
    for word in _WORD.findall(text):
        if word == "/":
            layers.append([])
        else:
            layers[-1].append(word)
    if not all(layers):
        raise ValueError("nothing between two /")
    keep = int(layers.pop()[1]) if layers[-1][0] == "cut" else None
    return _frame(layers)[:keep]


def _frame(layers: list[list[str]]) -> bytes:
    """An Ethernet frame of these headers, its own first if it is written."""
    options: dict[str, Any] = {}
    if layers and layers[0][0] == "eth":
        options = _options(layers[0])
        layers = layers[1:]
    return packets.ether(_carried(layers), **options)


def _carried(layers: list[list[str]]) -> Layer:
    """The first of these headers, round those after it."""
    if not layers:
        return packets.raw(0xFFFF)
    kind = layers[0][0]
    if kind == "data":  # protocol 253: for experiments, RFC 3692
        return packets.raw(253, _payload(layers))
    if kind == "mpls":
        labels = [int(word) for word in layers[0][1:] if word.isdigit()]
        options = _options([word for word in layers[0] if not word.isdigit()])
        return encapsulated.mpls(_carried(layers[1:]), *labels, **options)
    options = _options(layers[0])
    if kind == "pppoed":
        return encapsulated.pppoed(_payload(layers[1:]), **options)
    if kind in _EITHER and layers[1:] and layers[1][0] == "eth":
        return _EITHER[kind](_frame(layers[1:]), **options)
    if kind == "vxlan":
        return packets.vxlan(_frame(layers[1:]), **options)
    if kind in ("arp", "icmp", "icmp6", *_PORTS):
        build: Callable[..., Layer] = getattr(packets, kind)
        return build(**options) if kind == "arp" else build(data=_payload(layers[1:]), **options)
    if len(layers) == 1 and kind in _NEXT_IN_A_BYTE and not options.keys() & {"protocol", "following"}:
        raise ValueError(f"write what {kind} carries: `/ data 0`")
    inner = _carried(layers[1:])
    match kind:
        case "vlan":
            return packets.tag(inner, **options)
        case "ip":
            return packets.ip4(inner, **options)
        case "ip6":
            return packets.ip6(inner, **options)
        case "ah":
            return packets.authentication(inner, **options)
        case "fragment":
            return packets.fragment(inner, **options)
        case _ if kind in _EXTENSIONS:
            return packets.extension(_EXTENSIONS[kind], inner, **options)
        case _ if kind in _ALONE or kind in _EITHER:
            return (_ALONE | _EITHER)[kind](inner, **options)
        case _:
            raise ValueError(f"no header is called {kind}")


def _payload(layers: list[list[str]]) -> bytes:
    """What a transport header carries: nothing, or one `data`."""
    match layers:
        case []:
            return b""
        case [["data", value, *_]]:
            return value[1:-1].encode() if value.startswith('"') else bytes(int(value, 0))
        case _:
            raise ValueError(f"only data may follow here, not {layers[0][0]}")


def _options(words: list[str]) -> dict[str, Any]:
    """The builder's keywords: `A > B` and bare numbers by the header's kind, then `name=value` and bare names."""
    kind, *rest = words
    options: dict[str, Any] = {}
    if len(rest) >= 3 and rest[1] == ">":
        ends = _ENDS.get(kind, ("sport", "dport"))
        values: list[Any] = [rest[0], rest[2]] if kind in _ENDS else [int(rest[0], 0), int(rest[2], 0)]
        options.update(zip(ends, values, strict=True))
        rest = rest[3:]
    bare = list(_NUMBERS.get(kind, ()))
    for word in rest:
        name, equals, value = word.partition("=")
        if equals and name == "flags" and kind == "tcp":
            options[name] = sum(TCP_FLAGS[letter] for letter in value)
        elif equals and name == "options":
            options[name] = b"\x01" * int(value, 0)  # IPv4's and TCP's "no operation"
        elif equals:
            options[name] = int(value, 0)
        elif word[:1].isdigit() and bare:
            options[bare.pop(0)] = int(word, 0)
        else:
            options[word] = True
    return options
