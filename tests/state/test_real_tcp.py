"""TCP of the kernel's own stack through a policy that passes one port and what is established: it works as without."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from ebpfc.testing.guarded import PATIENCE, await_true
from ebpfc.testing.real_traffic import Family, Stage, transfer, transfer_both_ways

pytestmark = pytest.mark.kernel

SIZE = 10 << 20
IDLE = 3
"""Seconds: `tcp_established` of a test."""


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture
def web(talk: Stage, family: Family) -> Iterator[socket.socket]:
    """The server's listening socket, at the port that the policy passes. Nothing that TCP does itself is invalid."""
    before = talk.guard.counts()
    with talk.listener(talk.server, family, 8080) as listener:
        yield listener
    assert talk.guard.count("invalid") == before["invalid"]


def abort(end: socket.socket) -> None:
    """Closes by RST, socket(7), SO_LINGER."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def test_large_transfers_both_ways(talk: Stage, family: Family, web: socket.socket) -> None:
    before, port = talk.guard.counts(), talk.fresh_port()
    client, served = talk.connect(family, web, port)
    with client, served:
        transfer_both_ways(client, served, SIZE)
        flow = talk.guard.await_state(port, "ESTABLISHED")
        assert flow.assured and flow.destination[1] == 8080
        assert min(flow.bytes) > SIZE
    after = talk.guard.counts()
    assert after["web"] - before["web"] == 1
    assert after["established"] - before["established"] > 200


def test_half_close(talk: Stage, family: Family, web: socket.socket) -> None:
    port = talk.fresh_port()
    client, served = talk.connect(family, web, port)
    with client, served:
        client.sendall(b"all that I ask")
        client.shutdown(socket.SHUT_WR)
        assert served.recv(100) == b"all that I ask"
        assert served.recv(100) == b""
        talk.guard.await_state(port, "CLOSE_WAIT")
        transfer(served, client, 1 << 20)
        served.close()
        assert client.recv(100) == b""
        talk.guard.await_state(port, "TIME_WAIT")


@pytest.mark.parametrize("first", ["client", "server"])
def test_a_reset_arrives(talk: Stage, family: Family, web: socket.socket, first: str) -> None:
    port = talk.fresh_port()
    client, served = talk.connect(family, web, port)
    with client, served:
        served.sendall(b"x")
        assert client.recv(1) == b"x"
        aborting, other = (client, served) if first == "client" else (served, client)
        abort(aborting)
        with pytest.raises(ConnectionResetError):
            other.recv(1)
    talk.guard.await_state(port, "CLOSE")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_same_port_again_at_once(talk: Stage, family: Family, web: socket.socket, how: str) -> None:
    """A SYN in TIME_WAIT, and after a reset, begins a connection anew. The server closes first: TIME_WAIT is its."""
    before, port = talk.guard.count("web"), talk.fresh_port()
    for _ in range(3):
        client, served = talk.connect(family, web, port)
        with client, served:
            transfer(client, served, 1000)
            if how == "reset":
                abort(client)
                with pytest.raises(ConnectionResetError):
                    served.recv(1)
            else:
                served.close()
                assert client.recv(1) == b""
        talk.guard.await_state(port, "CLOSE" if how == "reset" else "TIME_WAIT")
    assert talk.guard.count("web") == before + 3


def test_a_refused_port_of_the_clients_own(talk: Stage, family: Family) -> None:
    """The server's kernel connects outwards: its SYN opens, the refusal (RST) is part of it."""
    port = talk.fresh_port()
    nobody = "10.99.0.1" if family == 4 else "fd99::1"
    with closing(outwards(talk, family, port)) as end, pytest.raises(ConnectionRefusedError):
        end.connect((nobody, port))
    assert talk.guard.await_state(port, "CLOSE").destination[1] == port


def test_the_server_connects_outwards(talk: Stage, family: Family) -> None:
    port = talk.fresh_port()
    with talk.listener(talk.client, family, port) as listener, closing(outwards(talk, family, port)) as end:
        end.connect(listener.getsockname()[:2])
        far, _ = listener.accept()
        with far:
            far.settimeout(PATIENCE)
            transfer_both_ways(end, far, 1 << 20)


def outwards(talk: Stage, family: Family, port: int) -> socket.socket:
    with talk.server.entered():
        end = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    end.settimeout(PATIENCE)
    end.bind((talk.server.ipv4 if family == 4 else talk.server.ipv6, port))
    return end


def test_another_port_is_dropped(talk: Stage, family: Family) -> None:
    before = talk.guard.count("unwanted")
    port = talk.fresh_port()
    with talk.listener(talk.server, family, 8081) as listener, pytest.raises(TimeoutError):
        talk.connect(family, listener, port, seconds=0.2)
    talk.guard.await_count("unwanted", before + 1)
    assert talk.guard.flow(port) is None


def test_idle_past_the_timeout(make_stage: Callable[[str], Stage]) -> None:
    """Keepalives hold a connection; one that says nothing is forgotten, and what comes then is dropped."""
    talk = make_stage(f"tcp_established {IDLE}s")
    ends: dict[tuple[Family, bool], tuple[int, socket.socket, socket.socket]] = {}
    for family in (4, 6):
        with talk.listener(talk.server, family, 8080) as listener:
            for alive in (True, False):
                port = talk.fresh_port()
                client, served = talk.connect(family, listener, port)
                ends[family, alive] = port, client, served
                served.sendall(b"x")
                assert client.recv(1) == b"x"
                if alive:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    began = time.monotonic()
    silent = [port for (_, alive), (port, _, _) in ends.items() if not alive]
    await_true(lambda: not any(talk.guard.flow(p) for p in silent), lambda: "a silent connection is remembered")
    time.sleep(max(0.0, began + IDLE + 1 - time.monotonic()))
    before = talk.guard.count("invalid")
    for (_, alive), (port, client, served) in ends.items():
        with client, served:
            client.sendall(b"still there?")
            if alive:
                assert served.recv(100) == b"still there?"
                assert talk.guard.flow(port) is not None
            else:
                served.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    served.recv(100)
                assert talk.guard.flow(port) is None
    assert talk.guard.count("invalid") >= before + 2
