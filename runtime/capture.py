"""Captured frames out of pcap and pcapng files: a binary stream in, `Frame` after `Frame` out.

Sources: the IETF drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Either byte order; Ethernet only, since
rules are about Ethernet frames. Every length is checked; a damaged or cut file ends in a ControlError that says where.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from ebpfc.runtime.errors import ControlError

_LINK_ETHERNET: Final = 1
_MAX_FRAME: Final = 1 << 18  # bytes; libpcap's own limit of a snapshot
_MAX_BLOCK: Final = 16 << 20
_PCAP: Final = {0xA1B2C3D4: 1_000, 0xA1B23C4D: 1}  # magic → nanoseconds of its smaller time unit
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_OPTION_TIME_UNIT: Final = 9


@dataclass(frozen=True, slots=True)
class Frame:
    """`number` counts from 1; `time_ns` since 1970, 0 if unknown; `length` on the wire, `data` what was captured."""

    number: int
    time_ns: int
    length: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture being read: `frames` come as they are asked for. `snapshot` is the most that was kept of a frame, in
    bytes; `unit_ns` the smaller unit of its times, 1000 or 1. Of pcapng, whose interfaces may differ, the largest and
    the finest."""

    frames: Iterator[Frame]
    snapshot: int
    unit_ns: int


def read_capture(stream: BinaryIO) -> Iterator[Frame]:
    """The frames of a capture. ControlError for what is none."""
    return open_capture(stream).frames


def open_capture(stream: BinaryIO) -> Capture:
    """A capture whose header is read. ControlError for what is none, now or when its damaged frame is reached."""
    head = stream.read(4)
    for order in "<>":
        if len(head) == 4 and struct.unpack(f"{order}I", head)[0] in _PCAP:
            return _pcap(stream, order, _PCAP[struct.unpack(f"{order}I", head)[0]])
    if len(head) == 4 and struct.unpack("<I", head)[0] == _SECTION:
        return Capture(_pcapng(stream), _MAX_FRAME, 1)
    raise ControlError("this is no capture in pcap or pcapng format", ("record one: tcpdump -i DEV -w capture.pcap",))


def _pcap(stream: BinaryIO, order: str, unit: int) -> Capture:
    header = _exactly(stream, 20, "its header")
    snapshot, link = struct.unpack_from(f"{order}2I", header, 12)
    _require_ethernet(link & 0xFFFF)
    return Capture(_pcap_frames(stream, order, unit), snapshot or _MAX_FRAME, unit)


def _pcap_frames(stream: BinaryIO, order: str, unit: int) -> Iterator[Frame]:
    record = struct.Struct(f"{order}4I")
    number = 0
    while head := stream.read(record.size):
        number += 1
        if len(head) < record.size:
            raise _cut(f"frame {number}")
        seconds, fraction, captured, length = record.unpack(head)
        if captured > _MAX_FRAME:
            raise ControlError(f"this capture is damaged: frame {number} claims {captured} bytes")
        yield Frame(number, seconds * 10**9 + fraction * unit, length, _exactly(stream, captured, f"frame {number}"))


@dataclass(frozen=True, slots=True)
class _Interface:
    link: int
    snapshot: int
    ticks: int  # a second


def _pcapng(stream: BinaryIO) -> Iterator[Frame]:
    order = "<"
    interfaces: list[_Interface] = []
    number = 0
    kind_bytes = struct.pack("<I", _SECTION)
    while kind_bytes:
        place = f"a block after frame {number}"
        if len(kind_bytes) < 4:
            raise _cut(place)
        rest = _exactly(stream, 4, place)
        if kind_bytes == struct.pack("<I", _SECTION):  # reads the same in both orders
            magic = _exactly(stream, 4, place)
            order = "<" if struct.unpack("<I", magic)[0] == _BYTE_ORDER_MAGIC else ">"
            if struct.unpack(f"{order}I", magic)[0] != _BYTE_ORDER_MAGIC:
                raise ControlError("this capture is damaged: a section without byte order")
            interfaces = []
            _block(stream, order, rest, 4, place)
        else:
            kind = struct.unpack(f"{order}I", kind_bytes)[0]
            body = _block(stream, order, rest, 0, place)
            try:
                if kind == _INTERFACE:
                    interfaces.append(_interface(body, order))
                elif kind in (_OLD_PACKET, _SIMPLE, _ENHANCED):
                    number += 1
                    yield _packet(kind, body, order, interfaces, number)
            except (struct.error, IndexError):
                raise ControlError(f"this capture is damaged: {place} is too short") from None
        kind_bytes = stream.read(4)


def _block(stream: BinaryIO, order: str, size_bytes: bytes, already: int, place: str) -> bytes:
    """A block's body, without the `already` read bytes of it; its length stands before and after."""
    size = struct.unpack(f"{order}I", size_bytes)[0]
    if size % 4 or not 12 + already <= size <= _MAX_BLOCK:
        raise ControlError(f"this capture is damaged: {place} claims {size} bytes")
    body = _exactly(stream, size - 12 - already, place)
    if _exactly(stream, 4, place) != size_bytes:
        raise ControlError(f"this capture is damaged: the two lengths of {place} differ")
    return body


def _interface(body: bytes, order: str) -> _Interface:
    link, _, snapshot = struct.unpack_from(f"{order}HHI", body)
    ticks, offset = 10**6, 8
    while offset + 4 <= len(body):
        code, size = struct.unpack_from(f"{order}HH", body, offset)
        if code == 0:
            break
        if code == _OPTION_TIME_UNIT and size == 1:
            exponent = body[offset + 4]
            ticks = 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
        offset += 4 + (size + 3 & ~3)
    return _Interface(link, snapshot, ticks)


def _packet(kind: int, body: bytes, order: str, interfaces: list[_Interface], number: int) -> Frame:
    if kind == _SIMPLE:
        interface = interfaces[0]
        (length,) = struct.unpack_from(f"{order}I", body)
        captured, start, time_ns = min(length, interface.snapshot or length, len(body) - 4), 4, 0
    else:
        form = f"{order}5I" if kind == _ENHANCED else f"{order}HH4I"
        fields = struct.unpack_from(form, body)
        high, low, captured, length = fields[-4:]
        interface, start = interfaces[fields[0]], struct.calcsize(form)
        time_ns = (high << 32 | low) * 10**9 // interface.ticks
    _require_ethernet(interface.link)
    if captured > len(body) - start or captured > _MAX_FRAME:
        raise ControlError(f"this capture is damaged: frame {number} claims {captured} bytes")
    return Frame(number, time_ns, length, body[start : start + captured])


def _require_ethernet(link: int) -> None:
    if link != _LINK_ETHERNET:
        raise ControlError(
            f"this capture is not of Ethernet frames (link type {link})",
            ("record on one device, not on `any`: tcpdump -i eth0 -w capture.pcap",),
        )


def _exactly(stream: BinaryIO, size: int, place: str) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise _cut(place)
    return data


def _cut(place: str) -> ControlError:
    return ControlError(f"this capture is cut short in {place}")
