"""nftables and a policy beside each other: scenarios in both languages, the same packets through both, at set times.

In: `Scenario`s. Out: for each what arrived through nftables and through the policy, as one digit a packet (frames that
came out because of it: "1" passed, "0" dropped). All scenarios of a run share one ruleset and one policy, of which
each has a chain and a block of its own, chosen by the addresses 10.1.N.0/24 and fd01:0:0:N::/64 of its clients.
nftables' conntrack and its timeouts are those of the router's namespace. Needs root and nft(8).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from string import Template
from typing import Final

from ebpfc.testing.conversations import Hosts
from ebpfc.testing.guarded import guarded
from ebpfc.testing.packets import Layer
from ebpfc.testing.real_traffic import with_checksum
from ebpfc.testing.routed import INSIDE, MARKED, End, Route, route, undisturbed

FORGOTTEN: Final = 3
"""Seconds: the timeouts of UDP, ICMP, and TCP after a reset in both."""
LATE: Final = 0.55
"""Seconds by which a packet may be late; then the whole run is made again."""
_RUNS: Final = 6
_TRACK: Final = f"udp {FORGOTTEN}s udp_stream {FORGOTTEN}s icmp {FORGOTTEN}s tcp_close {FORGOTTEN}s"
_SYSCTL: Final = ("udp_timeout", "udp_timeout_stream", "icmp_timeout", "tcp_timeout_close")


@dataclass(frozen=True, slots=True)
class Arrived:
    """Digits through nftables and through the policy."""

    nft: str
    ours: str


@dataclass(frozen=True, slots=True)
class Packet:
    """Sent `at` seconds; `make` builds what IP carries; or all of the IP packet, when it is `whole`. `host` is the last
    number of the client's address, `port` the client's, `service` the server's port."""

    end: End
    make: Callable[[Hosts], Layer]
    at: float = 0
    host: int = 1
    port: int = 40000
    service: int = 80
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """`nft`: a chain; `ours`: a block; a rule a line, in both `$n` is the scenario's number. `sets` and `tables`: what
    they need outside. `expected`: digits that both give, `ours_expected` ours where they differ, spaces for the eye.
    What a chain or a block does not decide is dropped."""

    name: str
    nft: str
    ours: str
    packets: tuple[Packet, ...]
    expected: str
    ours_expected: str = ""
    sets: str = ""
    tables: str = ""
    family: int = 4

    @property
    def agree(self) -> bool:
        return self.ours_expected in ("", self.expected)

    @property
    def arrives(self) -> Arrived:
        ours = self.ours_expected or self.expected
        return Arrived(self.expected.replace(" ", ""), ours.replace(" ", ""))


class TooBusyError(Exception):
    """The machine could not keep the times."""


def compare(scenarios: Sequence[Scenario], *, loose: bool) -> dict[str, Arrived]:
    """What arrived, by the scenario's name. Raises TooBusyError."""
    for _ in range(_RUNS):
        with route() as by_nft, route() as by_policy, ExitStack() as firewalls:
            firewalls.enter_context(_nftables(by_nft, scenarios, loose))
            firewalls.enter_context(guarded(policy_text(scenarios, loose), by_policy.path, INSIDE))
            found = _play(scenarios, by_nft, by_policy)
            if found is not None:
                return found
    raise TooBusyError(f"{_RUNS} times a packet was {LATE} s late")


def policy_text(scenarios: Sequence[Scenario], loose: bool) -> str:
    """One policy for the inside of the router."""
    lines = ["hook tc ingress, tc egress", "default drop", f"track {'loose ' if loose else ''}{_TRACK}"]
    lines += [line for n, s in enumerate(scenarios, 1) for line in _lines(s.tables, n)]
    lines.append(f"pass udp src port {MARKED} and udp dst port {MARKED}")
    for n, scenario in enumerate(scenarios, 1):
        lines += [f"if net {_net(n, scenario)} {{", *(f"    {line}" for line in _lines(scenario.ours, n)), "}"]
    return "\n".join(lines) + "\n"


def ruleset(scenarios: Sequence[Scenario]) -> str:
    """One table for nft -f."""
    lines = ["table inet beside {"]
    lines += [line for n, s in enumerate(scenarios, 1) for line in _lines(s.sets, n)]
    for n, scenario in enumerate(scenarios, 1):
        lines += [f"chain s{n} {{", *_lines(scenario.nft, n), "}"]
    marker = f"udp sport {MARKED} udp dport {MARKED}"
    lines += ["chain raw {", "type filter hook prerouting priority raw;", f"{marker} notrack", "}"]
    lines += ["chain forward {", "type filter hook forward priority filter; policy drop;", f"{marker} accept"]
    for n, scenario in enumerate(scenarios, 1):
        ip = "ip" if scenario.family == 4 else "ip6"
        lines += [f"{ip} {way} {_net(n, scenario)} jump s{n}" for way in ("saddr", "daddr")]
    return "\n".join([*lines, "}", "}"]) + "\n"


def _lines(text: str, number: int) -> list[str]:
    return [line.strip() for line in Template(text).substitute(n=number).strip().splitlines()]


def _net(number: int, scenario: Scenario) -> str:
    return f"10.1.{number}.0/24" if scenario.family == 4 else f"fd01:0:0:{number:x}::/64"


@contextmanager
def _nftables(router: Route, scenarios: Sequence[Scenario], loose: bool) -> Iterator[None]:
    router.run("nft", "-f", "-", stdin=ruleset(scenarios))
    settings = {f"net.netfilter.nf_conntrack_{name}": FORGOTTEN for name in _SYSCTL}
    settings["net.netfilter.nf_conntrack_tcp_loose"] = int(loose)
    router.run("sysctl", "-qw", *(f"{name}={value}" for name, value in settings.items()))
    yield


def _play(scenarios: Sequence[Scenario], by_nft: Route, by_policy: Route) -> dict[str, Arrived] | None:
    """Sends all packets in the order of their times, each counted from its scenario's first. None when one was late."""
    script = [(p.at, n, p) for n, s in enumerate(scenarios, 1) for p in s.packets]
    script.sort(key=lambda step: step[:2])
    nft: dict[int, str] = dict.fromkeys(range(1, len(scenarios) + 1), "")
    ours = dict(nft)
    began: dict[int, float] = {}
    start = time.monotonic()
    with undisturbed():
        for at, n, packet in script:
            carried = _built(packet, n, scenarios[n - 1].family)
            time.sleep(max(0.0, began.get(n, start) + at - time.monotonic()))
            first = began.setdefault(n, time.monotonic() - at)
            nft[n] += str(by_nft.cross(packet.end, carried))
            ours[n] += str(by_policy.cross(packet.end, carried))
            if time.monotonic() - first - at > LATE:
                return None
    return {s.name: Arrived(nft[n], ours[n]) for n, s in enumerate(scenarios, 1)}


def _hosts(packet: Packet, number: int, family: int) -> Hosts:
    if family == 4:
        ends = Hosts(client=f"10.1.{number}.{packet.host}", server=f"10.2.{number}.1")
    else:
        ends = Hosts(family=6, client=f"fd01:0:0:{number:x}::{packet.host:x}", server=f"fd02:0:0:{number:x}::1")
    return replace(ends, client_port=packet.port, server_port=packet.service)


def _built(packet: Packet, number: int, family: int) -> Layer:
    ends = _hosts(packet, number, family)
    carried = packet.make(ends)
    if packet.whole:
        return carried
    src, dst = (ends.client, ends.server) if packet.end == "client" else (ends.server, ends.client)
    return ends.network(packet.end, with_checksum(carried, src, dst))
