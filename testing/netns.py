"""Scratch network namespaces joined by a veth pair, for tests that need packets on a wire.

In: nothing. Out: `veth_pair()`, two `Side`s, each a namespace of its own with one end of the pair, and raw frames
sent and received there. Everything is taken away at the end, whatever happened. Needs root and iproute2.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ebpfc.runtime.namespaces import network

DEVICE = "pf0"
_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_TAG_VALID, _TAG_TYPE_VALID = 0x10, 0x40  # TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID
_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class Side:
    """One end: the device DEVICE in network namespace `namespace`, with these addresses."""

    namespace: str
    mac: bytes
    ipv4: str
    ipv6: str

    @property
    def path(self) -> Path:
        return Path("/run/netns") / self.namespace

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Inside, this thread is in the namespace; sockets made there stay in it."""
        with network(self.path):
            yield

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command in the namespace (its mounts too are its own then: use `ebpfctl --netns` for pins)."""
        return run("ip", "netns", "exec", self.namespace, *argv, check=check)

    def ifindex(self) -> int:
        with self.entered():
            return socket.if_nametoindex(DEVICE)

    def send(self, *frames: bytes) -> None:
        """Puts frames on the wire as they are. A tag in them travels in the data; the receiving kernel takes the
        outermost out before tc ingress, and leaves it for XDP."""
        with self.raw_socket() as channel:
            for frame in frames:
                channel.send(frame)

    @contextmanager
    def raw_socket(self) -> Iterator[socket.socket]:
        """An AF_PACKET socket bound to the device: it sends, and sees whatever arrives past XDP and tc ingress."""
        with self.entered():
            channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        with channel:
            channel.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            channel.bind((DEVICE, _ETH_P_ALL))
            yield channel


@contextmanager
def veth_pair(*, quiet: bool = False) -> Iterator[tuple[Side, Side]]:
    """Two namespaces, both ends up, with 10.99.0.1 / fd99::1 and 10.99.0.2 / fd99::2, no duplicate detection.
    `quiet`: without addresses and IPv6, so that the kernels at both ends send nothing of their own."""
    stem = f"pf-{os.getpid()}-{next(_serial)}"
    sides = [
        Side(f"{stem}{letter}", bytes.fromhex(f"0200000099{n:02x}"), f"10.99.0.{n}", f"fd99::{n}")
        for n, letter in ((1, "a"), (2, "b"))
    ]
    left, right = sides
    try:
        for side in sides:
            run("ip", "netns", "add", side.namespace)
        run(
            *("ip", "-n", left.namespace, "link", "add", DEVICE, "address", left.mac.hex(":"), "type", "veth"),
            *("peer", "name", DEVICE, "address", right.mac.hex(":"), "netns", right.namespace),
        )
        for side in sides:
            _bring_up(side, quiet)
        _wait_for_carrier(left)
        yield left, right
    finally:
        for side in sides:
            with contextlib.suppress(subprocess.CalledProcessError):
                run("ip", "netns", "del", side.namespace)


def receive(channel: socket.socket, wanted: Callable[[bytes], bool], seconds: float = 1.0) -> bytes | None:
    """The first frame that arrives and is `wanted`, its tag put back where it was on the wire; None when time is up."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        channel.settimeout(left)
        try:
            data, ancillary, _, address = channel.recvmsg(1 << 17, 64)
        except TimeoutError:
            return None
        if address[2] == socket.PACKET_OUTGOING:
            continue
        frame = _with_tag(data, ancillary)
        if wanted(frame):
            return frame
    return None


def run(*argv: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command, its output kept; CalledProcessError, with that output as a note, when it fails and `check` is set."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode:
        problem = subprocess.CalledProcessError(done.returncode, list(argv), done.stdout, done.stderr)
        problem.add_note(done.stderr.strip())
        raise problem
    return done


def _bring_up(side: Side, quiet: bool) -> None:
    commands: Sequence[tuple[str, ...]] = (
        ("link", "set", "lo", "up"),
        ("link", "set", DEVICE, "up"),
        ("addr", "add", f"{side.ipv4}/24", "dev", DEVICE),
        ("addr", "add", f"{side.ipv6}/64", "dev", DEVICE, "nodad"),
    )
    if quiet:
        commands = (("link", "set", DEVICE, "arp", "off"), commands[1])
        with side.entered():
            Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6").write_text("1", encoding="ascii")
    for command in commands:
        run("ip", "-n", side.namespace, *command)


def _wait_for_carrier(side: Side) -> None:
    for _ in range(200):
        if "LOWER_UP" in run("ip", "-n", side.namespace, "link", "show", DEVICE).stdout:
            return
        time.sleep(0.01)
    raise TimeoutError("the veth pair did not come up")


def _with_tag(data: bytes, ancillary: list[tuple[int, int, bytes]]) -> bytes:
    """`struct tpacket_auxdata` tells of a tag that the kernel has taken out of the data."""
    for level, kind, content in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(content) >= 20:
            (status,) = struct.unpack_from("=I", content)
            tci, tpid = struct.unpack_from("=HH", content, 16)
            if status & _TAG_VALID:
                tag = struct.pack("!HH", tpid if status & _TAG_TYPE_VALID else 0x8100, tci)
                return data[:12] + tag + data[12:]
    return data
