"""The finished object is in force with stock tools alone: iproute2 at XDP and tc, bpftool."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebpfc.compiler.toolchain.build import CompiledPolicy, build_object
from ebpfc.compiler.toolchain.cc import RIGHT_LINES_SINCE
from ebpfc.compiler.toolchain.find import Compiler

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(shutil.which("ip") is None or shutil.which("tc") is None, reason="needs iproute2"),
]


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"ebpfc-tool-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        yield name
    finally:
        run("ip", "netns", "del", name)


@pytest.fixture
def object_file(policy: CompiledPolicy, each_compiler: Compiler, tmp_path: Path) -> Path:
    path = tmp_path / "out.o"
    path.write_bytes(build_object(policy, each_compiler))
    return path


def test_ip_link(object_file: Path, namespace: str) -> None:
    run(
        "ip", "netns", "exec", namespace, "ip", "link", "set", "dev", "v0", "xdp", "obj", str(object_file), "sec", "xdp"
    )
    assert "name pf_xdp" in run("ip", "-n", namespace, "-d", "link", "show", "v0")


def test_tc_filter(object_file: Path, namespace: str) -> None:
    inside = ("ip", "netns", "exec", namespace, "tc")
    run(*inside, "qdisc", "add", "dev", "v0", "clsact")
    run(*inside, "filter", "add", "dev", "v0", "ingress", "bpf", "da", "obj", str(object_file), "sec", "tc")
    assert "name pf_tc_ingress" in run(*inside, "filter", "show", "dev", "v0", "ingress")


@pytest.mark.skipif(shutil.which("bpftool") is None, reason="needs bpftool")
def test_bpftool_shows_the_rule_s_text(object_file: Path, each_compiler: Compiler, bpffs: Path) -> None:
    folder = bpffs / f"ebpfc_tool_{os.getpid()}"
    run("bpftool", "prog", "loadall", str(object_file), str(folder))
    try:
        dump = run("bpftool", "prog", "dump", "xlated", "pinned", str(folder / "pf_xdp"), "linum")
    finally:
        shutil.rmtree(folder)
    if each_compiler.version >= RIGHT_LINES_SINCE:
        assert "; drop proto 6 [file:./0-rules.pf line_num:3" in dump
    else:
        assert "; if (packet[23] == 6 && look_up(packet[22]) == 0)" in dump
        assert "0-rules.pf" not in dump


@pytest.fixture
def bpffs() -> Path:
    """The BPF file system, mounted when it is not yet: it is the same one for the whole namespace of mounts."""
    path = Path("/sys/fs/bpf")
    if not any(line.split()[1] == str(path) for line in Path("/proc/mounts").read_text().splitlines()):
        run("mount", "-t", "bpf", "bpf", str(path))
    return path
