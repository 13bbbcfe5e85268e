"""Traffic of the kernels at both ends of a veth pair: sockets that talk, and frames put among what they say.

In: `Side`s and `Guard` of one policy. Out: a `Stage`, on which a client (the left side) talks to a server (the right
one, guarded), over IPv4 or IPv6. Sockets have deadlines: what does not come raises TimeoutError.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

from ebpfc.testing import packets
from ebpfc.testing.guarded import PATIENCE, Guard, guarded
from ebpfc.testing.netns import DEVICE, Side, veth_pair
from ebpfc.testing.packets import Layer

Family = Literal[4, 6]
_DOMAINS: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h
_RECEIVED, _SENT, _REPAIR_OFF_QUIETLY = 1, 2, -1
_CHECKSUM_AT: Final = {1: 2, 6: 16, 17: 6, 58: 2}
"""Byte of the checksum by protocol: RFC 792, 9293, 768, 4443."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`client` is free to send what it likes; `guard` stands before `server`."""

    client: Side
    server: Side
    guard: Guard
    _ports: Iterator[int] = field(default_factory=lambda: itertools.count(20001))

    def fresh_port(self) -> int:
        """One that nobody on this stage has used yet, below those that kernels choose."""
        return next(self._ports)

    def listener(self, side: Side, family: Family, port: int) -> socket.socket:
        return _bound(side, family, socket.SOCK_STREAM, port, listening=True)

    def datagrams(self, side: Side, family: Family, port: int) -> socket.socket:
        """A UDP socket."""
        return _bound(side, family, socket.SOCK_DGRAM, port)

    def connect(
        self, family: Family, listener: socket.socket, source_port: int, seconds: float = PATIENCE
    ) -> tuple[socket.socket, socket.socket]:
        """The client's end and the server's end of a connection to `listener`. Raises TimeoutError."""
        client = _bound(self.client, family, socket.SOCK_STREAM, source_port)
        try:
            client.settimeout(seconds)
            client.connect((address(self.server, family), listener.getsockname()[1]))
            served, _ = listener.accept()
        except BaseException:
            client.close()
            raise
        for end in (client, served):
            end.settimeout(PATIENCE)
        return client, served

    def inject(self, family: Family, carried: Layer) -> None:
        """Puts an IP packet from the client to the server on the wire, its checksums right."""
        self.client.send(framed(self.client, self.server, ip_packet(family, self.client, self.server, carried)))


@contextmanager
def stage(text: str) -> Iterator[Stage]:
    """A pair of namespaces; the policy `text` guards the right one."""
    with veth_pair() as (client, server), guarded(text, server.path, DEVICE) as guard:
        yield Stage(client, server, guard)


def address(side: Side, family: Family) -> str:
    return side.ipv4 if family == 4 else side.ipv6


def ip_packet(family: Family, source: Side, destination: Side, carried: Layer) -> Layer:
    src, dst = address(source, family), address(destination, family)
    make = packets.ip4 if family == 4 else packets.ip6
    return make(with_checksum(carried, src, dst), src=src, dst=dst)


def framed(source: Side, destination: Side, packet: Layer) -> bytes:
    return packets.ether(packet, dst=destination.mac.hex(), src=source.mac.hex())


def with_checksum(carried: Layer, src: str, dst: str) -> Layer:
    """TCP, UDP, ICMP and ICMPv6 as a kernel takes them; what else there is stays as it is. RFC 1071, RFC 8200 section
    8.1."""
    at = _CHECKSUM_AT.get(carried.number)
    if at is None:
        return carried
    ends = b""
    if carried.number != 1:
        pack = packets.ipv6 if ":" in src else packets.ipv4
        ends = pack(src) + pack(dst) + struct.pack("!II", len(carried.data), carried.number)
    body = carried.data[:at] + bytes(2) + carried.data[at + 2 :]
    number = packets.internet_checksum(ends + body + bytes(len(body) % 2)) or 0xFFFF
    return Layer(carried.number, body[:at] + struct.pack("!H", number) + body[at + 2 :])


def numbers(end: socket.socket) -> tuple[int, int]:
    """The sequence number of the next byte that this end will send, and of the next that it expects (TCP_REPAIR)."""
    end.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    try:
        found: list[int] = []
        for queue in (_SENT, _RECEIVED):
            end.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, queue)
            found.append(end.getsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ) & 0xFFFFFFFF)
    finally:
        end.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _REPAIR_OFF_QUIETLY)
    return found[0], found[1]


def transfer(sender: socket.socket, receiver: socket.socket, size: int) -> None:
    """`size` random bytes arrive as they were sent."""
    data = os.urandom(size)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.sendall, data)
        seen = sha256()
        left = size
        while left:
            some = receiver.recv(min(left, 1 << 16))
            assert some, f"the connection ended {left} bytes early"
            seen.update(some)
            left -= len(some)
        sent.result(PATIENCE)
    assert seen.digest() == sha256(data).digest()


def transfer_both_ways(one: socket.socket, other: socket.socket, size: int) -> None:
    """At once, `size` bytes each way."""
    with ThreadPoolExecutor(2) as pool:
        ways = [pool.submit(transfer, one, other, size), pool.submit(transfer, other, one, size)]
        for way in ways:
            way.result(6 * PATIENCE)


def ping(side: Side, family: Family, to: str, identifier: int, seconds: float) -> bool:
    """Whether an echo request is answered."""
    protocol, request, answer = (1, 8, 0) if family == 4 else (58, 128, 129)
    with side.entered():
        channel = socket.socket(_DOMAINS[family], socket.SOCK_RAW, protocol)
    make = packets.icmp if family == 4 else packets.icmp6
    echo = with_checksum(make(request, rest=identifier << 16 | 1, data=b"ebpfc"), address(side, family), to)
    with channel, suppress(TimeoutError):
        channel.settimeout(seconds)
        channel.sendto(echo.data, (to, 0))
        while True:
            data = channel.recv(2048)[20 if family == 4 else 0 :]
            if data[0] == answer and data[4:6] == identifier.to_bytes(2, "big"):
                return True
    return False


def _bound(side: Side, family: Family, kind: socket.SocketKind, port: int, *, listening: bool = False) -> socket.socket:
    with side.entered():
        end = socket.socket(_DOMAINS[family], kind)
    try:
        end.settimeout(PATIENCE)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind((address(side, family), port))
        if listening:
            end.listen()
    except BaseException:
        end.close()
        raise
    return end
