"""The words for a logged frame: what the bytes tell, and nothing raised whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebpfc.runtime.frame_words import frame_words

MACS = bytes(12)
IPV4 = "4500 0028 0000 0000 4006 0000 0a000001 0a000002"
TCP = "04d2 0050 00000000 00000000 5012 0000 0000 0000"
IPV6 = "60000000 0014 0640 20010db8000000000000000000000001 20010db8000000000000000000000002"


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (f"0800 {IPV4} {TCP}", "10.0.0.1.1234 > 10.0.0.2.80: tcp SA"),
        (f"8100 0007 0800 {IPV4} {TCP}", "vlan 7, 10.0.0.1.1234 > 10.0.0.2.80: tcp SA"),
        (f"88a8 2064 8100 0007 0800 {IPV4} 04d2", "vlan 100, vlan 7, 10.0.0.1 > 10.0.0.2: tcp"),
        (f"0800 {IPV4} {TCP[:14]}", "10.0.0.1.1234 > 10.0.0.2.80: tcp"),
        (f"0800 {IPV4.replace('0000 4006', '00b9 4006')} {TCP}", "10.0.0.1 > 10.0.0.2: tcp (fragment)"),
        (f"0800 {IPV4.replace('4006', '4001')} 0800", "10.0.0.1 > 10.0.0.2: icmp"),
        (f"0800 {IPV4.replace('4006', '40fd')}", "10.0.0.1 > 10.0.0.2: proto 253"),
        (f"86dd {IPV6} {TCP}", "2001:db8::1.1234 > 2001:db8::2.80: tcp SA"),
        (f"86dd {IPV6.replace('0640', '0040')} 0600 000000000000 {TCP}", "2001:db8::1.1234 > 2001:db8::2.80: tcp SA"),
        ("0800 4500", "ip"),
        ("86dd 6000", "ip6"),
        (
            "0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002",
            "arp who has 10.0.0.2, tell 10.0.0.1",
        ),
        (
            "0806 0001 0800 06 04 0002 020000000001 0a000001 000000000000 0a000002",
            "arp 10.0.0.1 is at 02:00:00:00:00:01",
        ),
        ("0806 0001", "arp"),
        ("88cc", "type 0x88cc"),
        ("0026", "802.3"),
        ("08", ""),
    ],
)
def test_words(rest: str, words: str) -> None:
    assert frame_words(MACS + bytes.fromhex(rest)) == words


@given(st.sampled_from(["", "0800", "86dd", "0806", "8100000708 00", "0800 45", "86dd 60"]), st.binary(max_size=80))
def test_any_bytes(start: str, rest: bytes) -> None:
    assert frame_words(MACS + bytes.fromhex(start) + rest).isprintable()
