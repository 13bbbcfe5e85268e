"""Datagrams, pings, and the errors about connections, between real sockets."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from ebpfc.testing import packets
from ebpfc.testing.guarded import PATIENCE, await_true
from ebpfc.testing.netns import receive
from ebpfc.testing.packets import Layer
from ebpfc.testing.real_traffic import (
    Family,
    Stage,
    address,
    ip_packet,
    numbers,
    ping,
    transfer_both_ways,
    with_checksum,
)

pytestmark = pytest.mark.kernel

_IP_MTU, _IPV6_MTU = 14, 24  # linux/in.h, linux/in6.h
SMALL = 1300
"""An MTU on the way."""
SHORT = 0.2
"""Seconds that a test waits for what must not come, when counters have told already that it was dropped."""


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture
def pair(talk: Stage, family: Family) -> Iterator[tuple[socket.socket, socket.socket, int]]:
    """A UDP socket of the client, one of the server, and the port of both."""
    port = talk.fresh_port()
    with talk.datagrams(talk.client, family, port) as client, talk.datagrams(talk.server, family, port) as server:
        yield client, server, port


def too_big(family: Family, quoted: Layer, mtu: int) -> Layer:
    """What a router says of a packet that does not fit, RFC 1191 and RFC 4443."""
    if family == 4:
        return packets.icmp(3, 4, rest=mtu, data=quoted.data[:28])
    return packets.icmp6(2, rest=mtu, data=quoted.data[:60])


def path_mtu(end: socket.socket, family: Family) -> int:
    """Of a connected socket, ip(7)."""
    level, name = (socket.IPPROTO_IP, _IP_MTU) if family == 4 else (socket.IPPROTO_IPV6, _IPV6_MTU)
    return end.getsockopt(level, name)


def test_answers_to_the_servers_datagrams(
    talk: Stage, family: Family, pair: tuple[socket.socket, socket.socket, int]
) -> None:
    client, server, port = pair
    before = talk.guard.counts()
    client.sendto(b"unasked", (address(talk.server, family), port))
    talk.guard.await_count("unwanted", before["unwanted"] + 1)
    assert talk.guard.flow(port) is None
    server.sendto(b"question", (address(talk.client, family), port))
    assert client.recv(100) == b"question"
    client.sendto(b"answer", (address(talk.server, family), port))
    assert server.recv(100) == b"answer"  # and not what was sent unasked
    flow = talk.guard.flow(port)
    assert flow is not None and flow.assured and flow.packets == (1, 1)
    assert flow.source == (address(talk.server, family), port)


def test_an_unreachable_port_is_told(talk: Stage, family: Family) -> None:
    """The client's kernel answers a datagram to a closed port by an ICMP error: related."""
    before, port = talk.guard.count("related"), talk.fresh_port()
    with talk.datagrams(talk.server, family, port) as server:
        server.connect((address(talk.client, family), port))
        server.send(b"is anybody there?")
        with pytest.raises(ConnectionRefusedError):
            server.recv(100)
    assert talk.guard.count("related") == before + 1


def test_an_error_about_nothing_is_dropped(
    talk: Stage, family: Family, pair: tuple[socket.socket, socket.socket, int]
) -> None:
    """The same error of a datagram that was never sent, though the server's socket would believe it."""
    _, server, port = pair
    server.connect((address(talk.client, family), port))
    quoted = ip_packet(family, talk.server, talk.client, packets.udp(b"", sport=port, dport=port))
    before = talk.guard.count("invalid")
    if family == 4:
        talk.inject(family, packets.icmp(3, 3, data=quoted.data))
    else:
        talk.inject(family, packets.icmp6(1, 4, data=quoted.data))
    talk.guard.await_count("invalid", before + 1)
    server.settimeout(SHORT)
    with pytest.raises(TimeoutError):
        server.recv(1)


def test_pings(talk: Stage, family: Family) -> None:
    before, number = talk.guard.count("unwanted"), talk.fresh_port()
    assert ping(talk.server, family, address(talk.client, family), number, PATIENCE)
    flow = talk.guard.flow(number)
    assert flow is not None and flow.assured
    assert not ping(talk.client, family, address(talk.server, family), number + 10_000, SHORT)
    talk.guard.await_count("unwanted", before + 1)
    assert talk.guard.flow(number + 10_000) is None


def test_an_unasked_answer_to_a_ping(talk: Stage, family: Family) -> None:
    before = talk.guard.count("invalid")
    make, kind = (packets.icmp, 0) if family == 4 else (packets.icmp6, 129)
    talk.inject(family, make(kind, rest=77 << 16 | 1))
    talk.guard.await_count("invalid", before + 1)


def test_path_mtu_of_a_connection(talk: Stage, family: Family) -> None:
    """A router's word about a segment of a real connection reaches TCP; about another's port it does not."""
    port = talk.fresh_port()
    with talk.listener(talk.server, family, 8080) as listener:
        client, served = talk.connect(family, listener, port)
    with client, served:
        transfer_both_ways(client, served, 1000)
        assert path_mtu(served, family) == 1500
        sequence, ack = numbers(served)
        for dport, name, mtu in ((port + 10_000, "invalid", 1400), (port, "related", SMALL)):
            segment = packets.tcp(bytes(8), sport=8080, dport=dport, flags=0x10, sequence=sequence, ack=ack)
            before = talk.guard.count(name)
            talk.inject(family, too_big(family, ip_packet(family, talk.server, talk.client, segment), mtu))
            talk.guard.await_count(name, before + 1)
        await_true(lambda: path_mtu(served, family) == SMALL, lambda: f"the MTU is {path_mtu(served, family)}")
        transfer_both_ways(client, served, 100_000)
    talk.server.run("ip", f"-{family}", "route", "flush", "cache")


def test_unreachable_ends_a_connection_in_the_making(talk: Stage, family: Family) -> None:
    """The server's kernel connects to a host that a router says is not to be reached."""
    port = talk.fresh_port()
    with talk.server.entered():
        end = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    with closing(end), talk.client.raw_socket() as wire:
        end.bind((address(talk.server, family), port))
        end.setblocking(False)
        somewhere = "10.99.0.77" if family == 4 else "fd99::77"
        neighbour = ("ip", "neigh", "replace", somewhere, "lladdr", talk.client.mac.hex(":"), "dev", "pf0")
        talk.server.run(*neighbour)
        assert end.connect_ex((somewhere, 9)) == errno.EINPROGRESS
        syn = receive(wire, lambda frame: port.to_bytes(2, "big") + b"\0\x09" in frame[34:60], PATIENCE)
        assert syn is not None
        quoted = syn[14:]
        error = packets.icmp(3, 1, data=quoted) if family == 4 else packets.icmp6(1, 3, data=quoted)
        before = talk.guard.count("related")
        talk.inject(family, error)
        talk.guard.await_count("related", before + 1)
        talk.guard.await_state(port, "SYN_SENT")


def test_checksums_of_this_file(family: Family) -> None:
    """What the tests above inject a kernel must take: a checksum over a right packet with it is 0."""
    src, dst = ("10.0.0.1", "10.0.0.2") if family == 4 else ("fd99::1", "fd99::2")
    made = with_checksum(packets.udp(b"abc"), src, dst).data
    ends = (packets.ipv4(src) + packets.ipv4(dst)) if family == 4 else (packets.ipv6(src) + packets.ipv6(dst))
    pseudo = ends + len(made).to_bytes(4, "big") + (17).to_bytes(4, "big")
    assert packets.internet_checksum(pseudo + made + bytes(len(made) % 2)) == 0
