"""No disguise carries a packet past a rule that names its addresses or protocol; a tunnel's rules judge what is in it.

In the kernel, at each hook: by test runs, and by real frames over a veth, where tc has taken the outermost tag out.
Each table says what must happen by hand; nothing here asks the reference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import build_traced, default_compiler
from ebpfc.testing.kernel import Hook, KernelPolicy
from ebpfc.testing.packets import (
    Layer,
    authentication,
    ether,
    extension,
    extensions,
    fragment,
    ip4,
    ip6,
    tag,
    tcp,
    udp,
    vxlan,
)
from ebpfc.testing.wire import wire_policy

pytestmark = pytest.mark.kernel

HOOKS: Final[tuple[Hook, ...]] = ("xdp", "tc ingress", "tc egress")
ALL_HOOKS = "hook xdp, tc ingress, tc egress\n"
BAD4, GOOD4, BAD6, GOOD6 = "10.6.6.6", "10.1.1.1", "2001:db8:666::6", "2001:db8:1::1"

Wrap = Callable[[Layer], Layer]
Network = Callable[[bool, Layer], Layer]


def plain4(bad: bool, carried: Layer, *, options: bytes = b"", offset: int = 0, more: bool = False) -> Layer:
    source = BAD4 if bad else GOOD4
    return ip4(carried, src=source, dst="10.9.9.9", options=options, offset=offset, more=more)


def plain6(bad: bool, carried: Layer) -> Layer:
    return ip6(carried, src=BAD6 if bad else GOOD6, dst="2001:db8:9::9")


def eight(carried: Layer) -> Layer:
    """Each kind of extension header that is walked, a fragment header apart: 0, 60, 43, 51, 135, 139, 140, 60."""
    for kind in (60, 140, 139, 135):
        carried = extension(kind, carried, size=16)
    carried = authentication(carried)
    for kind in (43, 60, 0):
        carried = extension(kind, carried)
    return carried


# What comes before the IP header.
TAGS: Final[dict[str, Wrap]] = {
    "untagged": lambda packet: packet,
    "a tag": lambda packet: tag(packet, 100, pcp=5),
    "a service tag": lambda packet: tag(packet, 100, tpid=0x88A8),
    "an old service tag": lambda packet: tag(packet, 100, tpid=0x9100),
    "a priority tag": lambda packet: tag(packet, 0, pcp=7),
    "two tags": lambda packet: tag(tag(packet, 5), 100, tpid=0x88A8),
    "two priority tags": lambda packet: tag(tag(packet, 0), 0),
    "two old service tags": lambda packet: tag(tag(packet, 5, tpid=0x9100), 6, tpid=0x9100),
}
# The IP header and what follows it.
NETWORKS: Final[dict[str, Network]] = {
    "IPv4": plain4,
    "IPv4 with an option": lambda bad, carried: plain4(bad, carried, options=b"\x01"),
    "IPv4 with all options": lambda bad, carried: plain4(bad, carried, options=bytes(40)),
    "IPv4's first fragment": lambda bad, carried: plain4(bad, carried, more=True),
    "IPv4's last fragment": lambda bad, carried: plain4(bad, carried, offset=3),
    "IPv6": plain6,
    "IPv6 with one extension header": lambda bad, carried: plain6(bad, extension(60, carried)),
    "IPv6 with eight extension headers": lambda bad, carried: plain6(bad, eight(carried)),
    "IPv6's first fragment": lambda bad, carried: plain6(bad, fragment(carried, more=True)),
    "IPv6's last fragment": lambda bad, carried: plain6(bad, fragment(carried, offset=3)),
    "IPv6's atomic fragment": lambda bad, carried: plain6(bad, extension(0, fragment(carried))),
}
LAST = ("IPv4's last fragment", "IPv6's last fragment")

# Rules that the bad packet (TCP from a bad address to port 22) meets, whatever it wears.
BY_ADDRESS: Final = (
    f"drop src host {{{BAD4}, {BAD6}}}",
    "drop src net {10.6.0.0/16, 2001:db8:666::/48}",
    f"pass not src host {{{BAD4}, {BAD6}}}\ndrop",
    f"drop ip src {BAD4} or ip6 src {BAD6}",
    f"drop ip.saddr == {BAD4} or ip6.saddr == {BAD6}",
)
BY_PROTOCOL: Final = (
    "drop tcp",
    "drop proto tcp",
    "drop ip proto 6 or ip6 proto 6",
    "pass not tcp\ndrop",
)
BY_PORT: Final = ("drop tcp dst port 22", "drop tcp[2:2] = 22", "pass not dst port 22\ndrop", "drop tcp.dport == 22")


@functools.cache
def loaded(rules: str) -> KernelPolicy:
    return KernelPolicy(build_traced(ALL_HOOKS + rules + "\n")[1])


def verdicts(rules: tuple[str, ...], hook: Hook, frame: bytes) -> list[str]:
    return [loaded(one).judge(hook, frame)[0] for one in rules]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("network", NETWORKS)
def test_no_way_past_an_address(hook: Hook, tags: str, network: str) -> None:
    bad, good = (ether(TAGS[tags](NETWORKS[network](which, tcp(dport=22)))) for which in (True, False))
    assert verdicts(BY_ADDRESS, hook, bad) == ["drop"] * len(BY_ADDRESS)
    assert verdicts(BY_ADDRESS, hook, good) == ["pass"] * len(BY_ADDRESS)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("network", NETWORKS)
def test_no_way_past_a_protocol(hook: Hook, tags: str, network: str) -> None:
    bad, good = (ether(TAGS[tags](NETWORKS[network](True, carried))) for carried in (tcp(dport=22), udp(dport=22)))
    assert verdicts(BY_PROTOCOL, hook, bad) == ["drop"] * len(BY_PROTOCOL)
    assert verdicts(BY_PROTOCOL, hook, good) == ["pass"] * len(BY_PROTOCOL)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("network", [name for name in NETWORKS if name not in LAST])
def test_no_way_past_a_port(hook: Hook, tags: str, network: str) -> None:
    """But for later fragments, which have no port: a test of one is false there."""
    bad, good = (ether(TAGS[tags](NETWORKS[network](True, tcp(dport=port)))) for port in (22, 23))
    assert verdicts(BY_PORT, hook, bad) == ["drop"] * len(BY_PORT)
    assert verdicts(BY_PORT, hook, good) == ["pass"] * len(BY_PORT)


ON_A_WIRE: Final = f"""\
drop src host {{{BAD4}, {BAD6}}} and tcp dst port 22
drop src host {{{BAD4}, {BAD6}}} and tcp
drop tcp
drop src net {{10.1.0.0/16, 2001:db8:1::/48}}
"""


@pytest.mark.parametrize("hook", HOOKS)
def test_no_way_past_on_a_wire(hook: Hook) -> None:
    compiled = compile_text(ALL_HOOKS + ON_A_WIRE, Options())
    with wire_policy(build_object(compiled, default_compiler()), hook) as wire:
        for tags, wrap in TAGS.items():
            for name, network in NETWORKS.items():
                for bad, carried, rule in (
                    (True, tcp(dport=22), 1 if name in LAST else 0),
                    (True, tcp(dport=23), 1),
                    (False, tcp(dport=22), 2),
                    (False, udp(dport=22), 3),
                ):
                    frame = ether(wrap(network(bad, carried)))
                    assert wire.judge(frame) == ("drop", rule), (tags, name, rule)
                assert wire.judge(ether(wrap(network(True, udp())))) == ("pass", None), (tags, name)


IN_PIECES: Final = f"""\
hook tc ingress, tc egress
if vxlan 7 {{
    drop tcp dst port 22
    drop ip6 proto 6
}}
drop tcp dst port 22
drop tcp
drop src host {{{BAD4}, {BAD6}}}
"""
LONG: Final = 5000
"""Bytes of a frame that travels in pieces: more than a page."""


@pytest.mark.parametrize("linear", [14, 60, 150])
@pytest.mark.parametrize("hook", ["tc ingress", "tc egress"])
def test_no_way_past_in_pieces(hook: Hook, linear: int) -> None:
    """Headers that lie beyond the first piece of the packet, however long the extension headers before them are."""
    compiled = compile_text(IN_PIECES, Options())
    with wire_policy(build_object(compiled, default_compiler()), hook, linear=linear) as wire:

        def judged(packet: Layer) -> tuple[str, int | None] | None:
            frame = ether(packet)
            return wire.judge(frame + bytes(LONG - len(frame)))

        for each in (8, 16, 24, 64, 128, 256):
            for count in (1, 8):
                long = functools.partial(extensions, count, size=each)
                for wrap in (TAGS["untagged"], TAGS["two tags"]):
                    assert judged(wrap(plain6(False, long(tcp(dport=22))))) == ("drop", 2), (each, count)
                    assert judged(wrap(plain6(False, long(tcp(dport=23))))) == ("drop", 3), (each, count)
                    assert judged(wrap(plain6(True, long(udp(dport=22))))) == ("drop", 4), (each, count)
                    assert judged(wrap(plain6(False, long(udp(dport=22))))) == ("pass", None), (each, count)
                    for port, rule in ((22, 0), (23, 1)):
                        inner = ether(wrap(plain6(True, long(tcp(dport=port)))))
                        assert judged(plain4(False, vxlan(inner, 7))) == ("drop", rule), (each, count)
                        assert judged(plain6(False, long(vxlan(inner, 7)))) == ("drop", rule), (each, count)


# --------------------------------------------------------------------------- (vlan 1 and A) or (vlan 2 and B)

EITHER: Final = (
    f"pass (vlan 1 and src host {GOOD4}) or (vlan 2 and src host {BAD4})\n"
    f"pass (vlan 1 and src host {GOOD6}) or (vlan 2 and src host {BAD6})\ndefault drop"
)


@pytest.mark.parametrize("network", ["IPv4", "IPv6", "IPv4 with all options", "IPv6 with eight extension headers"])
@pytest.mark.parametrize(("vid", "bad", "expected"), [(1, 0, 1), (1, 1, 0), (2, 0, 0), (2, 1, 1)])
@pytest.mark.parametrize("hook", HOOKS)
def test_an_address_belongs_to_its_own_tag(hook: Hook, vid: int, bad: int, expected: int, network: str) -> None:
    frame = ether(tag(NETWORKS[network](bool(bad), tcp()), vid))
    assert verdicts((EITHER,), hook, frame) == ["pass" if expected else "drop"]
    priority = ether(tag(tag(NETWORKS[network](bool(bad), tcp()), vid), 0))
    assert verdicts((EITHER,), hook, priority) == ["drop"], "the outermost tag is VID 0"


@pytest.mark.parametrize("hook", HOOKS)
def test_an_address_belongs_to_its_own_tag_on_a_wire(hook: Hook) -> None:
    compiled = compile_text(ALL_HOOKS + EITHER + "\n", Options())
    with wire_policy(build_object(compiled, default_compiler()), hook) as wire:
        for number, network in enumerate((plain4, plain6)):
            for vid, bad, rule in ((1, False, number), (1, True, None), (2, False, None), (2, True, number)):
                frame = ether(tag(network(bad, tcp()), vid))
                assert wire.judge(frame) == ("drop" if rule is None else "pass", rule), (vid, bad)


# ------------------------------------------------------------------------------------------------------------- tunnels

INNER: Final = f"drop vxlan and src host {{{BAD4}, {BAD6}}}"
INNER_BLOCK: Final = "if vxlan 7 {\n drop tcp dst port 22\n}"
INNER_NOT: Final = f"pass vxlan and not src host {{{BAD4}, {BAD6}}}\ndrop vxlan"
OUTER: Final = f"drop src host {{{BAD4}, {BAD6}}}"
OUTER_TCP: Final = "drop tcp"
OUTER_OF_INNER: Final = f"drop vxlan and outer src host {{{BAD4}, {BAD6}}}"


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("inside", [name for name in NETWORKS if name not in LAST])
@pytest.mark.parametrize("outside", ["IPv4", "IPv4 with all options", "IPv6", "IPv6 with eight extension headers"])
def test_a_tunnel_s_packet_meets_inner_rules_only_and_the_tunnel_outer_ones(
    hook: Hook, inside: str, outside: str
) -> None:
    for inner_tag in TAGS.values():
        for outer_bad in (False, True):
            for inner_bad in (False, True):
                inner = ether(inner_tag(NETWORKS[inside](inner_bad, tcp(dport=22))))
                frame = ether(NETWORKS[outside](outer_bad, vxlan(inner, 7)))
                rules = (INNER, INNER_BLOCK, INNER_NOT, OUTER, OUTER_TCP, OUTER_OF_INNER)
                drops = (inner_bad, True, inner_bad, outer_bad, False, outer_bad)
                expected = ["drop" if drop else "pass" for drop in drops]
                assert verdicts(rules, hook, frame) == expected, (outer_bad, inner_bad)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("tags", TAGS)
def test_tags_round_a_tunnel_hide_nothing_in_it(hook: Hook, tags: str) -> None:
    for outside in (plain4, plain6):
        for bad in (False, True):
            inner = ether(NETWORKS["IPv6 with eight extension headers"](bad, tcp(dport=22)))
            frame = ether(TAGS[tags](outside(not bad, vxlan(inner, 7))))
            expected = ["drop" if bad else "pass", "drop", "pass" if bad else "drop"]
            assert verdicts((INNER, INNER_BLOCK, OUTER), hook, frame) == expected


@pytest.mark.parametrize("hook", HOOKS)
def test_without_a_tunnel_inner_rules_meet_nothing(hook: Hook) -> None:
    """A plain packet, one to another port, one without the I bit, and a later fragment of a tunnel's datagram."""
    inner = ether(plain4(True, tcp(dport=22)))
    for network in (plain4, plain6):
        for carried in (tcp(dport=22), vxlan(inner, 7, port=4790), vxlan(inner, 7, flags=0)):
            assert verdicts((INNER, INNER_BLOCK), hook, ether(network(True, carried))) == ["pass", "pass"]
    for name in LAST:
        frame = ether(NETWORKS[name](True, vxlan(inner, 7)))
        assert verdicts((INNER, INNER_BLOCK, OUTER), hook, frame) == ["pass", "pass", "drop"]


@pytest.mark.parametrize("hook", HOOKS)
def test_tunnels_on_a_wire(hook: Hook) -> None:
    compiled = compile_text(f"{ALL_HOOKS}{INNER}\n{INNER_BLOCK}\n{OUTER}\n", Options())
    inner_bad = ether(tag(plain6(True, tcp(dport=80)), 9))
    inner_port = ether(plain4(False, tcp(dport=22)))
    inner_good = ether(plain4(False, tcp(dport=80)))
    with wire_policy(build_object(compiled, default_compiler()), hook) as wire:
        for wrap in TAGS.values():
            for outside in (plain4, plain6):
                for inner, bad, expected in (
                    (inner_bad, False, ("drop", 0)),
                    (inner_port, False, ("drop", 1)),
                    (inner_good, False, ("pass", None)),
                    (inner_good, True, ("drop", 2)),
                ):
                    assert wire.judge(ether(wrap(outside(bad, vxlan(inner, 7))))) == expected
