"""`ebpfc inspect`: text and JSON, wrong files, and objects made to hurt."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ebpfc.cli.main import main
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.elf import finish_object
from ebpfc.compiler.toolchain.find import find_compiler

C_TEXT = """\
#define SEC(name) __attribute__((section(name), used))
SEC("xdp") int pf_xdp(void *ctx) { return ctx ? 2 : 1; }
char _license[] SEC("license") = "GPL";
"""
RULE = {"number": 0, "file": "edge.pf", "line": 3, "column": 1, "name": "ssh", "text": "ssh: drop tcp", "actions": []}
MANIFEST = {
    "version": 1,
    "policy": "edge",
    "ebpfc": "0.1.0",
    "kernel": "5.10",
    "hooks": [{"hook": "xdp", "program": "pf_xdp", "section": "xdp"}],
    "rules": [RULE],
    "defaults": {"inbound": "drop", "outbound": "pass"},
}


@pytest.fixture(scope="module")
def made() -> bytes:
    return build_object(SimpleNamespace(c_text=C_TEXT, manifest=MANIFEST, line_files=()), find_compiler(None))


def written(folder: Path, content: bytes) -> str:
    path = folder / "out.o"
    path.write_bytes(content)
    return str(path)


def test_text(made: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", written(tmp_path, made)]) == 0
    printed = capsys.readouterr().out
    for word in (
        "policy     edge",
        "pf_xdp",
        "default drop",
        "edge.pf:3                ssh: drop tcp",
        "5.10 or later",
    ):
        assert word in printed


def test_rules_that_are_looked_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "many.pf"
    lines = (f"drop tcp and src net 10.{n}.0.0/16 and dst port {n + 1}" for n in range(100))
    rules.write_text("hook xdp\nip6 or arp then pass\n" + "\n".join(lines) + "\n")
    assert main([str(rules), "-o", str(tmp_path / "many.o"), "--quiet"]) == 0
    assert main(["inspect", str(tmp_path / "many.o"), "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["manifest"]["runs"]
    assert (run["hook"], run["rules"], run["first"], run["last"]) == ("xdp", 101, 0, 100)
    assert main(["inspect", str(tmp_path / "many.o")]) == 0
    shown = capsys.readouterr().out.splitlines()
    line = shown[shown.index("looked up  rules                    tables, nanoseconds by estimate") + 1]
    trees = [forest["trees"] for forest in run["forests"]]
    assert line.split()[:3] == ["101", "0-100", "xdp:"] and f"{trees[0]} tree" in line and " ns" in line


def test_json(made: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", written(tmp_path, made), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["programs"][0]["name"] == "pf_xdp"
    assert found["manifest"]["rules"] == [RULE]


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, code in ((str(tmp_path / "gone"), "PF0101"), (str(tmp_path), "PF0102"), ("a\0b", "PF0108")):
        assert main(["inspect", name]) == 1
        assert f"error[{code}]" in capsys.readouterr().err


def test_what_is_no_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", written(tmp_path, b"hello")]) == 3
    assert "error[PF0910]" in capsys.readouterr().err
    assert main(["inspect", written(tmp_path, b"hello"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["code"] == "PF0910"


HOSTILE = "\x1b[2J../../\n\u2028\u202e\0`touch x`"


@pytest.mark.parametrize(
    "manifest",
    [
        {**MANIFEST, "policy": HOSTILE, "rules": [{**RULE, "text": HOSTILE, "name": HOSTILE, "file": HOSTILE}]},
        {**MANIFEST, "hooks": [{"hook": HOSTILE, "program": HOSTILE, "section": 3}, 7, None]},
        {**MANIFEST, "hooks": 7, "rules": {"a": 1}, "defaults": [], "compiler": HOSTILE},
        {**MANIFEST, "rules": [None, 3, {"text": None}, {"name": 5, "line": [HOSTILE]}]},
        {"version": "\x1b[31m"},
        {},
    ],
)
def test_hostile_manifests_are_only_printed(
    made: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: dict[str, object]
) -> None:
    path = written(tmp_path, finish_object(made, json.dumps(manifest).encode()))
    assert main(["inspect", path]) == 0
    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert main(["inspect", path, "--json"]) == 0


@pytest.mark.parametrize("note", [b"", b"\xff\xfe", b"[1]", b"null", b"[" * 100000, b"{" * 5])
def test_a_manifest_that_is_none(made: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], note: bytes) -> None:
    assert main(["inspect", written(tmp_path, finish_object(made, note))]) == 0
    assert "not made by ebpfc" in capsys.readouterr().out
