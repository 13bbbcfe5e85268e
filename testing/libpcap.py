"""The third reading of a rule: libpcap. In: an expression of pcap-filter(7), frames. Out: whether it matches each.

Through the system's libpcap 1.x by ctypes; `libpcap_reason` says why there is none. Names in an expression must be
services or protocols: libpcap would look up any other as a host.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from functools import cache

ETHERNET = 1  # DLT_EN10MB
SNAPSHOT = 65_535


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class _Header(ctypes.Structure):
    """struct pcap_pkthdr"""

    _fields_ = (
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("captured", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    )


@cache
def _library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("pcap")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
    library.pcap_compile.argtypes = (
        ctypes.c_void_p,
        ctypes.POINTER(_Program),
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_uint32,
    )
    library.pcap_offline_filter.argtypes = (ctypes.POINTER(_Program), ctypes.POINTER(_Header), ctypes.c_char_p)
    library.pcap_geterr.restype = ctypes.c_char_p
    library.pcap_geterr.argtypes = (ctypes.c_void_p,)
    library.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
    library.pcap_close.argtypes = (ctypes.c_void_p,)
    return library


def libpcap_reason() -> str | None:
    """Why expressions cannot be read by libpcap here; None when they can."""
    return None if _library() is not None else "needs libpcap"


class LibpcapFilter:
    """One compiled expression; `netmask` of `ip broadcast` in host order. Raises ValueError with libpcap's words.

    `optimize=False` keeps every load, so that the filter stops at each byte that is missing, and takes an expression
    that no packet can satisfy.
    """

    def __init__(self, expression: str, netmask: int = 0, *, optimize: bool = True) -> None:
        library = _library()
        if library is None:
            raise ValueError("there is no libpcap")
        handle = library.pcap_open_dead(ETHERNET, SNAPSHOT)
        try:
            program = _Program()
            if library.pcap_compile(handle, ctypes.byref(program), expression.encode(), int(optimize), netmask) != 0:
                raise ValueError(library.pcap_geterr(handle).decode(errors="replace"))
        finally:
            library.pcap_close(handle)
        self._library, self._program = library, program

    def instructions(self) -> tuple[tuple[int, int, int, int], ...]:
        """The classic BPF: code, jt, jf and k of each struct bpf_insn (bpf(4))."""
        raw = ctypes.string_at(self._program.instructions or 0, self._program.length * 8)
        return tuple(struct.iter_unpack("=HBBI", raw))

    def matches(self, frame: bytes, length: int | None = None) -> bool:
        """`length` is what `len` says of the frame, when that is not how many bytes are there."""
        header = _Header(0, 0, len(frame), len(frame) if length is None else length)
        kept: int = self._library.pcap_offline_filter(ctypes.byref(self._program), ctypes.byref(header), frame)
        return kept != 0

    def __del__(self) -> None:
        if hasattr(self, "_program"):
            self._library.pcap_freecode(ctypes.byref(self._program))
