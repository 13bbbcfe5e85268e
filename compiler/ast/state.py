"""What a policy remembers: tables, limiters, connections; the guards and actions that use them, and what is logged.

In: nothing (data only). Times are ns, sizes counts of entries. Law: docs/adr/0003-tables-and-limiters.md, and
0004-connections.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ebpfc.compiler.ast.arithmetic import FieldRef
from ebpfc.compiler.ast.matches import KeyField
from ebpfc.compiler.ast.places import Span, span_field

DEFAULT_SIZE = 65_536
LARGEST_SIZE = 1 << 24
CROWDS_SIZE = 8_192
"""Keys of `connections > N`, whose lists take room: 48 bytes for each of N + 1 places."""
MOST_CONNECTIONS = 255
"""The largest N of `connections > N`."""
DEFAULT_LOG_SIZE = 96
LARGEST_LOG_SIZE = 512

_SECOND = 10**9
DURATIONS = {"ms": 10**6, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86_400 * _SECOND}
"""The units of a duration in ns, the shortest first."""
PERIODS = {"s": _SECOND, "min": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86_400 * _SECOND}
"""The units of a rate's time in ns."""
LONGEST_DURATION = 36_500 * DURATIONS["d"]
"""A century; with any time of the clock it fits 63 bits."""
TIMEOUTS: dict[str, int] = {
    "tcp_syn_sent": 120 * _SECOND,
    "tcp_syn_recv": 60 * _SECOND,
    "tcp_established": 5 * DURATIONS["d"],
    "tcp_fin_wait": 120 * _SECOND,
    "tcp_close_wait": 60 * _SECOND,
    "tcp_last_ack": 30 * _SECOND,
    "tcp_time_wait": 120 * _SECOND,
    "tcp_close": 10 * _SECOND,
    "udp": 30 * _SECOND,
    "udp_stream": 120 * _SECOND,
    "icmp": 30 * _SECOND,
    "icmpv6": 30 * _SECOND,
    "generic": 600 * _SECOND,
}
"""How long a connection is kept behind its last packet, by its state or protocol, where `track` says nothing else:
the defaults of the kernel's nf_conntrack (net/netfilter/nf_conntrack_proto_*.c)."""


@dataclass(frozen=True, slots=True)
class Key:
    """One field or several. `mask4`, `mask6`: bits that count of the address that is the last field; None: all."""

    fields: tuple[KeyField | FieldRef, ...]
    mask4: int | None = None
    mask6: int | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` packets, bits or bytes in each `period`."""

    amount: int
    unit: Literal["packets", "bits", "bytes"]
    period: int
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Limiter:
    """`burst` is in packets, or bytes for bits and bytes; None: what the rate gives in 100 ms. No key: one for all."""

    rate: Rate
    key: Key | None = None
    burst: int | None = None
    size: int = DEFAULT_SIZE
    full: Literal["over", "within"] = "over"
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Table:
    """`table NAME key KEY ...`; `net`: the last field is a prefix (`src net`); `evict`: what was used least goes."""

    name: str
    key: Key
    net: bool = False
    timeout: int | None = None
    size: int = DEFAULT_SIZE
    evict: bool = True
    span: Span = span_field()
    name_span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Limit:
    """`limit NAME RATE ...`: a limiter that guards share by its name."""

    name: str
    limiter: Limiter
    span: Span = span_field()
    name_span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Track:
    """`track [loose] [size N] [TIMEOUT D ...]`; `timeouts` are those that the author wrote, (name, ns) in order."""

    loose: bool = False
    size: int = DEFAULT_SIZE
    timeouts: tuple[tuple[str, int], ...] = ()
    span: Span = span_field()

    def timeout(self, name: str) -> int:
        """Of one of `TIMEOUTS`, in ns."""
        return dict(self.timeouts).get(name, TIMEOUTS[name])


@dataclass(frozen=True, slots=True)
class RateGuard:
    """`over 100/s per src`, `within NAME`: a limiter of its own, or the name of one."""

    kind: Literal["over", "within"]
    limiter: Limiter | str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class ConnectionsGuard:
    """`connections > N [per KEY] [size N]`: `most` is N, 0 to 255; `size` is of KEYs. No key: one count for all."""

    most: int
    key: Key | None = None
    size: int = CROWDS_SIZE
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Add:
    """`add KEY to TABLE [for D]`."""

    key: Key
    table: str
    duration: int | None = None
    span: Span = span_field()
    table_span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete KEY from TABLE`."""

    key: Key
    table: str
    span: Span = span_field()
    table_span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Log:
    """`log ["text"] [N bytes]`: an event with the first `size` bytes of the frame."""

    text: str = ""
    size: int = DEFAULT_LOG_SIZE
    span: Span = span_field()
