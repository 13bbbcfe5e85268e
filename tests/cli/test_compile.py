"""`ebpfc RULES -o OUT` from end to end: exit codes, what is written and what is not, names made to hurt, same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ebpfc.cli.main import main
from ebpfc.compiler.toolchain import find

ROOT = Path(__file__).parents[2]
RULES = "hook xdp\ndefault drop\npass arp\nssh: drop tcp dst port 22\npass ip or ip6\n"
WRONG = "drop tcp dst port 70000\n"
ENVIRONMENT = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}


def ebpfc(*argv: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ebpfc", *argv],
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rules.pf"
    path.write_text(RULES)
    return path


def test_rules_to_object_to_inspect(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules.pf", "-o", "out.o", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["inspect", "out.o"]) == 0
    printed = capsys.readouterr().out
    for word in ("pf_xdp", "pf_counters", "rules.pf:4", "ssh", "drop tcp dst port 22", "default drop"):
        assert word in printed


def test_an_expression(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", "tcp dst port 22", "-o", "out.o", "--quiet"]) == 0
    main(["inspect", "out.o", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["manifest"]["defaults"]["inbound"] == "drop"


def test_check_writes_nothing_and_needs_no_compiler(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "find_compiler", lambda *_: pytest.fail("a compiler was looked for"))
    assert main(["check", "rules.pf", "--quiet"]) == 0
    assert list(rules.parent.iterdir()) == [rules]


def test_wrong_rules_are_status_1_and_leave_the_old_object(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(WRONG)
    Path("out.o").write_bytes(b"old")
    assert main(["rules.pf", "-o", "out.o", "--emit-c", "out.c"]) == 1
    printed = capsys.readouterr()
    assert "rules.pf:1:" in printed.err
    assert "error[PF" in printed.err
    assert printed.out == ""
    assert Path("out.o").read_bytes() == b"old"
    assert not Path("out.c").exists()


def test_messages_as_json(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rules.pf", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out) == {"diagnostics": []}
    rules.write_text(WRONG)
    assert main(["check", "rules.pf", "--json"]) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    found = json.loads(printed.out)["diagnostics"]
    assert [(item["severity"], item["line"]) for item in found if item["severity"] == "error"] == [("error", 1)]


@pytest.mark.parametrize("name", ["gone.pf", ".", "rules.pf/x"])
def test_sources_that_cannot_be_read_are_status_1(rules: Path, name: str) -> None:
    assert main(["check", name]) == 1


@pytest.mark.parametrize("output", ["rules.pf", ".", "gone/out.o", "new/"])
def test_outputs_that_cannot_be_written_are_status_2(
    rules: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    assert main(["rules.pf", "-o", output]) == 2
    assert "error[PF0909]" in capsys.readouterr().err
    assert rules.read_text() == RULES
    assert list(rules.parent.iterdir()) == [rules]


def test_an_included_file_is_not_overwritten_either(rules: Path) -> None:
    part = rules.with_name("part.pf")
    part.write_text("drop udp\n")
    rules.write_text('include "part.pf"\npass\n')
    assert main(["rules.pf", "-o", "part.pf", "--quiet"]) == 2
    assert part.read_text() == "drop udp\n"


def test_an_unknown_pass_is_status_2_and_names_the_known(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules.pf", "--dump-after", "no-such"]) == 2
    assert "lower" in capsys.readouterr().err
    assert main(["rules.pf", "--dump-after", "lower", "--quiet"]) == 0
    assert capsys.readouterr().out


def test_no_compiler_is_status_3(
    rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "_pinned_zig", lambda: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("EBPFC_CC", raising=False)
    assert main(["rules.pf", "-o", "out.o"]) == 3
    assert "error[PF0901]" in capsys.readouterr().err
    assert not Path("out.o").exists()


def test_the_compiler_s_words_are_shown_on_request_only(
    rules: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake = tmp_path / "fake"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo "clang version 19.0.0"; exit; }\necho "its words"; exit 1\n'
    )
    fake.chmod(0o755)
    assert main(["rules.pf", "-o", "out.o", "--cc", str(fake)]) == 3
    printed = capsys.readouterr().err
    assert "error[PF0906]" in printed
    assert "its words" not in printed
    assert main(["rules.pf", "-o", "out.o", "--cc", str(fake), "--raw"]) == 3
    assert "  | its words" in capsys.readouterr().err


def test_the_c_alone_needs_no_compiler(
    rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "find_compiler", lambda *_: pytest.fail("a compiler was looked for"))
    assert main(["rules.pf", "--emit-c", "-", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "pf_xdp" in text
    assert main(["rules.pf", "--emit-c", "out.c", "--quiet"]) == 0
    assert Path("out.c").read_text() == text


def test_counters_can_be_left_out(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["rules.pf", "-o", "out.o", "--quiet", "--no-counters"])
    main(["inspect", "out.o", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in found["maps"] if record["name"] == "pf_counters"] == []
    assert found["manifest"]["counters"] == []


def test_same_bytes_in_another_folder_home_and_process(rules: Path, tmp_path: Path) -> None:
    other = tmp_path / "other = folder"
    other.mkdir()
    (other / "rules.pf").write_text(RULES)
    first = ebpfc("rules.pf", "-o", "out.o", "--quiet", cwd=tmp_path, HOME=str(tmp_path), PYTHONHASHSEED="1")
    second = ebpfc(
        "rules.pf", "-o", "o", "--quiet", cwd=other, HOME="/nonexistent", TMPDIR=str(other), PYTHONHASHSEED="2"
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert (tmp_path / "out.o").read_bytes() == (other / "o").read_bytes()


HOSTILE_NAMES = (
    "-o.pf", 'q"uote.pf', "new\nline.pf", "back\\slash.pf", "tri??-graph.pf", "* #include.pf",
    "\u2028\u202e.pf", "\x1b[31m.pf", "..pf", " ", "$(touch pwned).pf", "`id`.pf", "caf\u00e9.pf", "\udcff.pf",
    "x" * 250 + ".pf",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_file_names_are_only_names(rules: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    Path(name).write_text(RULES)
    assert main(["-o", "out.o", "--emit-c", "out.c", "--quiet", "--", name]) == 0
    assert Path("out.c").read_bytes().replace(b"\n", b"").replace(b"\t", b"").decode("ascii").isprintable()
    assert main(["inspect", "out.o"]) == 0
    Path(name).write_text(WRONG)
    assert main(["check", "--", name]) == 1
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert text.replace("\n", "").isprintable()
    assert sorted(path.name for path in rules.parent.iterdir()) == sorted({"rules.pf", "out.o", "out.c", name})


HOSTILE_TEXTS = (
    "*/ int x;",
    "\\",
    "??/",
    "a\u2028#error",
    "\x1b[31m",
    '"); system("id',
    "{{ 7*7 }}",
    "%s%n",
    "\r#error",
)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_comments_and_strings_reach_neither_c_nor_terminal(
    rules: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\x1b", "\\x1b").replace("\r", "\\r")
    quoted = quoted.encode("ascii", "ignore").decode()
    rules.write_text(f'drop tcp then count "{quoted}" # {text}\npass\n', newline="")
    status = main(["rules.pf", "-o", "out.o", "--emit-c", "out.c", "--quiet"])
    printed = capsys.readouterr()
    assert status in (0, 1), printed.err
    assert printed.err.replace("\n", "").isprintable()
    if status == 0:
        assert Path("out.c").read_bytes().replace(b"\n", b"").replace(b"\t", b"").decode("ascii").isprintable()
        assert b"\x1b[" not in Path("out.o").read_bytes()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_the_compiler_and_leaves_nothing(rules: Path, number: int, status: int) -> None:
    work, fake, pid_file = rules.with_name("work"), rules.with_name("fake"), rules.with_name("pid")
    work.mkdir()
    version = '[ "$1" = --version ] && exec echo "clang version 19.1.0"'
    fake.write_text(f"#!/bin/sh\n{version}\necho $$ > {pid_file}.new\nmv {pid_file}.new {pid_file}\nexec sleep 60\n")
    fake.chmod(0o755)
    running = subprocess.Popen(
        # A test run in the background ignores SIGINT, and so would its children.
        ["env", "--default-signal=INT", sys.executable, "-m", "ebpfc",
         "rules.pf", "-o", "out.o", "--quiet", "--cc", str(fake)],
        env={**ENVIRONMENT, "TMPDIR": str(work)}, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(number)
    assert running.communicate(timeout=30)[1] == b""
    assert running.returncode == status
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()
    assert list(work.iterdir()) == []
    assert not rules.with_name("out.o").exists()


@pytest.mark.parametrize(
    "expression", ["", " ", "tcp dst", "\x1b[31m", "\u2028", "tcp\nudp", "\udcff", "tcp\0", "'; id"]
)
def test_wrong_expressions_are_status_1(rules: Path, capsys: pytest.CaptureFixture[str], expression: str) -> None:
    assert main(["check", "-e", expression]) == 1
    assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_a_closed_pipe_is_quiet(rules: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ebpfc", "rules.pf", "--emit-c", "-", "--quiet"],
        stdout=writer, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_memory_stays_small(rules: Path) -> None:
    rules.write_text("".join(f"drop src host 10.0.{n // 250}.{n % 250} and tcp dst port {n + 1}\n" for n in range(100)))
    code = (
        "import pathlib; from ebpfc.cli.main import main; status = main(['rules.pf', '-o', 'out.o', '--quiet']);"
        # Its own: getrusage(2) would count what pytest, which started it, had taken.
        "print(status, pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    status, kilobytes = done.stdout.split()
    assert status == "0", done.stderr
    assert int(kilobytes) < 150 * 1024
