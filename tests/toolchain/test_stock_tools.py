"""What our compiler makes is in force with stock tools alone: real datagrams meet it after `ip`, `tc`, `bpftool`."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ebpfc.compiler.pipeline import Options, SourceInput, compile_policy
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.cc import RIGHT_LINES_SINCE
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.testing.netns import DEVICE, Side, run, veth_pair

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(shutil.which("ip") is None or shutil.which("tc") is None, reason="needs iproute2"),
]

MANY = ", ".join(str(port) for port in range(1000, 3000, 7))
POLICY = f"""\
hook xdp, tc ingress, tc egress
# a set that is a table of the object, and one that is compares
let many = {{{MANY}}}
drop udp dst port many
ssh: drop udp dst port 22 and \\
    not src net 192.0.2.0/24
pass
"""
DROPPED, PASSED = (22, 1000, 1000 + 7 * 285), (23, 1001, 999)


@pytest.fixture
def object_file(each_compiler: Compiler, tmp_path: Path) -> Path:
    rules, path = tmp_path / "stock.pf", tmp_path / "out.o"
    rules.write_text(POLICY)
    path.write_bytes(build_object(compile_policy(SourceInput(path=str(rules)), Options()), each_compiler))
    return path


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    with veth_pair() as pair:
        yield pair


@contextmanager
def listening(side: Side, address: str, port: int) -> Iterator[socket.socket]:
    with side.entered():
        channel = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    with channel:
        channel.bind((address, port))
        channel.settimeout(0.15)
        yield channel


def arrives(sender: Side, receiver: Side, port: int) -> set[str]:
    """The families over which a datagram to this port of `receiver` gets there."""
    arrived = set()
    for family, address in ((socket.AF_INET, receiver.ipv4), (socket.AF_INET6, receiver.ipv6)):
        with listening(receiver, address, port) as channel:
            with sender.entered():
                outgoing = socket.socket(family, socket.SOCK_DGRAM)
            with outgoing:
                try:
                    outgoing.sendto(b"hello", (address, port))
                    channel.recv(100)
                except (TimeoutError, PermissionError):  # the sender hears so of what its own egress drops
                    continue
                arrived.add(family.name)
    return arrived


def assert_in_force(sender: Side, receiver: Side) -> None:
    for port in PASSED:
        assert arrives(sender, receiver, port) == {"AF_INET", "AF_INET6"}, port
    for port in DROPPED:
        assert arrives(sender, receiver, port) == set(), port


def test_nothing_is_dropped_without_a_policy(sides: tuple[Side, Side]) -> None:
    """So that the other tests see the policy at work and not a wire that is down."""
    assert arrives(*sides, DROPPED[0]) == {"AF_INET", "AF_INET6"}


@pytest.mark.parametrize("mode", ["xdp", "xdpdrv", "xdpgeneric"])
def test_ip_link_puts_the_policy_in_force(object_file: Path, sides: tuple[Side, Side], mode: str) -> None:
    sender, receiver = sides
    receiver.run("ip", "link", "set", "dev", DEVICE, mode, "obj", str(object_file), "sec", "xdp")
    assert_in_force(sender, receiver)
    receiver.run("ip", "link", "set", "dev", DEVICE, mode, "off")
    assert arrives(sender, receiver, DROPPED[0]) == {"AF_INET", "AF_INET6"}


def test_tc_puts_the_policy_in_force_inbound(object_file: Path, sides: tuple[Side, Side]) -> None:
    sender, receiver = sides
    receiver.run("tc", "qdisc", "add", "dev", DEVICE, "clsact")
    receiver.run("tc", "filter", "add", "dev", DEVICE, "ingress", "bpf", "da", "obj", str(object_file), "sec", "tc")
    assert "pf_tc_ingress" in receiver.run("tc", "filter", "show", "dev", DEVICE, "ingress").stdout
    assert_in_force(sender, receiver)


def test_tc_puts_the_policy_in_force_outbound(object_file: Path, sides: tuple[Side, Side]) -> None:
    receiver, sender = sides
    sender.run("tc", "qdisc", "add", "dev", DEVICE, "clsact")
    words = ("tc", "filter", "add", "dev", DEVICE, "egress", "bpf", "da", "obj", str(object_file), "sec", "classifier")
    sender.run(*words)
    assert "pf_tc_egress" in sender.run("tc", "filter", "show", "dev", DEVICE, "egress").stdout
    assert_in_force(sender, receiver)


@pytest.fixture
def pins() -> Iterator[Path]:
    """A folder of bpffs, which is mounted when it is not yet."""
    mounted = Path("/sys/fs/bpf")
    if not any(line.split()[1] == str(mounted) for line in Path("/proc/mounts").read_text().splitlines()):
        run("mount", "-t", "bpf", "bpf", str(mounted))
    folder = mounted / f"ebpfc_stock_{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


needs_bpftool = pytest.mark.skipif(shutil.which("bpftool") is None, reason="needs bpftool")


@needs_bpftool
def test_bpftool_puts_the_policy_in_force(object_file: Path, sides: tuple[Side, Side], pins: Path) -> None:
    sender, receiver = sides
    pinned = pins / "policy"
    run("bpftool", "prog", "load", str(object_file), str(pinned))
    net = f"--net={receiver.path}"  # not `ip netns exec`, whose own mounts hide the pin
    run("nsenter", net, "bpftool", "net", "attach", "xdp", "pinned", str(pinned), "dev", DEVICE)
    assert_in_force(sender, receiver)


@needs_bpftool
@pytest.mark.parametrize("program", ["pf_xdp", "pf_tc_ingress", "pf_tc_egress"])
def test_bpftool_shows_each_rule_s_own_text(
    object_file: Path, each_compiler: Compiler, pins: Path, program: str
) -> None:
    run("bpftool", "prog", "loadall", str(object_file), str(pins / "all"))
    dump = run("bpftool", "prog", "dump", "xlated", "pinned", str(pins / "all" / program), "linum").stdout
    if each_compiler.version < RIGHT_LINES_SINCE:
        pytest.skip(f"{each_compiler.name} {each_compiler.version_text} ties lines to the enclosing function's file")
    assert "; drop udp dst port many [file:./0-stock.pf line_num:4" in dump
    assert "; ssh: drop udp dst port 22 and \\ [file:./0-stock.pf line_num:5" in dump
