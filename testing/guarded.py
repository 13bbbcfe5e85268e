"""A policy in force at one end of a veth pair, its companion program beside it, for tests with real traffic.

In: a policy's text, a device of a namespace. Out: `Guard`: what its rules have counted, which connections it tracks.
It is attached by links that end with the context: nothing is pinned, nothing stays. Needs root.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.runtime import hooks
from ebpfc.runtime.counters import COUNTERS_MAP, CounterReader
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.runtime.namespaces import network
from ebpfc.runtime.object import LoadedObject, load_object
from ebpfc.testing.agreement import default_compiler

PATIENCE: Final = 10.0
"""Seconds until something that must come counts as missing: much, for a busy machine."""
MODE: Final = {"xdp": "native"}
_KEY: Final = struct.Struct("=BBBxHHI")  # struct ends of templates/tracked.h.j2: family, protocol, kind, tags, VNI
_PORTS: Final = struct.Struct("!HH")
_ENTRY: Final = struct.Struct("=Q4B4x24x4QQ")  # struct conn there
_TCP_STATES: Final = (
    "", "SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """A tracked connection, from `source` to `destination` (address, port) as its first packet went. `state` is
    TCP's, "" of another protocol; `packets` and `bytes` are those of its direction and those of the answers;
    `expires`: in ns of CLOCK_MONOTONIC."""

    protocol: int
    source: tuple[str, int]
    destination: tuple[str, int]
    state: str
    assured: bool
    expires: int
    packets: tuple[int, int]
    bytes: tuple[int, int]
    vids: tuple[int, int]
    vni: int


class Guard:
    """The policy while it is in force."""

    def __init__(self, loaded: LoadedObject, counters: list[tuple[int, str]]) -> None:
        self._loaded, self._counters = loaded, counters
        self._reader = CounterReader(loaded.maps[COUNTERS_MAP].fd)

    def counts(self) -> dict[str, int]:
        """Packets by a rule's name, `default`, or the name of `count`, of all hooks together."""
        values = self._reader.read()
        sums: dict[str, int] = {}
        for index, name in self._counters:
            sums[name] = sums.get(name, 0) + values[index].packets
        return sums

    def count(self, name: str) -> int:
        return self.counts()[name]

    def await_count(self, name: str, least: int) -> None:
        """Until the counter `name` is at least `least`; AssertionError when that does not come."""
        await_true(lambda: self.count(name) >= least, lambda: f"{name} stays under {least}: {self.counts()}")

    def flows(self) -> list[Flow]:
        """What is tracked now, the half-open ones first."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        found = [
            _flow(key, value)
            for name in ("pf_opening", "pf_flows")
            for key, value in MapEntries(self._loaded.maps[name].fd, name).read_all().items()
        ]
        return [flow for flow in found if flow.expires > now]

    def flow(self, source_port: int) -> Flow | None:
        """The connection that came from this port, or has this identifier."""
        return next((flow for flow in self.flows() if flow.source[1] == source_port), None)

    def await_state(self, source_port: int, *states: str) -> Flow:
        """The connection from this port, once it is in one of the states."""
        await_true(
            lambda: (flow := self.flow(source_port)) is not None and flow.state in states,
            lambda: f"port {source_port} does not come to {states}: {self.flows()}",
        )
        flow = self.flow(source_port)
        assert flow is not None
        return flow

    def forget(self) -> None:
        """Takes away every connection, every fragment, and every entry of every table."""
        for name in self._loaded.maps:
            if name in ("pf_opening", "pf_flows", "pf_fragments") or name.startswith("t_"):
                entries = MapEntries(self._loaded.maps[name].fd, name)
                for key in entries.read_all():
                    entries.delete(key)

    def table(self, name: str) -> dict[bytes, bytes]:
        """All entries of the map of a table, expired ones too."""
        return MapEntries(self._loaded.maps[f"t_{name}"].fd, name).read_all()


@contextmanager
def guarded(text: str, namespace: Path, device: str) -> Iterator[Guard]:
    """The policy `text` at all of its hooks of `device` in a network namespace, and its companion at the other hook."""
    compiled = compile_text(text, Options())
    manifest = compiled.manifest
    companion = (manifest.get("track") or {}).get("companion")
    with load_object(build_object(compiled, default_compiler())) as loaded, ExitStack() as links:
        with network(namespace):
            ifindex = socket.if_nametoindex(device)
            for entry in [*manifest["hooks"], *([companion] if companion else [])]:
                program = loaded.programs[entry["program"]]
                _, link = hooks.attach(entry["hook"], ifindex, program.fd, MODE.get(entry["hook"], ""))
                links.callback(os.close, link)
                links.callback(hooks.end_link, link)
        yield Guard(loaded, [(c["index"], _name(c, manifest["rules"])) for c in manifest["counters"]])


def await_true(done: Callable[[], bool], otherwise: Callable[[], str], seconds: float = PATIENCE) -> None:
    """Until `done()`; AssertionError with `otherwise()` when that does not come."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, otherwise()
        time.sleep(0.005)


def _name(counter: dict[str, object], rules: list[dict[str, object]]) -> str:
    match counter["kind"]:
        case "default":
            return "default"
        case "named":
            return str(counter["name"])
        case _:
            rule = rules[int(str(counter["rule"]))]
            return str(rule["name"] or f"rule {counter['rule']}")


def _flow(key: bytes, value: bytes) -> Flow:
    family, protocol, _, first, second, vni = _KEY.unpack_from(key)
    ports = _PORTS.unpack_from(key, 12)
    make = IPv4Address if family == 4 else IPv6Address
    width = 4 if family == 4 else 16
    ends = [(str(make(key[at : at + width])), port) for at, port in zip((16, 32), ports, strict=True)]
    expires, state, original, assured, _, out, back, bytes_out, bytes_back, _ = _ENTRY.unpack(value)
    return Flow(
        protocol=protocol,
        source=ends[original],
        destination=ends[1 - original],
        state=_TCP_STATES[state],
        assured=bool(assured),
        expires=expires,
        packets=(out, back),
        bytes=(bytes_out, bytes_back),
        vids=(first, second),
        vni=vni,
    )
