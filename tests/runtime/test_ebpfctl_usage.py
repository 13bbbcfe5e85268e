"""`ebpfctl` as a command: help, usage, exit codes, messages that teach; never a traceback."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ebpfc.cli import ebpfctl
from ebpfc.runtime.bpffs import child
from ebpfc.runtime.errors import ControlError

Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]


def call(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, "-m", "ebpfc.cli.ebpfctl", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
        **options,  # type: ignore[call-overload]
    )


def test_help_shows_commands_examples_and_exit_codes() -> None:
    shown = call("--help").stdout
    for word in (
        "attach",
        "confirm",
        "detach",
        "stats",
        "table",
        "events",
        "flows",
        "run",
        "examples:",
        "exit codes:",
        "--netns",
    ):
        assert word in shown


@pytest.mark.parametrize("command", ["attach", "confirm", "detach", "stats", "table", "events", "flows", "run"])
def test_each_command_has_help(command: str) -> None:
    done = call(command, "--help")
    assert done.returncode == 0
    assert "usage: ebpfctl" in done.stdout


@pytest.mark.parametrize("operation", ["list", "add", "delete", "flush", "load"])
def test_each_operation_on_a_table_has_help(operation: str) -> None:
    done = call("table", "DEV", "NAME", operation, "--help")
    assert done.returncode == 0
    assert f"NAME {operation}" in done.stdout


def test_help_answers_at_once() -> None:
    """Under 0.15 s on a quiet machine; the best of five, and room for a busy one."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        call("--help")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize(
    "arguments",
    [(), ("fly",), ("attach",), ("attach", "o"), ("attach", "o", "d", "--mode", "fast"), ("stats",),
     ("table", "d"), ("table", "d", "t"), ("table", "d", "t", "fly"), ("table", "d", "t", "add"),
     ("table", "d", "t", "load"), ("table", "d", "t", "flush", "x"), ("events",), ("events", "d", "--count", "0"),
     ("events", "d", "--count", "x"), ("attach", "o", "d", "--confirm", "0"),
     ("attach", "o", "d", "--confirm", "nan"), ("run", "o")],
)  # fmt: skip
def test_usage(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("attach", "/nonexistent.o", "lo"), "no such file: /nonexistent.o"),
        (("attach", "/", "lo"), "cannot read /: is a directory"),
        (("attach", "/dev/null", "lo"), "this is not an ELF object"),
        (("attach", sys.executable, "lo"), "no BPF object"),
        (("detach", "nodev0"), "no such device: nodev0"),
        (("stats", "a/b"), "no such device: a/b"),
        (("table", "nodev0", "t", "list"), "no such device: nodev0"),
        (("events", "nodev0"), "no such device: nodev0"),
        (("stats", "\x1b[2Jx"), r"no such device: \x1b[2Jx"),
        (("stats", "x" * 200), "no such device: xxxx"),
        (("--netns", "../../etc", "stats", "lo"), "is no name of a network namespace"),
        (("--netns", "nosuchnamespace", "stats", "lo"), "no network namespace nosuchnamespace"),
        (("run", "/dev/null", "/nonexistent.pcap"), "no such file: /nonexistent.pcap"),
    ],
)
def test_what_is_not_there(arguments: tuple[str, ...], message: str) -> None:
    done = call(*arguments)
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_stdin_is_no_object() -> None:
    """As the shell's `<&-` leaves it: Python then has no stdin at all."""
    done = call("attach", "-", "lo", preexec_fn=lambda: os.close(0))
    assert (done.returncode, done.stderr) == (1, "ebpfctl: error: cannot read standard input: it is closed\n")


@pytest.mark.kernel
@pytest.mark.parametrize("arguments", [("attach", "OBJECT", "lo"), ("run", "OBJECT", "CAPTURE")])
def test_without_privilege(objects: Objects, arguments: tuple[str, ...]) -> None:
    """A child that gives up its capabilities: exit code 3, and the capabilities are named."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = {"OBJECT": Path(folder) / "out.o", "CAPTURE": Path(folder) / "in.pcap"}
        files["OBJECT"].write_bytes(objects().read_bytes())
        files["CAPTURE"].write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        code, said = unprivileged([str(files.get(a, a)) for a in arguments])
    assert (code, "CAP_BPF" in said) == (3, True), said


def give_up_capabilities() -> None:
    """Leaves the user as it is, so that a checkout below /root can still be read. Source: capset(2)."""
    header = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    nothing = bytes(24)  # twice effective, permitted, inheritable
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def unprivileged(arguments: list[str]) -> tuple[int, str]:
    """Exit code and messages of ebpfctl in a process without capabilities."""
    reading, writing = os.pipe()
    child_pid = os.fork()
    if child_pid == 0:
        os.dup2(writing, 2)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        code = 99
        try:
            give_up_capabilities()
            code = ebpfctl.main(arguments)
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read()
    _, status = os.waitpid(child_pid, 0)
    return os.waitstatus_to_exitcode(status), said


def test_a_bug_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: object) -> int:
        raise RuntimeError("unexpected\x1b[2J")

    monkeypatch.setattr("ebpfc.cli.ebpfctl_commands.stats", broken)
    assert ebpfctl.main(["stats", "lo"]) == 3
    shown = capsys.readouterr().err
    assert r"internal error: RuntimeError: unexpected\x1b[2J" in shown


def test_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("ebpfc.cli.ebpfctl_commands.stats", interrupted)
    assert ebpfctl.main(["stats", "lo"]) == 130


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "a.b", "x" * 65, "a\0b"])
def test_pins_stay_in_their_folder(name: str) -> None:
    with pytest.raises(ControlError):
        child(Path("/sys/fs/bpf/ebpfc/1-1"), name)
