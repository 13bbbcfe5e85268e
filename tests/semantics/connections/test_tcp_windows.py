"""Windows, by hand from ADR 0004, rules 9 and 10: what lies in them; scales, keepalives, resets."""

from __future__ import annotations

import pytest

from ebpfc.testing.conversations import IPV6_HOSTS, Hosts, scale_option
from ebpfc.testing.packets import Layer, ether, ip4, ip6, tcp
from ebpfc.testing.semantics import Frame
from ebpfc.testing.simulator import SECOND
from ebpfc.testing.watching import Watch

NEAR_THE_END = Hosts(client_isn=2**32 - 20, server_isn=2**32 - 1)
HALF = 2**31
DAY = 86_400 * SECOND


def connect(
    watch: Watch,
    hosts: Hosts,
    *,
    windows: tuple[int, int] = (1000, 2000),
    scales: tuple[int | None, int | None] = (None,) * 2,
) -> None:
    """A handshake; windows and scales of client and server."""
    options = [b"" if scale is None else scale_option(scale) for scale in scales]
    client, server = windows
    frames = (
        hosts.tcp("client", "S", window=client, options=options[0]),
        hosts.tcp("server", "SA", 0, 1, window=server, options=options[1]),
        hosts.tcp("client", "A", 1, 1, window=client),
    )
    assert watch.states(*frames) == ["new", "established", "established"]


def connected(hosts: Hosts, **options: tuple[int, int]) -> Watch:
    watch = Watch()
    connect(watch, hosts, **options)
    return watch


# After the handshake: client end 1, allowed up to 2001, window 1000; server end 1, allowed up to 1001, window 2000.


@pytest.mark.parametrize("hosts", [Hosts(), NEAR_THE_END, IPV6_HOSTS])
@pytest.mark.parametrize(
    ("sequence", "size", "state"),
    [
        (1, 0, "established"),
        (2001, 0, "established"),
        (2002, 0, "invalid"),
        (2001, 1400, "established"),  # what counts is where it begins
        (1 - 2000, 0, "established"),
        (1 - 2001, 0, "invalid"),
        (1 - 2001, 1, "established"),  # and where it ends
        (1 + HALF, 0, "invalid"),
        (2001 + HALF, 0, "invalid"),  # half the circle away is not after: too old instead
    ],
)
def test_sequence_numbers(hosts: Hosts, sequence: int, size: int, state: str) -> None:
    assert connected(hosts).state(hosts.tcp("client", "A", sequence, 1, data=bytes(size))) == state


@pytest.mark.parametrize("hosts", [Hosts(), NEAR_THE_END])
@pytest.mark.parametrize(
    ("ack", "state"),
    [(1, "established"), (2, "invalid"), (1 - 66_000, "established"), (1 - 66_001, "invalid"), (1 + HALF, "invalid")],
)
def test_acknowledgments(hosts: Hosts, ack: int, state: str) -> None:
    """Of nothing that was not sent; not from too long ago, where a small window counts as 66,000."""
    assert connected(hosts).state(hosts.tcp("client", "A", 1, ack)) == state


def test_a_large_window_lets_older_acknowledgments_in() -> None:
    """The client's own: 65,535 << 2."""
    hosts, window = Hosts(), 65_535 << 2
    for ack, state in ((1 - window, "established"), (1 - window - 1, "invalid")):
        watch = Watch()
        connect(watch, hosts, windows=(65_535, 65_535), scales=(2, 0))
        assert watch.state(hosts.tcp("client", "A", 1, ack)) == state


def test_an_invalid_segment_changes_no_window_and_no_expiry() -> None:
    hosts, watch = Hosts(), connected(Hosts())
    before = watch.connections
    assert watch.state(hosts.tcp("client", "A", 2002, 1, window=60_000), SECOND) == "invalid"
    assert watch.connections == before
    assert watch.state(hosts.tcp("server", "A", 1001 + 1, 1)) == "invalid"


def test_a_dropped_segment_changes_no_window_and_no_expiry() -> None:
    hosts, watch = Hosts(), connected(Hosts())
    before = watch.connections
    assert watch.state(hosts.tcp("client", "A", 1, 1, data=bytes(2000), window=60_000, ttl=9), SECOND) == "established"
    assert watch.connections == before
    assert watch.state(hosts.tcp("server", "A", 1, 1001)) == "invalid", "the data never came through"
    assert watch.state(hosts.tcp("server", "A", 1002, 1)) == "invalid", "nor did the larger window"


def test_data_moves_the_windows() -> None:
    hosts, watch = Hosts(), connected(Hosts())
    assert watch.state(hosts.tcp("client", "PA", 1, 1, data=bytes(2000))) == "established"
    assert watch.state(hosts.tcp("client", "PA", 2002, 1, data=b"x")) == "invalid", "not allowed yet"
    assert watch.state(hosts.tcp("server", "A", 1, 2001, window=2000)) == "established"
    assert watch.state(hosts.tcp("client", "PA", 2001, 1, data=bytes(1500))) == "established"
    assert watch.state(hosts.tcp("client", "PA", 1, 1, data=bytes(1499))) == "invalid", "ends where all is old"
    assert watch.state(hosts.tcp("client", "PA", 2, 1, data=bytes(1500))) == "established", "its end is 1502"


def test_a_closed_window_takes_a_probe_of_one_byte() -> None:
    hosts, watch = Hosts(), connected(Hosts())
    watch.state(hosts.tcp("client", "A", 1, 1, data=bytes(2000)))
    assert watch.state(hosts.tcp("server", "A", 1, 2001, window=0)) == "established"
    assert watch.state(hosts.tcp("client", "A", 2001, 1, data=b"x")) == "established"
    assert watch.state(hosts.tcp("client", "A", 2003, 1)) == "invalid"
    assert watch.state(hosts.tcp("client", "A", 2002, 1)) == "established"


def test_who_announces_no_room_at_all_is_seen() -> None:
    hosts, watch = Hosts(), connected(Hosts(), windows=(0, 0))
    assert watch.state(hosts.tcp("client", "A", 3, 1)) == "invalid"
    assert watch.state(hosts.tcp("server", "A", 3, 1)) == "invalid"
    assert watch.state(hosts.tcp("client", "A", 2, 1)) == "established"


def test_a_window_never_shrinks() -> None:
    hosts, watch = Hosts(), connected(Hosts())
    assert watch.state(hosts.tcp("server", "A", 1, 1, window=1)) == "established"
    assert watch.state(hosts.tcp("client", "A", 2001, 1)) == "established"
    assert watch.state(hosts.tcp("client", "A", 2002, 1)) == "invalid"


# --------------------------------------------------------------------------------------------------------------- scales


@pytest.mark.parametrize(
    ("scales", "allowed"),
    [((3, 2), 100 << 2), ((0, 14), 100 << 14), ((0, 15), 100 << 14), ((0, 255), 100 << 14), ((None, 2), 2000)],
)
def test_a_scale_counts_where_both_announce_one(scales: tuple[int | None, int | None], allowed: int) -> None:
    """The window of the SYN-ACK itself, 2000, is not scaled; the server's next, 100, is; over 14 is 14."""
    hosts = Hosts()
    allowed = max(allowed, 2000)
    for sequence, state in ((1 + allowed, "established"), (2 + allowed, "invalid")):
        watch = Watch()
        connect(watch, hosts, scales=scales)
        watch.state(hosts.tcp("server", "A", 1, 1, window=100))
        assert watch.state(hosts.tcp("client", "A", sequence, 1)) == state


def test_a_repeated_syn_ack_is_not_scaled() -> None:
    hosts, watch = Hosts(), Watch()
    watch.state(hosts.tcp("client", "S", options=scale_option(0)))
    for _ in range(2):
        assert watch.state(hosts.tcp("server", "SA", 0, 1, window=100, options=scale_option(7))) == "established"
    assert watch.state(hosts.tcp("client", "A", 102, 1)) == "invalid"
    assert watch.state(hosts.tcp("client", "A", 101, 1)) == "established"


def test_a_scale_of_the_client_alone_does_not_count() -> None:
    hosts, watch = Hosts(), Watch()
    connect(watch, hosts, scales=(7, None))
    watch.state(hosts.tcp("client", "A", 1, 1, window=1000))
    assert watch.state(hosts.tcp("server", "A", 1002, 1)) == "invalid"


@pytest.mark.parametrize(
    ("options", "scaled"),
    [
        (b"\x03\x03\x02", True),
        (b"\x01\x01\x01\x01\x03\x03\x02", True),
        (b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x03\x03\x02", True),
        (b"\x03\x04\x02\x00\x03\x03\x02", True),  # of another length: not one
        (b"\x03\x03\x02\x03\x03\x0e", True),  # the first counts
        (b"\x00\x03\x03\x02", False),
        (b"\x05\x00\x03\x03\x02", False),
        (b"\x05\x01\x03\x03\x02", False),
        (b"\x05\x28\x03\x03\x02", False),
        (b"\x01\x01\x03\x03", False),  # its last byte would be behind the header
        (b"\x01\x01\x01\x03", False),
    ],
)
def test_options_are_walked(options: bytes, scaled: bool) -> None:
    """The server's window of 1000 is then 4000."""
    hosts, watch = Hosts(), Watch()
    watch.state(hosts.tcp("client", "S", options=scale_option(0)))
    watch.state(hosts.tcp("server", "SA", 0, 1, window=100, options=options))
    watch.state(hosts.tcp("server", "A", 1, 1, window=1000))
    assert watch.state(hosts.tcp("client", "A", 1 + 4000, 1)) == ("established" if scaled else "invalid")
    watch.state(hosts.tcp("server", "A", 1, 1, window=4000))
    assert watch.state(hosts.tcp("client", "A", 1 + 4000, 1)) == "established"


@pytest.mark.parametrize(("kept", "scaled"), [(0, True), (1, True), (2, False), (3, False), (4, False)])
def test_an_option_that_the_frame_does_not_have_is_none(kept: int, scaled: bool) -> None:
    """The frame ends `kept` bytes before the end of the options, NOP and scale and a NOP; the segment counts."""
    hosts, watch = Hosts(), Watch()
    frame = hosts.tcp("client", "S", options=b"\x01\x03\x03\x02\x01\x01\x01\x01")
    assert watch.state(frame[: len(frame) - 3 - kept] if kept else frame) == "new"
    watch.state(hosts.tcp("server", "SA", 0, 1, window=100, options=scale_option(0)))
    watch.state(hosts.tcp("client", "A", 1, 1, window=1000))
    assert watch.state(hosts.tcp("server", "A", 4001, 1)) == ("established" if scaled else "invalid")


def test_a_repeated_syn_counts_anew() -> None:
    """The first SYN was lost behind the filter; the second has other numbers and no scale."""
    hosts, watch, again = Hosts(), Watch(), Hosts(client_isn=77)
    assert watch.state(hosts.tcp("client", "S", window=60_000, options=scale_option(9))) == "new"
    assert watch.state(again.tcp("client", "S", window=1000)) == "established"
    assert watch.state(again.tcp("server", "SA", 0, 1, window=1000, options=scale_option(9))) == "established"
    assert watch.state(again.tcp("client", "A", 1, 1, window=1000)) == "established"
    assert watch.state(again.tcp("server", "A", 1002, 1)) == "invalid"


# --------------------------------------------------------------------------------------------- lengths, keepalives, RST


def test_the_length_is_the_ip_headers_not_the_frames() -> None:
    """Padding is none of it, and what is cut off is."""
    hosts = Hosts()
    for total, end in ((40, 1), (140, 101)):
        watch = connected(hosts)
        segment = hosts.segment("client", "A", 1, 1, bytes(20))
        frame = ether(ip4(segment, total=total))
        assert watch.state(frame) == "established"
        assert watch.states(hosts.tcp("server", "A", 1, end), hosts.tcp("server", "A", 1, end + 1)) == [
            "established", "invalid",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("carried", "end"),
    [
        (ip4(tcp(bytes(9), sequence=1001, ack=5_000_001, flags=0x10, doff=15), total=40), 1),  # the header is longer
        (ip4(tcp(bytes(9), sequence=1001, ack=5_000_001, flags=0x10, doff=0)), 30),
        (ip4(tcp(bytes(9), sequence=1001, ack=5_000_001, flags=0x10), options=bytes(8)), 10),
    ],
)
def test_headers_that_are_longer_or_shorter(carried: Layer, end: int) -> None:
    hosts, watch = Hosts(), connected(Hosts())
    assert watch.state(ether(carried)) == "established"
    assert watch.states(hosts.tcp("server", "A", 1, end + 1), hosts.tcp("server", "A", 1, end)) == [
        "invalid", "established",
    ]  # fmt: skip


def test_no_payload_is_less_than_none_or_more_than_65535() -> None:
    hosts, watch = Hosts(), Watch()
    assert watch.state(ether(ip4(hosts.segment("client", "S", 0, 0), total=30))) == "new"
    assert watch.state(hosts.tcp("server", "RA", 0, 1)) == "established", "it names the end of the SYN"
    watch = connected(hosts)
    frame = Frame(ether(ip4(hosts.segment("client", "A", 1, 1, bytes(70_000)), total=0)), merged=True)
    assert watch.state(frame) == "established"
    assert watch.states(hosts.tcp("server", "A", 1, 65_537), hosts.tcp("server", "A", 1, 65_536)) == [
        "invalid", "established",
    ]  # fmt: skip


def test_of_merged_segments_and_jumbograms_the_frame_is_the_length() -> None:
    hosts = Hosts()
    merged = connected(hosts)
    frame = Frame(ether(ip4(hosts.segment("client", "A", 1, 1, bytes(3000)), total=0)), merged=True)
    assert merged.state(frame) == "established"
    assert merged.states(hosts.tcp("server", "A", 1, 3002), hosts.tcp("server", "A", 1, 3001)) == [
        "invalid", "established",
    ]  # fmt: skip
    jumbo = connected(IPV6_HOSTS)
    segment = IPV6_HOSTS.segment("client", "A", 1, 1, bytes(50))
    options = Layer(0, bytes((6, 0)) + bytes(6) + segment.data)
    assert jumbo.state(ether(ip6(options, payload=0))) == "established"
    assert jumbo.states(IPV6_HOSTS.tcp("server", "A", 1, 52), IPV6_HOSTS.tcp("server", "A", 1, 51)) == [
        "invalid", "established",
    ]  # fmt: skip


def test_a_keepalive_past_the_timeout_is_invalid() -> None:
    """One byte before the end, acknowledged again: established as long as the connection is there."""
    hosts, watch = Hosts(), connected(Hosts())
    assert watch.state(hosts.tcp("client", "A", 0, 1), 5 * DAY - 1) == "established"
    assert watch.state(hosts.tcp("server", "A", 1, 1), 10 * DAY - 2) == "established"
    assert watch.state(hosts.tcp("client", "A", 0, 1), 15 * DAY - 2) == "invalid"
    assert watch.connections == ()


@pytest.mark.parametrize("flags", ["R", "RA"])
@pytest.mark.parametrize("hosts", [Hosts(), NEAR_THE_END])
@pytest.mark.parametrize(
    ("sequence", "said", "state"),
    [
        (1, "established", "CLOSE"),
        *((elsewhere, "established", "ESTABLISHED") for elsewhere in (-999, -1, 0, 2, 1001)),
        *((outside, "invalid", "ESTABLISHED") for outside in (-1000, 1002)),
    ],
)
def test_a_reset_that_does_not_stand_at_the_end_ends_nothing(
    hosts: Hosts, sequence: int, said: str, state: str, flags: str
) -> None:
    watch = connected(hosts)
    assert watch.state(hosts.tcp("server", flags, sequence, 1)) == said
    assert watch.tcp_states == [state]


@pytest.mark.parametrize(
    ("data", "ack", "said"),
    [(0, 1, "established"), (0, 2, "invalid"), (0, -65_536, "established"), (0, -65_537, "invalid"),
     (10, 1, "established"), (10, 11, "established"), (10, 12, "invalid")],
)  # fmt: skip
def test_a_synack_acknowledges_the_syn(data: int, ack: int, said: str) -> None:
    """Perhaps without its data (RFC 7413). One that answers something else does not decide the window."""
    watch, hosts = Watch(), Hosts()
    watch.state(hosts.tcp("client", "S", data=bytes(data)))
    assert watch.state(hosts.tcp("server", "SA", 0, ack)) == said
    assert watch.tcp_states == ["SYN_RECV" if said == "established" else "SYN_SENT"]


def test_a_reset_acknowledges_nothing_that_was_not_sent() -> None:
    assert connected(Hosts()).state(Hosts().tcp("server", "RA", 1, 2)) == "invalid"


@pytest.mark.parametrize(("ack", "state"), [(1, "established"), (0, "invalid"), (2, "invalid")])
def test_a_refusal_names_the_syn(ack: int, state: str) -> None:
    """With data in the SYN too (RFC 7413)."""
    watch, hosts = Watch(), Hosts()
    watch.state(hosts.tcp("client", "S"))
    assert watch.state(hosts.tcp("server", "RA", 0, ack)) == state
    fast = Watch()
    fast.state(hosts.tcp("client", "S", data=bytes(10)))
    assert fast.state(hosts.tcp("server", "RA", 0, ack + 10)) == state
