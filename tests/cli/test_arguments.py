"""The command line: what it takes, what it refuses with exit code 2, and that help comes at once."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ebpfc import __version__
from ebpfc.cli.ebpfc_arguments import parse_arguments
from ebpfc.cli.main import main

ROOT = Path(__file__).parents[2]


def test_forms_of_the_command() -> None:
    compiling = parse_arguments(["rules.pf", "-o", "out.o"])
    assert (compiling.command, compiling.rules, compiling.output, compiling.kernel) == (
        "compile",
        "rules.pf",
        "out.o",
        None,
    )
    assert parse_arguments(["-e", "tcp", "-o", "out.o"]).expression == "tcp"
    assert parse_arguments(["check", "rules.pf"]).command == "check"
    assert parse_arguments(["inspect", "out.o", "--json"]).object == "out.o"
    assert parse_arguments(["match", "tcp", "a.pcap", "-w", "b.pcap"]).output == "b.pcap"
    assert parse_arguments(["lint", "--pcap", "tcp"]).pcap == "tcp"
    assert parse_arguments(["-o", "x", "--", "-odd.pf"]).rules == "-odd.pf"
    assert parse_arguments(["./check", "-o", "x"]).rules == "./check"


@pytest.mark.parametrize(
    ("text", "mask"),
    [("255.255.255.0", 0xFFFFFF00), ("/24", 0xFFFFFF00), ("0", 0), ("32", 0xFFFFFFFF), ("/1", 1 << 31)],
)
def test_netmasks(text: str, mask: int) -> None:
    assert parse_arguments(["check", "rules.pf", "--netmask", text]).netmask == mask


@pytest.mark.parametrize(("text", "version"), [("5.10", (5, 10)), ("6.6", (6, 6)), ("10.0", (10, 0))])
def test_kernels(text: str, version: tuple[int, int]) -> None:
    assert parse_arguments(["check", "rules.pf", "--kernel", text]).kernel == version


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["rules.pf"],
        ["-o", "out.o"],
        ["rules.pf", "-e", "tcp", "-o", "out.o"],
        ["a.pf", "b.pf", "-o", "out.o"],
        ["rules.pf", "-o"],
        ["rules.pf", "-o", "-"],
        ["rules.pf", "-o", "x", "--emit-c", "x"],
        ["rules.pf", "--emit-c", "-", "--json"],
        ["rules.pf", "-o", "x", "--kernel", "5.9"],
        ["rules.pf", "-o", "x", "--kernel", "new"],
        ["rules.pf", "-o", "x", "--netmask", "33"],
        ["rules.pf", "-o", "x", "--netmask", "255.0.255"],
        ["rules.pf", "-o", "x", "--color", "pink"],
        ["rules.pf", "--out", "x"],
        ["rules.pf", "-o", "x", "--\x1b[31m\u202e"],
        ["check"],
        ["check", "rules.pf", "-o", "x"],
        ["inspect"],
        ["inspect", "a", "b"],
        ["match", "tcp"],
        ["match", "tcp", "a.pcap", "b.pcap"],
        ["lint", "edge.pf"],
    ],
)
def test_wrong_usage_is_status_2_with_printable_words(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err
    assert printed.err.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["check", "--help"], ["inspect", "--help"], ["match", "--help"], ["lint", "--help"], ["--version"]],
)
def test_help_is_status_0_on_standard_output(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "exit status" in printed.out or printed.out == f"ebpfc {__version__}\n"


def test_help_names_every_option_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    text = capsys.readouterr().out
    for word in ("--emit-c", "--no-counters", "--cc", "--kernel", "--netmask", "--dump-after", "--json", "--quiet"):
        assert word in text
    for word in ("--color", "--raw", "-e EXPR", "examples:", "130", "EBPFC_CC", "inspect", "check", "match", "lint"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 120


def test_help_comes_at_once_and_imports_nothing_heavy() -> None:
    code = "import sys; from ebpfc.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    times = []  # of the CPU: seconds on the wall depend on what else the machine does
    for _ in range(5):
        began = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        times.append(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - began)
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    assert not loaded & {"lark", "jinja2", "clang", "elftools", "rich", "ebpfc.compiler.pipeline", "ebpfc.grammar"}
    assert min(times) < 0.15
