"""Captures read: pcap and pcapng in both byte orders, and whatever else a file may hold."""

from __future__ import annotations

import contextlib
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebpfc.runtime.capture import Frame, read_capture
from ebpfc.runtime.errors import ControlError

FRAMES = [bytes(range(60)), bytes(14), b"\xff" * 61]


def pcap(order: str, magic: int, link: int = 1) -> bytes:
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    return head + b"".join(struct.pack(f"{order}IIII", 5, 7, len(f), len(f) + 1) + f for f in FRAMES)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int = 1, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + options)


def enhanced(order: str, frame: bytes, time: int, interface: int = 0) -> bytes:
    return block(order, 6, struct.pack(f"{order}5I", interface, time >> 32, time & 0xFFFFFFFF, len(frame), 99) + frame)


def read(data: bytes) -> list[Frame]:
    return list(read_capture(io.BytesIO(data)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 7000), (0xA1B23C4D, 7)])
def test_pcap(order: str, magic: int, fraction: int) -> None:
    assert read(pcap(order, magic)) == [
        Frame(n, 5_000_000_000 + fraction, len(f) + 1, f) for n, f in enumerate(FRAMES, 1)
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng(order: str) -> None:
    nanoseconds = struct.pack(f"{order}HH", 9, 1) + b"\x09\0\0\0" + struct.pack(f"{order}HH", 0, 0)
    data = section(order) + interface(order) + block(order, 0xBAD, b"unknown") + enhanced(order, FRAMES[0], 3_000_001)
    data += section(order) + interface(order, options=nanoseconds) + enhanced(order, FRAMES[2], 2**33 + 5)
    data += block(order, 3, struct.pack(f"{order}I", 14) + FRAMES[1])
    assert read(data) == [
        Frame(1, 3_000_001_000, 99, FRAMES[0]),
        Frame(2, 2**33 + 5, 99, FRAMES[2]),
        Frame(3, 0, 14, FRAMES[1]),
    ]


@pytest.mark.parametrize("junk", [b"", b"\x7fELF", b"drop tcp\n", bytes(100)])
def test_what_is_no_capture(junk: bytes) -> None:
    with pytest.raises(ControlError, match="no capture"):
        read(junk)


@pytest.mark.parametrize(
    "data", [pcap("<", 0xA1B2C3D4, link=113), section("<") + interface("<", 113) + enhanced("<", b"", 1)]
)
def test_frames_of_other_links(data: bytes) -> None:
    with pytest.raises(ControlError, match=r"not of Ethernet frames \(link type 113\)"):
        read(data)


@pytest.mark.parametrize("whole", [pcap("<", 0xA1B2C3D4), section(">") + interface(">") + enhanced(">", FRAMES[0], 1)])
def test_every_cut_says_so(whole: bytes) -> None:
    for size in range(4, len(whole)):
        if size in _ends(whole):
            assert len(read(whole[:size])) < 3
            continue
        with pytest.raises(ControlError, match=r"cut short|claims"):
            read(whole[:size])


def _ends(whole: bytes) -> set[int]:
    """Where a file may end without being cut: after its header and after each record."""
    if whole[:4] == b"\xd4\xc3\xb2\xa1":
        return {24, 24 + 76, 24 + 76 + 30}
    return {28, 48}


@pytest.mark.parametrize(
    "data",
    [
        pcap("<", 0xA1B2C3D4)[:24] + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0),
        section("<")[:4] + b"\xff\xff\xff\xff",
        section("<") + struct.pack("<II", 6, 13),
        section("<") + enhanced("<", FRAMES[0], 1),
        section("<") + interface("<") + enhanced("<", FRAMES[0], 1, interface=9),
        section("<") + interface("<") + block("<", 6, b"\0" * 8),
        section("<") + block("<", 3, b""),
        section("<") + interface("<") + block("<", 6, struct.pack("<5I", 0, 0, 0, 1000, 1000)),
        section("<")[:-4] + b"\0\0\0\0",
    ],
)
def test_damaged_captures(data: bytes) -> None:
    with pytest.raises(ControlError, match=r"damaged|cut short"):
        read(data)


@settings(deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", pcap("<", 0xA1B2C3D4)[:24], section("<"), section(">") + interface(">")]),
)
def test_any_bytes_end_in_frames_or_a_sentence(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(ControlError):
        assert all(frame.number for frame in read(head + tail))
