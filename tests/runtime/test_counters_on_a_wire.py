"""Per-rule counters of what our compiler makes: packets, and bytes of the frames as they were on the wire.

Real frames over a veth, at each hook; at tc ingress the kernel has taken the outermost tag out, and it is counted too.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.cli.main import main
from ebpfc.testing.netns import DEVICE, Side, run
from ebpfc.testing.packets import Layer, arp, ether, icmp, ip4, ip6, tag, tcp, udp, vxlan
from ebpfc.testing.wire import Hook

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]

RULES = """\
count "all" len > 0
ssh: drop tcp dst port 22 then count "all", count "ssh"
if vlan 100 {
    drop udp
} else if vlan {
    count "tagged"
    pass arp
} else {
    drop icmp
}
if vxlan 7 {
    drop tcp
}
pass ip6
"""
# Frames of different sizes, and the rules (by their place in the text) and names that count each.
NAMED = ("all", "ssh", "tagged")


def two(packet: Layer) -> Layer:
    return tag(tag(packet, 5), 100, tpid=0x88A8)


FRAMES: list[tuple[bytes, tuple[int, ...], tuple[str, ...]]] = [
    (ether(ip4(tcp(dport=22))), (0, 1), ("all", "all", "ssh")),
    (ether(tag(ip6(tcp(bytes(100), dport=22)), 7)), (0, 1), ("all", "all", "ssh")),
    (ether(two(ip4(tcp(bytes(11), dport=22)))), (0, 1), ("all", "all", "ssh")),
    (ether(tag(ip4(udp(bytes(50))), 100)), (0, 2), ("all",)),
    (ether(two(ip6(udp(bytes(1000))))), (0, 2), ("all",)),
    (ether(tag(arp(), 0)), (0, 3, 4), ("all", "tagged")),
    (ether(tag(ip6(udp(bytes(3))), 7, tpid=0x9100)), (0, 3, 7), ("all", "tagged")),
    (ether(ip4(icmp(data=bytes(400)))), (0, 5), ("all",)),
    (ether(ip4(vxlan(ether(tag(ip4(tcp(bytes(21))), 3)), 7))), (0, 6), ("all",)),
    (ether(ip6(udp(bytes(1200)))), (0, 7), ("all",)),
    (ether(ip4(udp(bytes(17)))), (0,), ("all",)),
]


@pytest.fixture
def object_file(tmp_path: Path) -> Callable[[str], Path]:
    def build(hook: str) -> Path:
        rules, out = tmp_path / "count.pf", tmp_path / "count.o"
        rules.write_text(f"hook {hook}\n{RULES}")
        assert main([str(rules), "-o", str(out), "--quiet"]) == 0
        return out

    return build


def silence(sides: tuple[Side, Side]) -> None:
    """No frames of the kernels' own: neither neighbour discovery nor answers."""
    for side in sides:
        with side.entered():
            Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6").write_text("1", encoding="ascii")
        run("ip", "-n", side.namespace, "addr", "flush", "dev", DEVICE)
        run("ip", "-n", side.namespace, "link", "set", DEVICE, "arp", "off")


def counted(ctl: Control, packets: int) -> dict[str, Any]:
    """The one hook of `ebpfctl stats`, once that many packets have been seen."""
    for _ in range(50):
        (policy,) = json.loads(ctl("stats", DEVICE, "--json").stdout)["policies"]
        (hook,) = policy["hooks"]
        if hook["rules"][0]["packets"] >= packets:
            break
        time.sleep(0.05)
    found: dict[str, Any] = hook
    return found


@pytest.mark.parametrize("hook", ["xdp", "tc ingress", "tc egress"])
def test_packets_and_bytes_of_each_rule(
    ctl: Control, object_file: Callable[[str], Path], wire: tuple[Side, Side], hook: Hook
) -> None:
    silence(wire)
    ctl("attach", object_file(hook), DEVICE, "--fix-offload")
    sender = wire[1] if hook == "tc egress" else wire[0]
    rounds = 3
    with sender.raw_socket() as channel:
        for frame, _, _ in FRAMES * rounds:
            try:
                channel.send(frame)
            except OSError:  # ENOBUFS: so the sender hears of what tc egress drops
                assert hook == "tc egress"
    found = counted(ctl, len(FRAMES) * rounds)

    def expected(of: Callable[[tuple[int, ...], tuple[str, ...]], int]) -> tuple[int, int]:
        times = [(len(frame), of(rules, names)) for frame, rules, names in FRAMES]
        return rounds * sum(n for _, n in times), rounds * sum(size * n for size, n in times)

    for number, rule in enumerate(found["rules"]):
        assert (rule["packets"], rule["bytes"]) == expected(lambda rules, _, n=number: rules.count(n)), rule  # type: ignore[misc]
    default = found["default"]
    assert (default["packets"], default["bytes"]) == expected(lambda rules, _: int(rules == (0,)))
    for one in found["named"]:
        assert (one["packets"], one["bytes"]) == expected(lambda _, names, n=one["name"]: names.count(n)), one  # type: ignore[misc]
    assert [one["name"] for one in found["named"]] == list(NAMED)
