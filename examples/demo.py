"""Shows ebpfc at work: compiles examples/edge.pf, attaches it in a scratch network namespace, sends real traffic.

In: nothing; needs root. Out: a table of what each probe should meet and what it met, and each rule with what it passed
and dropped. Exit: 0 all as expected, 1 something differed, 2 this machine cannot (the last line says why). The two
namespaces, with the veth pair between them, go whatever happens; nothing else on the machine is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ebpfc.testing.cases import build_frame
from ebpfc.testing.netns import DEVICE, Side, receive, veth_pair

ROOT = Path(__file__).parents[1]
POLICY = "examples/edge.pf"
MGMT = "10.20.0.5"  # the client's second address: it is an administrator, too
MGMT_NET = 16
SERVER_IN_MGMT = "10.20.0.10"
LISTENING = (22, 80, 9443)
PATIENCE = 0.6  # seconds until silence counts as dropped: some hundred times what a veth takes
CHATTER = frozenset({"resolution", "neighbours", "default"})
"""Rules that the two kernels' own packets meet at any time: ARP, neighbour discovery, multicast reports."""


@dataclass(frozen=True)
class Probe:
    """One thing to send; `send` answers whether it came through. `rule` is what must decide it."""

    what: str
    verdict: str
    rule: str
    send: Callable[[], bool]


@dataclass(frozen=True)
class Wire:
    """The two ends of the veth: `client` sends, the policy is in force at `server`, `watcher` sees what got past it."""

    server: Side
    client: Side
    watcher: socket.socket


# ------------------------------------------------------------------------------------------------------------ the scene


def run(*command: str) -> str:
    """A command's output. CalledProcessError, with what it said, when it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def own_command(name: str, module: str) -> list[str]:
    """The installed command of this Python, else the module."""
    script = Path(sys.executable).with_name(name)
    return [str(script)] if script.exists() else [sys.executable, "-m", module]


EBPFC, EBPFCTL = own_command("ebpfc", "ebpfc"), own_command("ebpfctl", "ebpfc.cli.ebpfctl")


@contextmanager
def scene() -> Iterator[Wire]:
    """A veth pair between two namespaces, both ends in the mgmt net besides, with servers listening on one end."""
    with ExitStack() as stack:
        server, client = stack.enter_context(veth_pair())
        for side, address in ((server, SERVER_IN_MGMT), (client, MGMT)):
            run("ip", "-n", side.namespace, "address", "add", f"{address}/{MGMT_NET}", "dev", DEVICE)
        with server.entered():
            for port in LISTENING:
                stack.enter_context(socket.create_server(("", port)))
        yield Wire(server, client, stack.enter_context(server.raw_socket()))


# ----------------------------------------------------------------------------------------------------------- the probes


def ping(wire: Wire, address: str) -> bool:
    return wire.client.run("ping", "-c", "3", "-i", "0.01", "-W", "1", address, check=False).returncode == 0


def connect(wire: Wire, source: str, destination: str, port: int) -> bool:
    """Whether a TCP connection reaches the listener on the other end."""
    with wire.client.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.settimeout(PATIENCE)
        client.bind((source, 0))
        try:
            client.connect((destination, port))
        except TimeoutError:
            return False
    return True


def throw(wire: Wire, frame: bytes) -> bool:
    """Puts one frame on the wire; whether it got past the policy. Its last bytes tell it from all others."""
    wire.client.send(frame)
    return receive(wire.watcher, lambda seen: seen.endswith(frame[-8:]), PATIENCE / 4) is not None


def probes(wire: Wire) -> tuple[Probe, ...]:
    """What is sent, in order. Frames are written in the words of ebpfc.testing.cases."""
    serial = iter(range(1, 1000))

    def frame(what: str, verdict: str, rule: str, words: str) -> Probe:
        mark = f' / data "probe{next(serial):03}"' if "cut" not in words else ""
        return Probe(what, verdict, rule, lambda: throw(wire, build_frame(words + mark)))

    server, client = wire.server, wire.client
    outside, mgmt = (client.ipv4, server.ipv4), (MGMT, SERVER_IN_MGMT)
    outer, inner = f"ip {client.ipv4} > {server.ipv4}", "ip 10.1.0.1 > 10.1.0.2"
    outer6 = f"ip6 {client.ipv6} > {server.ipv6}"
    return (
        Probe("ping", "pass", "ping", lambda: ping(wire, server.ipv4)),
        Probe("ping over IPv6", "pass", "ping", lambda: ping(wire, server.ipv6)),
        Probe("TCP to port 80", "pass", "public", lambda: connect(wire, *outside, 80)),
        Probe("TCP to port 9443, which listens", "drop", "default", lambda: connect(wire, *outside, 9443)),
        Probe("ssh from outside", "drop", "intruder", lambda: connect(wire, *outside, 22)),
        Probe("ssh from mgmt", "pass", "ssh", lambda: connect(wire, *mgmt, 22)),
        frame("ssh in a priority tag", "drop", "intruder", f"vlan 0 / {outer} / tcp 1 > 22"),
        frame("ssh behind 40 bytes of options", "drop", "intruder", f"{outer} options=40 / tcp 1 > 22"),
        frame("ssh behind IPv6 extension headers", "drop", "intruder", f"{outer6} / hopopts / dstopts / tcp 1 > 22"),
        frame("web in VLAN 100", "pass", "customer", f"vlan 100 / {outer} / tcp 1 > 443"),
        frame("web in VLAN 100 inside VLAN 7", "drop", "stray", f"vlan 7 / vlan 100 / {outer} / tcp 1 > 443"),
        frame("DNS in VLAN 100", "drop", "line 23", f"vlan 100 / {outer} / udp 1 > 53"),
        frame("web in VLAN 200", "drop", "stray", f"vlan 200 / {outer} / tcp 1 > 443"),
        frame("telnet in VXLAN 5001", "drop", "telnet", f"{outer} / vxlan 5001 / {inner} / tcp 1 > 23"),
        frame("web in VXLAN 5001", "pass", "tenant", f"{outer} / vxlan 5001 / {inner} / tcp 1 > 80"),
        frame("web in VXLAN 5002", "drop", "default", f"{outer} / vxlan 5002 / {inner} / tcp 1 > 80"),
        frame("a TCP header cut short", "drop", "mangled", f"{outer} / tcp 1 > 80 / cut 45"),
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- the report


def ebpfctl(server: Side, *arguments: str) -> str:
    return run(*EBPFCTL, "--netns", server.namespace, *arguments)


def counts(server: Side) -> dict[str, int]:
    """Packets that each rule has decided so far, by its name or line, and the default."""
    policy = json.loads(ebpfctl(server, "stats", DEVICE, "--json"))["policies"][0]
    hook = policy["hooks"][0]
    rules = {rule["name"] or f"line {rule['line']}": rule["packets"] for rule in hook["rules"]}
    return {**rules, "default": hook["default"]["packets"]}


def deciding_rules(before: dict[str, int], after: dict[str, int], expected: str) -> str:
    """The rules whose counters moved; those that the kernels' own chatter meets only when they are expected."""
    moved = [name for name in after if after[name] > before[name] and (name not in CHATTER or name == expected)]
    return " and ".join(moved) or "no rule"


def show_probes(wire: Wire) -> int:
    """Sends every probe and prints what it should meet and what it met; how many differed."""
    rows, differing, before = [("probe", "expected", "observed", "")], 0, counts(wire.server)
    for probe in probes(wire):
        verdict = "pass" if probe.send() else "drop"
        after = counts(wire.server)
        expected, observed = (probe.verdict, probe.rule), (verdict, deciding_rules(before, after, probe.rule))
        sign = "ok" if expected == observed else "DIFFERS"
        differing += expected != observed
        rows.append((probe.what, " by ".join(expected), " by ".join(observed), sign))
        before = after
    show_table(rows)
    print(f"\n{len(rows) - 1 - differing} of {len(rows) - 1} probes met what was expected")
    return differing


def show_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def demonstrate(object_file: Path) -> int:
    print(f"$ ebpfc {POLICY} -o edge.o")
    print(run(*EBPFC, POLICY, "-o", str(object_file)), end="")
    with scene() as wire:
        print(f"$ ebpfctl attach edge.o {DEVICE} --fix-offload")
        print(ebpfctl(wire.server, "attach", str(object_file), DEVICE, "--fix-offload"), end="")
        print()
        differing = show_probes(wire)
        print(f"\n$ ebpfctl stats {DEVICE}")
        print(ebpfctl(wire.server, "stats", DEVICE).rstrip())
        print(f"\n$ ebpfctl detach {DEVICE}")
        print(ebpfctl(wire.server, "detach", DEVICE), end="")
    return 1 if differing else 0


def missing() -> str | None:
    """Why the demo cannot run here, or None."""
    if os.geteuid() != 0:
        return "the demo needs root: it makes network namespaces and loads a program into the kernel"
    lacking = [command for command in ("ip", "ping") if shutil.which(command) is None]
    return f"not found: {', '.join(lacking)}; run scripts/setup.sh as root" if lacking else None


def main() -> int:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if reason := missing():
        print(reason, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            return demonstrate(Path(folder) / "edge.o")
        except subprocess.CalledProcessError as error:
            print(f"failed: {' '.join(map(str, error.cmd))}\n{error.stdout}{error.stderr}", file=sys.stderr)
            return 2
        except BrokenPipeError:  # the reader has seen enough; nothing is left to flush to
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1


if __name__ == "__main__":
    sys.exit(main())
