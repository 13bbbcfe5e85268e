"""The builder against bytes written out in full: what it builds must not hang on what reads it."""

from __future__ import annotations

from random import Random

from ebpfc.testing.packets import (
    arp,
    authentication,
    ether,
    extension,
    fragment,
    internet_checksum,
    ip4,
    ip6,
    raw,
    tag,
    tcp,
    udp,
    vxlan,
)
from ebpfc.testing.random_frames import LONGEST, random_frame

ETHER = "020000000002020000000001"


def test_tcp_over_ipv4_behind_a_tag() -> None:
    built = ether(tag(ip4(tcp(b"hi", dport=80, flags=0x18)), 5, pcp=3, dei=1))
    assert built == bytes.fromhex(
        ETHER + "81007005" + "0800" + "4500002a00010000400666cb" + "0a0000010a000002"
        "9c40005000000001000000005018faf000000000" + "6869"
    )


def test_extension_headers() -> None:
    built = ether(ip6(extension(0, authentication(fragment(raw(59), offset=2, more=True), size=12))))
    assert built == bytes.fromhex(
        ETHER + "86dd" + "60000000001c0040" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002"
        "3300000000000000" + "2c0100000000000000000000" + "3b00001100000001"
    )


def test_vxlan() -> None:
    built = ether(ip4(vxlan(bytes(14), 0x123456)))
    assert built[34:] == bytes.fromhex("9c4012b5001e0000" + "0800000012345600") + bytes(14)


def test_arp() -> None:
    assert ether(arp(op=2, target_mac=1))[14:] == bytes.fromhex(
        "0001080006040002" + "0200000000010a000001" + "0000000000010a000002"
    )


def test_an_ipv4_header_sums_to_zero_and_lengths_are_right() -> None:
    for options in (b"", b"\x01", bytes(40)):
        header = ip4(udp(b"abc"), options=options).data[: 20 + (len(options) + 3) // 4 * 4]
        assert internet_checksum(header) == 0
        assert header[0] & 15 == len(header) // 4
        assert int.from_bytes(header[2:4], "big") == len(header) + 11


def test_values_may_contradict() -> None:
    header = ip4(tcp(doff=4), version=5, ihl=15, total=3, protocol=17, checksum=0).data
    assert (header[0], header[2:4], header[9], header[10:12], header[32] >> 4) == (
        0x5F,
        b"\x00\x03",
        17,
        b"\x00\x00",
        4,
    )


def test_random_frames_are_the_same_for_the_same_seed() -> None:
    first, second = Random(9), Random(9)
    frames = [random_frame(first) for _ in range(300)]
    assert frames == [random_frame(second) for _ in range(300)]
    assert max(map(len, frames)) <= LONGEST + 46
    assert min(map(len, frames)) < 14
