"""Two firewalls side by side: each a router between two hosts, which the same packets cross at the same time.

In: packets, each from the client or from the server. Out: how many frames arrived on the other side of each router.
A `Route` is three namespaces: `client` - `router` (devices INSIDE and OUTSIDE) - `server`. Behind each packet goes a
marker on the same way, which every firewall passes: what did not arrive before it, will not (the sender stays on one
CPU, so the kernel keeps the order). Needs root and iproute2.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ebpfc.runtime.namespaces import network
from ebpfc.testing import packets
from ebpfc.testing.guarded import PATIENCE
from ebpfc.testing.netns import run
from ebpfc.testing.packets import Layer

End = Literal["client", "server"]
INSIDE, OUTSIDE = "inside", "outside"
CLIENTS: Final = ("10.1.0.0/16", "fd01::/16")
"""Where clients are; `SERVERS` the others."""
SERVERS: Final = ("10.2.0.0/16", "fd02::/16")
MARKED: Final = 7
"""Markers are IPv4 and UDP, and have this source port and this destination port; no other packet may have both."""
_ETH_P_ALL: Final = 0x0003
_MACS: Final = {
    "client": "02:00:00:00:01:01",
    INSIDE: "02:00:00:00:01:02",
    OUTSIDE: "02:00:00:00:02:02",
    "server": "02:00:00:00:02:01",
}
_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class Route:
    """`router` is the name of the namespace with the firewall."""

    router: str
    _channels: dict[End, socket.socket]

    @property
    def path(self) -> Path:
        return Path("/run/netns") / self.router

    def run(self, *argv: str, stdin: str = "") -> str:
        """A command in the router's namespace; its output. CalledProcessError with its words when it fails."""
        return run("ip", "netns", "exec", self.router, *argv, stdin=stdin).stdout

    def cross(self, end: End, packet: Layer) -> int:
        """Sends an IP packet from `end`; how many frames came out at the other end because of it."""
        sender, receiver = self._channels[end], self._channels["server" if end == "client" else "client"]
        sender.send(_framed(end, packet))
        sender.send(_framed(end, _marker(end)))
        arrived = 0
        while True:
            frame, where = receiver.recvfrom(1 << 16)
            if where[2] == socket.PACKET_OUTGOING or not _crosses(frame):
                continue
            if frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[34:38] == MARKED.to_bytes(2, "big") * 2:
                return arrived
            arrived += 1


@contextmanager
def route() -> Iterator[Route]:
    """A router without firewall, that forwards between CLIENTS and SERVERS."""
    stem = f"pf-{os.getpid()}-r{next(_serial)}"
    names = {who: f"{stem}{who[0]}" for who in ("client", "router", "server")}
    with ExitStack() as undo:
        for name in names.values():
            run("ip", "netns", "add", name)
            undo.callback(run, "ip", "netns", "del", name, check=False)
        for who, device in (("client", INSIDE), ("server", OUTSIDE)):
            _join(names["router"], device, names[who], _MACS[device], _MACS[who])
        _forward(names["router"])
        channels: dict[End, socket.socket] = {
            "client": undo.enter_context(_channel(names["client"])),
            "server": undo.enter_context(_channel(names["server"])),
        }
        yield Route(names["router"], channels)


@contextmanager
def undisturbed() -> Iterator[None]:
    """This thread stays on one CPU, so that what it sends arrives in that order, and goes before others there."""
    before, nice = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    os.sched_setaffinity(0, {random.choice(sorted(before))})
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        os.sched_setaffinity(0, before)


def _join(router: str, device: str, far: str, near_mac: str, far_mac: str) -> None:
    run(
        *("ip", "-n", router, "link", "add", device, "address", near_mac, "type", "veth"),
        *("peer", "name", "pf0", "address", far_mac, "netns", far),
    )
    _write(far, "net/ipv6/conf/pf0/disable_ipv6", "1")
    run("ip", "-n", far, "link", "set", "pf0", "arp", "off", "up")
    run("ip", "-n", router, "link", "set", device, "up")


def _forward(router: str) -> None:
    for setting in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
        _write(router, setting, "1")
    for device, far, nets, own in ((INSIDE, "client", CLIENTS, 1), (OUTSIDE, "server", SERVERS, 2)):
        for gateway, prefix, net in ((f"192.168.{own}.2", 24, nets[0]), (f"fd99:{own}::2", 64, nets[1])):
            host = gateway[:-1] + "1"
            nodad = ("nodad",) if ":" in host else ()
            run("ip", "-n", router, "addr", "add", f"{host}/{prefix}", "dev", device, *nodad)
            run("ip", "-n", router, "neigh", "add", gateway, "lladdr", _MACS[far], "dev", device)
            run("ip", "-n", router, "route", "add", net, "via", gateway, "dev", device)


def _write(namespace: str, setting: str, value: str) -> None:
    run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"{setting.replace('/', '.')}={value}")


@contextmanager
def _channel(namespace: str) -> Iterator[socket.socket]:
    with network(Path("/run/netns") / namespace):
        channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    with channel:
        channel.bind(("pf0", _ETH_P_ALL))
        channel.settimeout(PATIENCE)
        yield channel


def _crosses(frame: bytes) -> bool:
    """Whether it goes to a client or a server, and is not the router's own (neighbour discovery, MLD)."""
    destination = {b"\x08\x00": frame[30:46], b"\x86\xdd": frame[38:54]}.get(frame[12:14], b"")
    return destination[:2] in (b"\x0a\x01", b"\x0a\x02", b"\xfd\x01", b"\xfd\x02")


def _framed(end: End, packet: Layer) -> bytes:
    return packets.ether(packet, src=_MACS[end], dst=_MACS[INSIDE if end == "client" else OUTSIDE])


def _marker(end: End) -> Layer:
    src, dst = ("10.1.255.1", "10.2.255.1") if end == "client" else ("10.2.255.1", "10.1.255.1")
    return packets.ip4(packets.udp(sport=MARKED, dport=MARKED), src=src, dst=dst)
