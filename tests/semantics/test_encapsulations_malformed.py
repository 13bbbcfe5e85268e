"""What of an encapsulation `malformed` is true of, and, beside each, what it is false of (ADR 0002, rules 5 and 6)."""

from __future__ import annotations

import pytest

from ebpfc.compiler.fields import MAX_OFFSET
from ebpfc.testing.packets import Layer, ether, extension, extensions, ip4, ip6, raw, tcp, udp, vxlan
from ebpfc.testing.semantics import Frame
from ebpfc.testing.truth import truth_of

IPV4 = ip4(tcp()).data
ON, BOTTOM = "00064040", "000c8140"  # MPLS entries


def mpls(entries: str) -> Layer:
    return raw(0x8847, bytes.fromhex(entries))


def session(header: str, ethertype: int = 0x8864) -> Layer:
    return raw(ethertype, bytes.fromhex(header))


def geneve(header: str) -> Layer:
    return udp(bytes.fromhex(header), dport=6081)


def gtp(header: str) -> Layer:
    return udp(bytes.fromhex(header), dport=2152)


def gre(header: str) -> Layer:
    return raw(47, bytes.fromhex(header))


SOUND = {
    "one label and nothing behind it": ether(mpls(BOTTOM)),
    "the fourth label the last": ether(mpls(ON * 3 + BOTTOM)),
    "an empty PPPoE session packet": ether(session("11 00 0001 0000")),
    "PPPoE padded": ether(session("11 00 0001 0002 c021 00000000")),
    "PPPoE discovery": ether(session("11 09 0000 0004 01010000", 0x8863)),
    "Geneve without options": ether(ip4(geneve("0000 0800 000005 00"))),
    "Geneve with all options": ether(ip4(geneve("3f00 0800 000005 00" + "00" * 252))),
    "Geneve of version 1, one byte": ether(ip4(geneve("40"))),
    "Geneve in a later fragment": ether(ip4(raw(17, b"\x00"), offset=1)),
    "GTP of eight bytes": ether(ip4(gtp("30 01 0000 00000000"))),
    "GTP of twelve bytes": ether(ip4(gtp("32 01 0004 00000000 00010000"))),
    "GTP of version 2, one byte": ether(ip4(gtp("48"))),
    "GTP', one byte": ether(ip4(gtp("20"))),
    "GTP's extension headers are not looked at": ether(ip4(gtp("34 ff 0004 00000000 00000085"))),
    "GRE of four bytes": ether(ip4(gre("0000 0800"))),
    "GRE with three words": ether(ip4(gre("b000 0800" + "00" * 12))),
    "GRE of version 1, four bytes": ether(ip6(gre("3001 880b"))),
    "GRE in a later fragment": ether(ip4(raw(47, b"\x00"), offset=1)),
    "IP in IP of no bytes": ether(ip4(raw(4))),
}

BROKEN = {
    "no label": ether(mpls("")),
    "a label of three bytes": ether(mpls(BOTTOM))[:17],
    "a second label of three bytes": ether(mpls(ON + BOTTOM))[:21],
    "labels without a bottom": ether(mpls(ON)),
    "the fifth label the last": ether(mpls(ON * 4 + BOTTOM)),
    "PPPoE of five bytes": ether(session("11 00 0001 00")),
    "PPPoE's length over the frame": ether(session("11 00 0001 0001")),
    "PPPoE discovery of five bytes": ether(session("11 09 0000 00", 0x8863)),
    "PPPoE discovery's length over the frame": ether(session("11 09 0000 0005 01010000", 0x8863)),
    "Geneve of no bytes": ether(ip4(geneve(""))),
    "Geneve behind the IP end": ether(ip4(geneve(""))) + bytes(8),
    "Geneve of seven bytes": ether(ip4(geneve("0000 0800 000005"))),
    "Geneve's options cut short": ether(ip4(geneve("0100 0800 000005 00 000000"))),
    "Geneve's options behind the IP end": ether(ip4(geneve("0100 0800 000005 00"))) + bytes(4),
    "GTP of no bytes": ether(ip4(gtp(""))),
    "GTP of seven bytes": ether(ip6(gtp("30 01 0000 000000"))),
    "GTP with a word, of eleven bytes": ether(ip4(gtp("31 01 0004 00000000 000100"))),
    "GRE of three bytes": ether(ip4(gre("0000 08"))),
    "GRE of version 1, three bytes": ether(ip4(gre("3001 88"))),
    "GRE with a word, of seven bytes": ether(ip4(gre("2000 0800 000000"))),
    "GRE with three words, of fifteen bytes": ether(ip6(gre("b000 0800" + "00" * 11))),
    "GRE's key behind the IP end": ether(ip4(gre("2000 0800"))) + bytes(4),
    "GRE in a first fragment": ether(ip4(gre("0000 08"), more=True)),
}


def cases(named: dict[str, bytes]) -> list[object]:
    return [pytest.param(frame, id=name) for name, frame in named.items()]


@pytest.mark.parametrize("frame", cases(SOUND))
def test_sound(frame: bytes) -> None:
    assert truth_of("malformed", frame) is False


@pytest.mark.parametrize("frame", cases(BROKEN))
def test_broken(frame: bytes) -> None:
    assert truth_of("malformed", frame) is True


@pytest.mark.parametrize("frame", cases(BROKEN))
def test_of_the_open_packet_alone(frame: bytes) -> None:
    tunnel = ether(ip4(vxlan(frame)))
    assert truth_of("vxlan and malformed", tunnel) is True
    assert truth_of("malformed", tunnel) is False


def test_only_on_standard_ports() -> None:
    for port in (6081, 2152, 4789):
        assert truth_of("malformed", ether(ip4(udp(dport=port)))) is True
        assert truth_of("malformed", ether(ip4(udp(dport=port + 1)))) is False


def test_lengths_of_merged_segments() -> None:
    """Those of IP and UDP are not compared, PPPoE's is."""
    long = Frame(ether(ip4(gre("0000 0800"), total=1000)), merged=True)
    assert truth_of("malformed", long) is False
    assert truth_of("malformed", Frame(ether(session("11 00 0001 0001")), merged=True)) is True


@pytest.mark.parametrize("short", [True, False])
def test_a_header_beyond_the_parsers_reach_is_cut_short(short: bool) -> None:
    """Seven extension headers of 2,048 bytes at 54, then one more: GRE at 16,382, or eight bytes before."""
    last = 1992 if short else 1984
    start = 54 + 7 * 2048 + last
    frame = ether(ip6(extensions(7, extension(60, gre("0000 0800"), size=last), size=2048)))
    assert frame[start:] == bytes.fromhex("00000800")
    assert (start + 4 > MAX_OFFSET) is short
    assert truth_of("malformed", frame) is short


INSIDE = {
    "a whole IPv4 packet": (ether(ip4(gre("0000 0800" + IPV4.hex()))), "gre", False),
    "nothing of an IPv4 packet": (ether(ip4(gre("0000 0800"))), "gre", True),
    "IPv6 said, IPv4 there": (ether(ip4(gre("0000 86dd" + IPV4.hex()))), "gre", True),
    "TCP cut short": (ether(ip4(raw(4, ip4(raw(6, bytes(19))).data))), "ipip", True),
    "padding behind": (ether(ip4(raw(4, ip4(tcp()).data + bytes(9)))), "ipip", False),
    "no byte that says which IP": (ether(mpls(BOTTOM)), "mpls", True),
    "neither IPv4 nor IPv6": (ether(mpls(BOTTOM + "00")), "mpls", False),
    "no bottom of the stack": (ether(mpls(ON * 5)), "mpls", True),
    "no PPP protocol": (ether(session("11 00 0001 0001 00")), "pppoes", True),
    "another PPP protocol": (ether(session("11 00 0001 0002 c021")), "pppoes", False),
    "Geneve's Ethernet cut short": (ether(ip4(geneve("0000 6558 000005 00" + "00" * 13))), "geneve", True),
    "GTP's extension header missing": (ether(ip4(gtp("34 ff 0004 00000000 00000085"))), "gtp", True),
}


@pytest.mark.parametrize(("frame", "head", "expected"), [pytest.param(*case, id=name) for name, case in INSIDE.items()])
def test_inside(frame: bytes, head: str, expected: bool) -> None:
    assert truth_of(f"{head} and malformed", frame) is expected
