"""The connections in a kernel's maps as the reference has them. In: keys and values as bytes. Out: keys and entries.

And the lists of those that a guard `connections > N` has counted.

The layout is docs/adr/0004-connections.md's, as templates/tracked.h.j2 declares it; nothing of the compiler is used.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ebpfc.testing.semantics.connections.keys import End, FlowKey, Network
from ebpfc.testing.semantics.connections.table import Connection, TcpEntry
from ebpfc.testing.semantics.connections.tcp_states import TIMEOUT_OF
from ebpfc.testing.semantics.connections.windows import Window

KINDS = (None, "vxlan", "geneve", "gre", "ipip", "gtp", "mpls", "pppoes")
STATES = ("", *TIMEOUT_OF)
TCP = 6
KEY_SIZE = 48
"""Bytes of a connection's key."""


def read_connections(entries: Mapping[bytes, bytes], now: int) -> dict[FlowKey, Connection]:
    """Those whose time is not up."""
    found = {_key(key): _connection(key[1], value) for key, value in entries.items()}
    return {key: connection for key, connection in found.items() if connection.expires > now}


def read_lists(entries: Mapping[bytes, bytes]) -> dict[bytes, list[FlowKey | None]]:
    """The places of each key, None for one never used (rule 18); lists without a connection are left out."""
    found = {words: [_key(place) if place[0] else None for place in _places(value)] for words, value in entries.items()}
    return {words: places for words, places in found.items() if any(places)}


def _places(value: bytes) -> list[bytes]:
    return [value[at : at + KEY_SIZE] for at in range(0, len(value), KEY_SIZE)]


def _key(key: bytes) -> FlowKey:
    family, protocol, kind, _, *vids, vni = struct.unpack_from("=4B2HI", key)
    ports = struct.unpack_from(">2H", key, 12)
    size = 4 if family == 4 else 16
    addresses = (int.from_bytes(key[at : at + size], "big") for at in (16, 32))
    first, second = (End(address, port) for address, port in zip(addresses, ports, strict=True))
    return FlowKey(Network((vids[0], vids[1]), KINDS[kind], vni), family, protocol, (first, second))


def _connection(protocol: int, value: bytes) -> Connection:
    expires, state, original, assured, fin, *scales = struct.unpack_from("=Q6B", value)
    if protocol != TCP:
        return Connection(original, bool(assured), expires)
    first, second = (_window(value, 16 + 12 * end, scale) for end, scale in enumerate(scales))
    entry = TcpEntry(STATES[state], (first, second), fin - 1 if fin else None)
    return Connection(original, bool(assured), expires, entry)


def _window(value: bytes, at: int, scale: int) -> Window:
    end, max_end, max_win = struct.unpack_from("=3I", value, at)
    return Window(end, max_end, max_win, scale - 1 if scale else None)
