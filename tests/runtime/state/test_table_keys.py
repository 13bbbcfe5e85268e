"""Keys of tables: their bytes as docs/adr/0003 has them, written and read back; durations."""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebpfc.runtime.durations import parse_duration, show_duration
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.manifest_state import KeyPart, TablePart
from ebpfc.runtime.table_keys import KeyFormat, KeyTextError

SRC, MAC = KeyPart("src", "address"), KeyPart("ether src", "mac")
PORT, PROTO = KeyPart("dst port", "number", 16), KeyPart("proto", "number", 8)


def keys(*parts: KeyPart, net: bool = False) -> KeyFormat:
    return KeyFormat(TablePart("t", "t_t", parts, net, None, 16, False))


@pytest.mark.parametrize(
    ("form", "words", "key"),
    [
        (keys(SRC), "10.0.0.1", "00000004 0a000001 00000000 00000000 00000000"),
        (keys(SRC), "2001:db8::1", "00000006 20010db8 00000000 00000000 00000001"),
        (keys(SRC), "::ffff:10.0.0.1", "00000006 00000000 00000000 0000ffff 0a000001"),
        (keys(MAC), "02:00:00:00:00:1f", "00000200 0000001f"),
        (keys(MAC), "02000000001F", "00000200 0000001f"),
        (keys(PORT), "443", "000001bb"),
        (keys(PORT), "0x1bb", "000001bb"),
        (keys(PROTO), "tcp", "00000006"),
        (keys(PORT, SRC), "1 10.0.0.1", "00000001 00000004 0a000001 00000000 00000000 00000000"),
    ],
)
def test_bytes_of_an_exact_key(form: KeyFormat, words: str, key: str) -> None:
    assert form.parse(words.split()).hex() == key.replace(" ", "")
    assert form.size == len(bytes.fromhex(key))


@pytest.mark.parametrize(
    ("form", "words", "length", "key"),
    [
        (keys(SRC, net=True), "10.0.0.0/8", 40, "00000004 0a000000 00000000 00000000 00000000"),
        (keys(SRC, net=True), "10.0.0.1", 64, "00000004 0a000001 00000000 00000000 00000000"),
        (keys(SRC, net=True), "0.0.0.0/0", 32, "00000004 00000000 00000000 00000000 00000000"),
        (keys(SRC, net=True), "2001:db8::/32", 64, "00000006 20010db8 00000000 00000000 00000000"),
        (keys(SRC, net=True), "::1", 160, "00000006 00000000 00000000 00000000 00000001"),
        (keys(PORT, SRC, net=True), "53 10.0.0.0/9", 73, "00000035 00000004 0a000000 00000000 00000000 00000000"),
    ],
)
def test_bytes_of_a_prefix(form: KeyFormat, words: str, length: int, key: str) -> None:
    assert form.parse(words.split()) == struct.pack("=I", length) + bytes.fromhex(key)


@pytest.mark.parametrize(
    ("form", "words", "field"),
    [
        (keys(SRC), "10.0.0", 0),
        (keys(SRC), "010.0.0.1", 0),
        (keys(SRC), "fe80::1%eth0", 0),
        (keys(SRC), "ä", 0),
        (keys(SRC), "10.0.0.1\0", 0),
        (keys(SRC), "", -1),
        (keys(MAC), "02:00:00:00:00", 0),
        (keys(MAC), "02:00:00:00:00:100", 0),
        (keys(PORT), "0443", 0),
        (keys(PORT), "-1", 0),
        (keys(PORT), "٤", 0),
        (keys(PORT), "99999999999", 0),
        (keys(PROTO), "256", 0),
        (keys(PORT), "tcp", 0),
        (keys(PORT, SRC), "1 2", 1),
        (keys(PORT, SRC), "x 10.0.0.1", 0),
        (keys(PORT, SRC, net=True), "1 10.0.0.1/8", 1),
        (keys(PORT, SRC, net=True), "1 10.0.0.0/08", 1),
        (keys(PORT, SRC, net=True), "x 10.0.0.0/8", 0),
        (keys(PORT, SRC), "1", -1),
    ],
)
def test_what_is_no_key(form: KeyFormat, words: str, field: int) -> None:
    with pytest.raises(KeyTextError) as problem:
        form.parse(words.split())
    assert problem.value.field == field


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(ADDRESSES, st.integers(0, 65535), st.binary(min_size=6, max_size=6))
def test_what_is_shown_is_read(address: str, port: int, mac: bytes) -> None:
    form = keys(PORT, MAC, SRC)
    key = form.parse([str(port), mac.hex(":"), address])
    shown = form.show(key)
    assert (shown[:2], ip_address(shown[2])) == ((str(port), mac.hex(":")), ip_address(address))
    assert form.parse(shown) == key


@given(ADDRESSES, st.integers(0, 128), st.integers(0, 255))
def test_a_prefix_that_is_shown_is_read(address: str, length: int, proto: int) -> None:
    network = ip_network((address, min(length, 32 if "." in address else 128)), strict=False)
    form = keys(PROTO, SRC, net=True)
    key = form.parse([str(proto), str(network)])
    assert form.parse(form.show(key)) == key
    assert ip_network(form.show(key)[1]) == network


@given(st.binary(min_size=28, max_size=28))
def test_any_bytes_can_be_shown(raw: bytes) -> None:
    for form in (keys(PORT, SRC, net=True), keys(MAC, SRC)):
        assert all(word.isprintable() and " " not in word for word in form.show(raw[: form.size]))


@given(st.integers(1, 1 << 61))
def test_durations(ns: int) -> None:
    again = parse_duration(show_duration(ns))
    assert 0 <= again - ns < (10**9 if ns > 999 * 10**6 else 10**6)
    assert show_duration(again) == show_duration(ns)


@pytest.mark.parametrize("text", ["", "10", "s", "1.5h", "-1s", "0ms", "1 s", "1S", "1h30m", "99999999999999d", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ControlError):
        parse_duration(text)
