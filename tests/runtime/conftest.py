"""What the runtime's tests share: a policy written by hand in C, a veth pair, `ebpfctl` as a process, an echo request.

They need no rules compiler: the object is built from handmade.c and given a manifest.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ebpfc.compiler.toolchain.cc import compile_c
from ebpfc.compiler.toolchain.elf import finish_object
from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.testing.netns import Side, receive, veth_pair

HANDMADE_C = Path(__file__).with_name("handmade.c").read_text()

RULES = "# rules\n\n\n\n\n\ndrop icmp\npass ip\n"


def handmade_manifest(hooks: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    """What the compiler would say of handmade.c: two rules and the default, a counter each and hook."""
    programs = {
        "xdp": ("pf_xdp", "xdp"),
        "tc ingress": ("pf_tc_ingress", "tc"),
        "tc egress": ("pf_tc_egress", "classifier"),
    }
    counters: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = [
        {
            "number": 0,
            "file": "rules.pf",
            "line": 7,
            "column": 1,
            "name": "ping",
            "text": "ping: drop icmp",
            "actions": ["drop"],
        },
        {"number": 1, "file": "rules.pf", "line": 8, "column": 1, "name": None, "text": "pass ip", "actions": ["pass"]},
    ]
    for hook in (h for h in hooks if h != "tc egress"):
        for kind, rule in (("rule", 0), ("rule", 1), ("default", None)):
            counters.append(
                {
                    "index": len(counters),
                    "kind": kind,
                    "rule": rule,
                    "name": None,
                    "hook": hook,
                    "direction": "inbound",
                }
            )
    return {
        "version": 1,
        "ebpfc": "0.1.0",
        "kernel": "5.10",
        "options": {},
        "policy": "handmade",
        "hooks": [{"hook": h, "program": programs[h][0], "section": programs[h][1]} for h in hooks],
        "rules": rules,
        "counters": counters,
        "defaults": {"inbound": "pass", "outbound": "pass"},
        "flags": {"looks_at_tags": False},
        "maps": [],
        "compiler": {"name": "clang", "version": "22.1.8"},
        **changes,
    }


@pytest.fixture
def manifest() -> Callable[..., dict[str, Any]]:
    """manifest(hooks, **changes): what the handmade object's note says."""
    return handmade_manifest


@pytest.fixture
def changed() -> Callable[..., dict[str, Any]]:
    """changed(tree, *path, value) -> a copy of the manifest with that value at the end of the path."""

    def change(tree: dict[str, Any], *path: Any) -> dict[str, Any]:
        *way, last, value = path
        copy = deepcopy(tree)
        place: Any = copy
        for step in way:
            place = place[step]
        place[last] = value
        return copy

    return change


Builder = Callable[..., bytes]


@pytest.fixture(scope="session")
def handmade() -> Builder:
    """build(hooks=("xdp",), trace=False, bad=False, icmp="drop", **manifest changes) -> the object's bytes."""
    compiler = find_compiler(None)
    objects: dict[tuple[object, ...], bytes] = {}

    def build(
        hooks: tuple[str, ...] = ("xdp",), trace: bool = False, bad: bool = False, icmp: str = "drop", **changes: Any
    ) -> bytes:
        key = (hooks, trace, bad, icmp)
        if key not in objects:
            defines = {
                "XDP": "xdp" in hooks and not bad, "TC": "tc ingress" in hooks, "EGRESS": "tc egress" in hooks,
                "BAD": bad, "TRACE": trace, "ICMP_XDP": 1 if icmp == "drop" else 2,
                "FIRST_TC": 3 if "xdp" in hooks else 0, "COUNTERS": 6,
            }  # fmt: skip
            flags = [f"-D{name}={int(value)}" for name, value in defines.items()]
            objects[key] = compile_c(
                HANDMADE_C, [("0-rules.pf", RULES.encode())], compiler, flags=(*flags, "-Wno-unused")
            )
        manifest = handmade_manifest(hooks, **changes)
        return finish_object(objects[key], json.dumps(manifest, sort_keys=True).encode())

    return build


@pytest.fixture
def wire() -> Iterator[tuple[Side, Side]]:
    """Two namespaces joined by a veth pair; tests attach at the right one and send from the left one."""
    with veth_pair() as sides:
        yield sides


Control = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ctl(wire: tuple[Side, Side]) -> Iterator[Control]:
    """ctl("attach", ..., code=0): runs ebpfctl as a process on the right side; its exit code must be `code`."""
    right = wire[1]

    def control(*arguments: str | Path, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "ebpfc.cli.ebpfctl", "--netns", right.namespace, *map(str, arguments)]
        plain = {"capture_output": True, "text": True, "timeout": 60, "stdin": subprocess.DEVNULL, "env": environment()}
        done = subprocess.run(argv, check=False, **{**plain, **options})
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    yield control
    with right.entered():
        from ebpfc.runtime.detach import detach_policies
        from ebpfc.runtime.device import find_device

        detach_policies(find_device("pf0"))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def ipv4(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    """An IPv4 packet with a right header checksum."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    return head[:10] + checksum(head) + head[12:] + payload


def checksum(data: bytes) -> bytes:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


@pytest.fixture
def frames(wire: tuple[Side, Side]) -> Callable[[int, bytes], bytes]:
    """frames(protocol, payload) -> an Ethernet frame with IPv4 from left to right."""
    left, right = wire

    def build(protocol: int, payload: bytes = bytes(26)) -> bytes:
        return right.mac + left.mac + b"\x08\x00" + ipv4(left.ipv4, right.ipv4, protocol, payload)

    return build


@pytest.fixture
def ping(wire: tuple[Side, Side], frames: Callable[[int, bytes], bytes]) -> Callable[..., bool]:
    """ping(seconds=0.3) -> whether the right side's kernel answers an echo request."""
    left, _ = wire
    echo = b"\x08\x00" + checksum(b"\x08\x00\x00\x00pf\x00\x01") + b"pf\x00\x01"

    def send(seconds: float = 0.3) -> bool:
        with left.raw_socket() as channel:
            channel.send(frames(1, echo))
            return (
                receive(channel, lambda f: f[12:14] == b"\x08\x00" and f[23] == 1 and f[34] == 0, seconds) is not None
            )

    return send


@pytest.fixture
def objects(tmp_path: Path, handmade: Builder) -> Callable[..., Path]:
    """objects(...) -> a file with that handmade object."""

    def write(*arguments: Any, **changes: Any) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.o"
        path.write_bytes(handmade(*arguments, **changes))
        return path

    return write
