"""Shows ebpfc at work: compiles examples/edge.pf, attaches it in a scratch network namespace, sends real traffic.

In: nothing; needs root. Out: each rule with what it passed and dropped, and a table of what each probe should meet and
what it met. Exit: 0 all as expected, 1 something differed, 2 this machine cannot (the last line says why). The two
namespaces, with the veth pair between them, are removed whatever happens; nothing else on the machine is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ebpfc.runtime.namespaces import network
from ebpfc.testing.cases import build_frame

ROOT = Path(__file__).parents[1]
POLICY = "examples/edge.pf"
SERVER, CLIENT = f"pf-demo-{os.getpid()}-server", f"pf-demo-{os.getpid()}-client"
SERVER_DEVICE, CLIENT_DEVICE = "edge0", "wire0"
ADDRESSES = {  # the client is on the mgmt net and on another one
    SERVER: ("192.0.2.10/24", "10.20.0.10/16", "2001:db8:1::10/64", "2001:db8:20::10/64"),
    CLIENT: ("192.0.2.66/24", "10.20.0.5/16", "2001:db8:1::66/64", "2001:db8:20::5/64"),
}
OUTSIDE, MGMT, OUTSIDE6 = (
    ("192.0.2.66", "192.0.2.10"),
    ("10.20.0.5", "10.20.0.10"),
    ("2001:db8:1::66", "2001:db8:1::10"),
)
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


@dataclass
class Wire:
    """Both ends of the veth as raw sockets, and the listening TCP sockets, each made inside its namespace."""

    sender: socket.socket
    watcher: socket.socket
    listeners: list[socket.socket] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------------------ the scene


def run(*command: str) -> str:
    """A command's output. CalledProcessError, with what it said, when it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def own_command(name: str, module: str) -> list[str]:
    """The installed command of this Python, else the module."""
    script = Path(sys.executable).with_name(name)
    return [str(script)] if script.exists() else [sys.executable, "-m", module]


EBPFC, EBPFCTL = own_command("ebpfc", "ebpfc"), own_command("ebpfctl", "ebpfc.cli.ebpfctl")


def ebpfctl(*arguments: str) -> str:
    return run(*EBPFCTL, "--netns", SERVER, *arguments)


def inside(namespace: str) -> Path:
    return Path("/run/netns") / namespace


@contextmanager
def scene() -> Iterator[None]:
    """Two namespaces with a veth pair between them, addressed and up; gone afterwards."""
    try:
        for name in (SERVER, CLIENT):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", SERVER_DEVICE, "netns", SERVER, "type", "veth",
            "peer", "name", CLIENT_DEVICE, "netns", CLIENT)  # fmt: skip
        for name, device in ((SERVER, SERVER_DEVICE), (CLIENT, CLIENT_DEVICE)):
            run("ip", "-n", name, "link", "set", device, "addrgenmode", "none", "up")
            for address in ADDRESSES[name]:
                run("ip", "-n", name, "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        yield
    finally:
        for name in (SERVER, CLIENT):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@contextmanager
def wire() -> Iterator[Wire]:
    every_protocol = socket.htons(0x0003)  # ETH_P_ALL, linux/if_ether.h
    with ExitStack() as stack:
        with network(inside(CLIENT)):
            sender = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
            sender.bind((CLIENT_DEVICE, 0))
        with network(inside(SERVER)):
            watcher = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, every_protocol))
            watcher.bind((SERVER_DEVICE, 0))
            listeners = [stack.enter_context(socket.create_server(("", port))) for port in LISTENING]
        yield Wire(sender, watcher, listeners)


# ----------------------------------------------------------------------------------------------------------- the probes


def ping(address: str) -> bool:
    command = ["nsenter", f"--net={inside(CLIENT)}", "ping", "-c", "3", "-i", "0.01", "-W", "1", address]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def connect(ends: tuple[str, str], port: int) -> bool:
    """Whether a TCP connection from one end reaches the listener on the other."""
    with network(inside(CLIENT)):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.settimeout(PATIENCE)
        client.bind((ends[0], 0))
        try:
            client.connect((ends[1], port))
        except TimeoutError:
            return False
    return True


def throw(wire: Wire, frame: bytes) -> bool:
    """Puts one frame on the wire; whether it got past the policy. Its last bytes tell it from all others."""
    mark = frame[-8:]
    wire.watcher.settimeout(0)
    with_nothing_left(wire.watcher)
    wire.sender.send(frame)
    until = time.monotonic() + PATIENCE / 4
    while (left := until - time.monotonic()) > 0:
        wire.watcher.settimeout(left)
        try:
            if wire.watcher.recv(65536).endswith(mark):
                return True
        except TimeoutError:
            break
    return False


def with_nothing_left(watcher: socket.socket) -> None:
    """Forgets what came before."""
    try:
        while watcher.recv(65536):
            pass
    except BlockingIOError:
        pass


def probes(wire: Wire) -> tuple[Probe, ...]:
    """What is sent, in order. Frames are written in the words of ebpfc.testing.cases."""
    serial = iter(range(1, 1000))

    def frame(what: str, verdict: str, rule: str, words: str) -> Probe:
        mark = f' / data "probe{next(serial):03}"' if "cut" not in words else ""
        return Probe(what, verdict, rule, lambda: throw(wire, build_frame(words + mark)))

    outer, inner = f"ip {OUTSIDE[0]} > {OUTSIDE[1]}", "ip 10.1.0.1 > 10.1.0.2"
    outer6 = f"ip6 {OUTSIDE6[0]} > {OUTSIDE6[1]}"
    return (
        Probe("ping", "pass", "ping", lambda: ping(OUTSIDE[1])),
        Probe("ping over IPv6", "pass", "ping", lambda: ping(OUTSIDE6[1])),
        Probe("TCP to port 80", "pass", "public", lambda: connect(OUTSIDE, 80)),
        Probe("TCP to port 9443, which listens", "drop", "default", lambda: connect(OUTSIDE, 9443)),
        Probe("ssh from outside", "drop", "intruder", lambda: connect(OUTSIDE, 22)),
        Probe("ssh from mgmt", "pass", "ssh", lambda: connect(MGMT, 22)),
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


def counts() -> dict[str, int]:
    """Packets that each rule has decided so far, by its name or line, and the default."""
    policy = json.loads(ebpfctl("stats", SERVER_DEVICE, "--json"))["policies"][0]
    hook = policy["hooks"][0]
    rules = {rule["name"] or f"line {rule['line']}": rule["packets"] for rule in hook["rules"]}
    return {**rules, "default": hook["default"]["packets"]}


def deciding_rules(before: dict[str, int], after: dict[str, int], expected: str) -> str:
    """The rules whose counters moved; those that the kernels' own chatter meets only when they are expected."""
    moved = [name for name in after if after[name] > before[name] and (name not in CHATTER or name == expected)]
    return " and ".join(moved) or "no rule"


def show_probes(opened: Wire) -> int:
    """Sends every probe and prints what it should meet and what it met; how many differed."""
    rows, differing, before = [("probe", "expected", "observed", "")], 0, counts()
    for probe in probes(opened):
        verdict = "pass" if probe.send() else "drop"
        after = counts()
        expected, observed = (probe.verdict, probe.rule), (verdict, deciding_rules(before, after, probe.rule))
        sign = "ok" if expected == observed else "DIFFERS"
        differing += expected != observed
        rows.append((probe.what, " by ".join(expected), " by ".join(observed), sign))
        before = after
    show_table(rows)
    print(f"\n{len(rows) - 1 - differing} of {len(rows) - 1} probes met what was expected")
    return differing


def show_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def demonstrate(object_file: Path) -> int:
    print(f"$ ebpfc {POLICY} -o edge.o")
    print(run(*EBPFC, POLICY, "-o", str(object_file)), end="")
    with scene(), wire() as opened:
        print(f"$ ebpfctl attach edge.o {SERVER_DEVICE} --fix-offload")
        print(ebpfctl("attach", str(object_file), SERVER_DEVICE, "--fix-offload"), end="")
        print()
        differing = show_probes(opened)
        print(f"\n$ ebpfctl stats {SERVER_DEVICE}")
        print(ebpfctl("stats", SERVER_DEVICE).rstrip())
        print(f"\n$ ebpfctl detach {SERVER_DEVICE}")
        print(ebpfctl("detach", SERVER_DEVICE), end="")
    return 1 if differing else 0


def missing() -> str | None:
    """Why the demo cannot run here, or None."""
    if os.geteuid() != 0:
        return "the demo needs root: it makes network namespaces and loads a program into the kernel"
    lacking = [command for command in ("ip", "nsenter", "ping") if shutil.which(command) is None]
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
