"""Captured frames into a pcap file: a binary stream and frames in, the file's bytes out on the stream.

Little-endian, Ethernet; the snapshot length and the unit of times are those that the caller read. Source: the IETF
draft draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from ebpfc.runtime.capture import Frame

_MAGIC: Final = {1_000: 0xA1B2C3D4, 1: 0xA1B23C4D}  # nanoseconds of the smaller time unit → magic
_LINK_ETHERNET: Final = 1
_RECORD: Final = struct.Struct("<4I")


class CaptureWriter:
    """Writes the file's header at once. `snapshot` in bytes, `unit_ns` 1000 (microseconds) or 1."""

    def __init__(self, stream: BinaryIO, snapshot: int, unit_ns: int) -> None:
        self._stream = stream
        self._unit_ns = unit_ns
        stream.write(struct.pack("<IHHiIII", _MAGIC[unit_ns], 2, 4, 0, 0, snapshot, _LINK_ETHERNET))

    def write(self, frame: Frame) -> None:
        """A time after 2106 keeps its low 32 bits of seconds: the format has no more."""
        seconds, rest = divmod(frame.time_ns, 10**9)
        self._stream.write(
            _RECORD.pack(seconds & 0xFFFFFFFF, rest // self._unit_ns, len(frame.data), frame.length) + frame.data
        )
