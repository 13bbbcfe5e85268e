"""Random TCP conversations. In: a `random.Random`, two hosts, what is tracked of them. Out: segment after segment.

Client and server walk RFC 9293's states honestly, as far as what they send arrives. Between their segments come old
ones again, resets, and segments at the edges of the windows, with other flags, or with other acknowledgments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

from ebpfc.testing.conversations import Hosts, Side, scale_option
from ebpfc.testing.packets import Layer
from ebpfc.testing.semantics.connections.windows import LEAST_ACK_WINDOW, Window

FIRST_NUMBERS = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 2, 2**32 - 1000, 2**32 - 66_000)
WINDOWS = (0, 1, 2, 100, 1000, 8192, 64_240, 65_535)
SCALES = (0, 1, 7, 14, 15, 255)
SIZES = (0, 0, 0, 1, 2, 40, 400, 1400)
MOST_AT_ONCE = 1400
"""Bytes of a segment that is sent again."""
CLASSES = ("S", "SA", "FA", "A", "S", "SA", "FA", "A", "R", "RA")
FLAGS = ("S", "SA", "R", "RA", "FA", "A", "A", "F", "", "SF", "SR", "FR", "P", "PA", "SFA", "FRA", "PAU", "AEW")
OTHER_OPTIONS = (
    b"",
    b"",
    b"\x02\x04\x05\xb4",
    b"\x01\x01",
    b"\x08\x0a" + bytes(8),
    b"\x00",
    b"\x05\x00",
    b"\x03\x04\x02\x00",
)


class Sent(NamedTuple):
    """A segment; numbers count from the ISNs, as in `Hosts`."""

    side: Side
    flags: str
    sequence: int
    ack: int
    size: int
    window: int
    options: bytes = b""

    @property
    def end(self) -> int:
        return self.sequence + self.size + ("S" in self.flags) + ("F" in self.flags)


@dataclass(slots=True)
class _Peer:
    """`sent`: the number behind what it sent, 0 before its SYN. `heard`: behind what has arrived of the other's."""

    sent: int = 0
    heard: int = 0
    finished: bool = False
    window: int = 64_240
    options: bytes = b""


@dataclass(slots=True)
class TcpConversation:
    """`hosts` are replaced where a new connection with other ISNs begins between the same ends."""

    rng: Random
    hosts: Hosts
    peers: dict[Side, _Peer] = field(default_factory=dict)
    history: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begin()

    def next(self, windows: tuple[Window, Window] | None) -> tuple[Side, Layer]:
        """The next segment and who sends it. `windows` of client and server are what is tracked, if anything is."""
        if windows is None and self.peers["server"].heard and self.rng.random() < 0.2:
            self._begin()  # it was forgotten: nothing that goes on would be let in
        kind = self.rng.random()
        if kind < 0.12 and self.history:
            sent = self.rng.choice(self.history[-6:])
        elif kind < 0.14 and self.history:
            sent = self._reset()
        elif kind < 0.26 and windows is not None:
            sent = self._at_an_edge(windows)
        elif kind < 0.33 and windows is not None:
            sent = self._of_any_class(windows)
        elif kind < 0.35:
            sent = self._odd()
        else:
            sent = self._honest()
        self.history = [*self.history[-20:], sent]
        data = bytes(sent.size)
        return sent.side, self.hosts.segment(
            sent.side, sent.flags, sent.sequence, sent.ack, data, sent.window, sent.options
        )

    def arrived(self) -> None:
        """The last segment has passed, and is not lost behind the filter."""
        sent = self.history[-1]
        other = self.peers["server" if sent.side == "client" else "client"]
        if "R" in sent.flags and sent.sequence == other.heard and self.rng.random() < 0.6:
            self._begin()
        elif sent.sequence <= other.heard and "R" not in sent.flags:
            other.heard = max(other.heard, min(sent.end, self.peers[sent.side].sent))

    # ------------------------------------------------------------------------------------------------- what hosts send

    def _begin(self) -> None:
        isns = [self.rng.choice((*FIRST_NUMBERS, self.rng.randrange(2**32))) for _ in range(2)]
        self.hosts = replace(self.hosts, client_isn=isns[0], server_isn=isns[1])
        self.peers = {"client": self._peer(), "server": self._peer()}
        self.history = []

    def _peer(self) -> _Peer:
        options = self.rng.choice(OTHER_OPTIONS)
        if self.rng.random() < 0.6:
            options += scale_option(self.rng.choice(SCALES))
        return _Peer(window=self.rng.choice(WINDOWS), options=options)

    def _honest(self) -> Sent:
        client, server = self.peers["client"], self.peers["server"]
        if client.sent == 0 or (server.heard == 0 and self.rng.random() < 0.9):
            return self._send("client", "S")
        if server.sent == 0:
            return self._send("server", self.rng.choices(("SA", "S", "RA"), (18, 1, 1))[0])
        if client.heard == 0:
            return self._send("server", "SA" if server.heard else "S")
        if server.heard == 0:
            return self._send("client", "SA")
        if client.finished and server.finished and self.rng.random() < 0.15:
            self._begin()
            return self._send("client", "S")
        side: Side = self.rng.choice(("client", "server"))
        return self._open(side)

    def _open(self, side: Side) -> Sent:
        """Of an open connection: what did not arrive again, a FIN, data, or an acknowledgment alone."""
        own, other = self.peers[side], self.peers["server" if side == "client" else "client"]
        missing = own.sent - other.heard
        if missing > 0 and self.rng.random() < 0.5:
            fin = own.finished and missing <= MOST_AT_ONCE
            return self._made(side, "FA" if fin else "PA", other.heard, min(missing - fin, MOST_AT_ONCE))
        if own.finished or self.rng.random() < 0.3:
            keepalive = 1 if self.rng.random() < 0.1 else 0
            return self._made(side, "A", own.sent - keepalive, 0)
        if self.rng.random() < 0.2:
            own.finished = True
            return self._send(side, "FA")
        return self._send(side, self.rng.choice(("A", "PA")), self.rng.choice(SIZES))

    def _send(self, side: Side, flags: str, size: int = 0) -> Sent:
        """The next one; a SYN is always the first."""
        own = self.peers[side]
        sent = self._made(side, flags, 0 if "S" in flags else own.sent, size)
        own.sent = max(own.sent, sent.end)
        return sent

    def _made(self, side: Side, flags: str, sequence: int, size: int) -> Sent:
        own = self.peers[side]
        window = self.rng.choice(WINDOWS) if self.rng.random() < 0.1 else own.window
        return Sent(side, flags, sequence, own.heard, size, window, own.options if "S" in flags else b"")

    # ------------------------------------------------------------------------------------------- what comes in between

    def _reset(self) -> Sent:
        side: Side = self.rng.choice(("client", "server"))
        own = self.peers[side]
        sequence = own.sent + self.rng.choice((-2, -1, 0, 0, 0, 1, own.window, 2**31, self.rng.randrange(2**32)))
        ack = own.heard + self.rng.choice((0, 0, 0, 1, -1))
        return Sent(side, self.rng.choice(("R", "RA")), sequence, ack, 0, self.rng.choice(WINDOWS))

    def _at_an_edge(self, windows: tuple[Window, Window]) -> Sent:
        """Rule 9's comparisons, to the number: one before, at, one after."""
        side: Side = self.rng.choice(("client", "server"))
        here = 0 if side == "client" else 1
        own, other = windows[here], windows[1 - here]
        size = self.rng.choice(SIZES)
        sequence = self.rng.choice((own.max_end, own.end, own.end - other.max_win - size, own.end, own.end + 2**31))
        oldest = other.end - max(own.max_win, LEAST_ACK_WINDOW)
        ack = self.rng.choice((other.end, other.end, other.end, oldest, other.end + 2**31))
        flags = self.rng.choice(("A", "A", "A", "PA", "FA", "R", "RA", "SA", "S"))
        isns = self.hosts.client_isn, self.hosts.server_isn
        return Sent(
            side,
            flags,
            sequence - isns[here] + self.rng.choice((-1, 0, 0, 1)),
            ack - isns[1 - here] + self.rng.choice((-1, 0, 0, 1)),
            size,
            self.rng.choice(WINDOWS),
        )

    def _of_any_class(self, windows: tuple[Window, Window]) -> Sent:
        """In its window, so that the state alone decides what it is."""
        side: Side = self.rng.choice(("client", "server"))
        here = 0 if side == "client" else 1
        isns = self.hosts.client_isn, self.hosts.server_isn
        sequence, ack = windows[here].end - isns[here], windows[1 - here].end - isns[1 - here]
        return Sent(side, self.rng.choice(CLASSES), sequence, ack, 0, self.rng.choice(WINDOWS))

    def _odd(self) -> Sent:
        """Flags of any kind, numbers that are near."""
        side: Side = self.rng.choice(("client", "server"))
        own = self.peers[side]
        return Sent(
            side,
            self.rng.choice(FLAGS),
            own.sent + self._near(),
            own.heard + self._near(),
            self.rng.choice(SIZES),
            self.rng.choice(WINDOWS),
            self._options(),
        )

    def _near(self) -> int:
        return self.rng.choice((0, 0, 0, 0, 1, -1, 1000, -1000, 70_000, -70_000))

    def _options(self) -> bytes:
        options: Sequence[bytes] = (b"", self.rng.choice(OTHER_OPTIONS), scale_option(self.rng.choice(SCALES)))
        return self.rng.choice(options)
