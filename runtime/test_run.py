"""BPF_PROG_TEST_RUN: one program over one frame, in the kernel, without a device.

In: a program's descriptor and the bytes of a frame. Out: `Outcome`, or the bare return value where speed counts.
Source: net/bpf/test_run.c. What it does not take is answered as `FrameError`, with the reason:
frames under 14 bytes; at tc IPv4 frames under 34 bytes and IPv6 ones under 54; XDP frames that do not fit in a page,
unless the program is `xdp.frags` (some kernels take them and show the program the first part only, which no wire
does). At tc a frame's tag stays in its data here; on a wire the kernel has taken it out.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import struct
from dataclasses import dataclass

from ebpfc.runtime.errors import ControlError, failure_of
from ebpfc.runtime.libbpf import TestRunOptions, libbpf
from ebpfc.runtime.object import LoadedProgram

ETHERNET_HEADER = 14
XDP_LINEAR = mmap.PAGESIZE - 256 - 320
"""Bytes of a frame in one page: without XDP_PACKET_HEADROOM and struct skb_shared_info."""
_OUT_ROOM = 1 << 17  # bytes; a frame of 64 KiB, and what a program may put before it
_FRAME_ERRORS = (errno.EINVAL, errno.E2BIG, errno.ENOMEM, errno.EFAULT)


class FrameError(ControlError):
    """BPF_PROG_TEST_RUN does not take this frame; the packet would be judged on a wire."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`retval`: the program's answer; `duration_ns`: the mean of the repeats; `data`: the frame after it."""

    retval: int
    duration_ns: int
    data: bytes


def xdp_context(frame_length: int, ingress_ifindex: int = 0, rx_queue: int = 0) -> bytes:
    """`struct xdp_md` for ctx_in: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex."""
    return struct.pack("=6I", 0, frame_length, 0, ingress_ifindex, rx_queue, 0)


def skb_context(
    mark: int = 0, gso_size: int = 0, gso_segs: int = 0, ifindex: int = 0, ingress_ifindex: int = 0
) -> bytes:
    """`struct __sk_buff` for ctx_in, with the members that the kernel lets a test set; all others are zero."""
    context = bytearray(192)
    struct.pack_into("=I", context, 8, mark)
    struct.pack_into("=II", context, 36, ingress_ifindex, ifindex)
    struct.pack_into("=I", context, 164, gso_segs)
    struct.pack_into("=I", context, 176, gso_size)
    return bytes(context)


class TestRunner:
    """Runs one program again and again through the same preallocated buffers. Not for several threads at once.
    `largest`: bytes of the longest frame that the program can see whole (XDP_LINEAR at xdp), or no limit."""

    __test__ = False  # pytest: not a class of tests
    __slots__ = ("_call", "_largest", "_options", "_out", "_pointer", "_program_fd")

    def __init__(self, program_fd: int, largest: int | None = None) -> None:
        self._largest = largest if largest is not None else _OUT_ROOM
        self._call = libbpf().bpf_prog_test_run_opts
        self._program_fd = program_fd
        self._options = TestRunOptions(repeat=1)
        self._pointer = ctypes.pointer(self._options)
        self._out: ctypes.Array[ctypes.c_char] | None = None

    def retval(self, frame: bytes, context: bytes | None = None) -> int:
        """The program's answer, unsigned 32 bit. FrameError, or KernelError."""
        if len(frame) > self._largest:
            raise self._refusal(errno.E2BIG, frame)
        options = self._options
        options.data_in, options.data_size_in = frame, len(frame)
        options.data_out, options.data_size_out = None, 0
        options.ctx_in, options.ctx_size_in = context, len(context) if context else 0
        options.repeat = 1
        while (answer := self._call(self._program_fd, self._pointer)) < 0:
            if answer != -errno.EINTR:
                raise self._refusal(-answer, frame)
        return int(options.retval)

    def run(self, frame: bytes, repeat: int = 1, context: bytes | None = None) -> Outcome:
        """As `retval`, with the time of `repeat` runs and the frame that the program leaves."""
        if self._out is None:
            self._out = ctypes.create_string_buffer(_OUT_ROOM)
        if len(frame) > self._largest:
            raise self._refusal(errno.E2BIG, frame)
        options = self._options
        options.data_in, options.data_size_in = frame, len(frame)
        options.ctx_in, options.ctx_size_in = context, len(context) if context else 0
        options.repeat = repeat
        while True:
            options.data_out, options.data_size_out = ctypes.addressof(self._out), _OUT_ROOM
            answer = self._call(self._program_fd, self._pointer)
            if answer >= 0:
                break
            if answer != -errno.EINTR:
                raise self._refusal(-answer, frame)
        size = min(int(options.data_size_out), _OUT_ROOM)
        return Outcome(int(options.retval), int(options.duration), self._out.raw[:size])

    def _refusal(self, error: int, frame: bytes) -> ControlError:
        if error not in _FRAME_ERRORS:
            return failure_of("run the program on a frame", error)
        if len(frame) < ETHERNET_HEADER:
            return FrameError(f"the kernel's test run takes no frame under {ETHERNET_HEADER} bytes")
        if len(frame) > self._largest:
            return FrameError(
                f"at xdp a frame of {len(frame)} bytes comes in parts; the test run takes {self._largest}"
            )
        return FrameError(f"the kernel's test run does not take this frame of {len(frame)} bytes")


def largest_frame(program: LoadedProgram) -> int | None:
    """The `largest` of a program's runner."""
    return XDP_LINEAR if program.section == "xdp" else None


def run(program_fd: int, frame: bytes, repeat: int = 1, context: bytes | None = None) -> Outcome:
    """One run of a program; for many frames keep a TestRunner."""
    return TestRunner(program_fd).run(frame, repeat, context)
