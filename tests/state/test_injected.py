"""Frames that belong to no connection, put beside real ones: none gets through, and no connection ends by them.

A kernel refuses most of them by itself, so the policy's counters are asked too: it must have been the first to refuse.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ebpfc.testing import packets
from ebpfc.testing.conversations import flag_bits
from ebpfc.testing.netns import receive
from ebpfc.testing.packets import Layer
from ebpfc.testing.real_traffic import Family, Stage, numbers, transfer_both_ways

pytestmark = pytest.mark.kernel


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A real connection, and what an attacker would have to guess of it."""

    talk: Stage
    family: Family
    port: int
    client: socket.socket
    served: socket.socket

    def segment(self, flags: str, *, sequence: int = 0, ack: int = 0, data: bytes = b"") -> Layer:
        """From the client; `sequence` and `ack` count from what would be right now."""
        sends, expects = numbers(self.client)
        return packets.tcp(
            data,
            sport=self.port,
            dport=8080,
            flags=flag_bits(flags),
            sequence=(sends + sequence) % 2**32,
            ack=(expects + ack) % 2**32 if "A" in flags else 0,
        )

    def refuse(self, segment: Layer) -> None:
        """The policy calls it invalid."""
        before = self.talk.guard.count("invalid")
        self.talk.inject(self.family, segment)
        self.talk.guard.await_count("invalid", before + 1)


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture
def dialogue(talk: Stage, family: Family) -> Iterator[Dialogue]:
    """Both ends have said something, and wait."""
    port = talk.fresh_port()
    with talk.listener(talk.server, family, 8080) as listener:
        client, served = talk.connect(family, listener, port)
        with client, served:
            transfer_both_ways(client, served, 5000)
            yield Dialogue(talk, family, port, client, served)


@pytest.mark.parametrize("sequence", [-5000, -1, 1, 1000])
@pytest.mark.parametrize("flags", ["R", "RA"])
def test_a_reset_somewhere_in_the_window(dialogue: Dialogue, sequence: int, flags: str) -> None:
    """It passes, and the end that it goes to asks whether it was meant (RFC 5961): nobody's connection ends."""
    established = dialogue.talk.guard.count("established")
    dialogue.talk.inject(dialogue.family, dialogue.segment(flags, sequence=sequence))
    dialogue.talk.guard.await_count("established", established + 1)
    assert dialogue.talk.guard.await_state(dialogue.port, "ESTABLISHED").assured
    transfer_both_ways(dialogue.client, dialogue.served, 5000)


@pytest.mark.parametrize("sequence", [1 << 30, 1 << 31, -(1 << 29), 20 << 20])
@pytest.mark.parametrize("flags", ["R", "RA"])
def test_a_reset_out_of_window(dialogue: Dialogue, sequence: int, flags: str) -> None:
    dialogue.refuse(dialogue.segment(flags, sequence=sequence))
    assert dialogue.talk.guard.await_state(dialogue.port, "ESTABLISHED").assured
    transfer_both_ways(dialogue.client, dialogue.served, 5000)


def test_a_reset_with_the_right_number(dialogue: Dialogue) -> None:
    """The other half of the test above: this one is taken for the client's own."""
    dialogue.talk.inject(dialogue.family, dialogue.segment("R"))
    with pytest.raises(ConnectionResetError):
        dialogue.served.recv(1)
    dialogue.talk.guard.await_state(dialogue.port, "CLOSE")


@pytest.mark.parametrize(
    ("flags", "sequence", "ack"),
    [("A", 1 << 30, 0), ("A", 0, 1 << 30), ("A", 0, -(1 << 20)), ("FA", -100_000, 0)],
    ids=["sequence", "ack-of-what-was-not-sent", "ack-long-past", "fin"],
)
def test_data_out_of_window(dialogue: Dialogue, flags: str, sequence: int, ack: int) -> None:
    dialogue.refuse(dialogue.segment(flags, sequence=sequence, ack=ack, data=b"injected"))
    dialogue.talk.guard.await_state(dialogue.port, "ESTABLISHED")
    transfer_both_ways(dialogue.client, dialogue.served, 5000)


@pytest.mark.parametrize("flags", ["", "SF", "SR", "FPU", "F", "P", "SRFAPU"])
def test_flags_that_mean_nothing(dialogue: Dialogue, flags: str) -> None:
    dialogue.refuse(dialogue.segment(flags))
    transfer_both_ways(dialogue.client, dialogue.served, 100)


@pytest.mark.parametrize("flags", ["A", "FA", "RA", "R", "SA", "PA", "F", "FPU", ""])
def test_scans_without_a_connection(talk: Stage, family: Family, flags: str) -> None:
    """A server without filter answers most of these by RST, at an open port and at a closed one."""
    before = talk.guard.count("invalid")
    port = talk.fresh_port()
    with talk.listener(talk.server, family, 8080), talk.client.raw_socket() as answers:
        for number in (8080, 8081):
            talk.inject(family, packets.tcp(sport=port, dport=number, flags=flag_bits(flags), sequence=7, ack=9))
        talk.guard.await_count("invalid", before + 2)
        asked = port.to_bytes(2, "big")
        assert receive(answers, lambda frame: asked in frame[34:60], 0.02) is None
    assert talk.guard.flow(port) is None


def test_a_syn_from_a_forged_source_opens_nothing_for_others(dialogue: Dialogue) -> None:
    """A SYN within a connection is ignored, RFC 5961 section 4: the server may answer it, nothing changes."""
    before = dialogue.talk.guard.flow(dialogue.port)
    established = dialogue.talk.guard.count("established")
    dialogue.talk.inject(dialogue.family, dialogue.segment("S", sequence=12345))
    dialogue.talk.guard.await_count("established", established + 1)
    after = dialogue.talk.guard.flow(dialogue.port)
    assert before is not None and after is not None and after.state == before.state == "ESTABLISHED"
    transfer_both_ways(dialogue.client, dialogue.served, 5000)
