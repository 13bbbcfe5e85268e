"""Policies that track connections, compiled; TCP between the two sides; an object with another manifest."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.runtime.elf_note import read_note
from ebpfc.testing.netns import Side

HEAD = "pass arp\npass icmp6[icmp6type] in {133-137}\n"
SSH = "pass state established\npass tcp dst port 22 and state new\n"
RULES = {
    "inside": f"hook xdp\ndefault drop\ntrack\n{HEAD}pass state established or state related\n",
    "ssh": f"hook xdp\ndefault drop\ntrack\n{HEAD}{SSH}",
    "small": f"hook xdp\ndefault drop\ntrack size 64\n{HEAD}pass state established\n",
    "loose": f"hook xdp\ndefault drop\ntrack loose\n{HEAD}pass state established\n",
    "open": "hook xdp\ndefault pass\ntrack\ndrop state invalid\n",
    "outward": f"hook tc egress\ndefault drop\ntrack\n{HEAD}pass state established\n",
    "twice": f"hook xdp, tc ingress\ndefault drop\ntrack\n{HEAD}{SSH}",
    "both": f"hook xdp, tc egress\ndefault drop\ntrack\n{HEAD}pass state established\npass outbound and state new\n",
}
Policies = Callable[..., Path]


@functools.cache
def compiled(text: str, name: str) -> bytes:
    return build_object(compile_text(text, Options(), name=name), find_compiler(None))


@pytest.fixture
def policies(tmp_path: Path) -> Policies:
    """policies("inside", change=None, name="edge") -> a file with that object, its manifest changed."""

    def write(rules: str, change: Callable[[dict[str, Any]], None] | None = None, name: str = "edge") -> Path:
        data = compiled(RULES[rules], f"{name}.pf")
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.o"
        path.write_bytes(with_manifest(data, change) if change else data)
        return path

    return write


def with_manifest(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The object with its manifest changed in place: what is missing to the old length is JSON's white space."""
    note = read_note(data)
    tree = json.loads(note)
    tree["maps"] = []
    change(tree)
    other = json.dumps(tree, separators=(",", ":")).encode()
    assert data.count(note) == 1
    assert len(other) <= len(note)
    return data.replace(note, other.ljust(len(note)))


class Conversation:
    """A TCP connection between two namespaces, both ends in this process."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server

    def goes_on(self, seconds: float = 1.0) -> bool:
        """Whether a byte each way arrives."""
        for one, other in ((self.client, self.server), (self.server, self.client)):
            one.send(b"x")
            other.settimeout(seconds)
            try:
                if other.recv(1) != b"x":
                    return False
            except TimeoutError:
                return False
        return True


@contextmanager
def conversation(client: Side, server: Side, port: int, seconds: float = 3.0) -> Iterator[Conversation | None]:
    """`client` connects to `server`; None when it cannot."""
    with contextlib.ExitStack() as stack:
        with server.entered():
            listening = stack.enter_context(socket.create_server((server.ipv4, port)))
        with client.entered():
            connecting = stack.enter_context(socket.socket())
        connecting.settimeout(seconds)
        try:
            connecting.connect((server.ipv4, port))
        except TimeoutError:
            yield None
            return
        accepted, _ = listening.accept()
        stack.enter_context(accepted)
        yield Conversation(connecting, accepted)


@pytest.fixture
def talk() -> Callable[..., contextlib.AbstractContextManager[Conversation | None]]:
    """talk(client, server, port, seconds=3.0): a context with a `Conversation`, or None."""
    return conversation
