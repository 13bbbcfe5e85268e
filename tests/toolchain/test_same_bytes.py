"""The same rules and options give the same object: whatever the run, the folder, the day and who asks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ebpfc.compiler.toolchain.inspect import inspect_object

ROOT = Path(__file__).parents[2]
FILES = {
    "edge.pf": 'hook xdp, tc egress\ninclude "parts/web.pf"\nlet bad = file "parts/bad.txt"\ndrop src net bad\npass\n',
    "parts/web.pf": 'web: pass tcp dst port {80, 443}\ninclude "../last.pf"\n',
    "parts/bad.txt": "".join(f"10.{n}.{n * 7 % 256}.0/24\n" for n in range(200)),
    "last.pf": "drop vxlan 5 and tcp dst port 23 then count \"telnet\"\n",
}  # fmt: skip
ENVIRONMENT = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


def write_files(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def built(cwd: Path, *words: str, **environment: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "ebpfc", *words, "-o", str(cwd / "out.o"), "--quiet"],
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    data = (cwd / "out.o").read_bytes()
    (cwd / "out.o").unlink()
    return data


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return built(write_files(tmp_path_factory.mktemp("first")), "edge.pf")


def test_another_folder_on_another_day_by_another_user(first: bytes, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "a b = ü" / "deep")
    for path in folder.rglob("*"):
        os.utime(path, (0, 86_400 * 365))
    words = {"TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "USER": "other", "PYTHONHASHSEED": "7"}
    assert built(folder, "edge.pf", SOURCE_DATE_EPOCH="1", TMPDIR=str(folder), **words) == first


@pytest.mark.parametrize("way", ["./edge.pf", "../here/edge.pf", "ABSOLUTE", "parts/../edge.pf", "FROM ABOVE", "LINK"])
def test_however_the_file_is_named(first: bytes, tmp_path: Path, way: str) -> None:
    folder = write_files(tmp_path / "here")
    match way:
        case "ABSOLUTE":
            assert built(folder, str(folder / "edge.pf")) == first
        case "FROM ABOVE":
            assert built(tmp_path, "here/edge.pf") == first
        case "LINK":
            (tmp_path / "there").symlink_to(folder)
            assert built(tmp_path, "there/edge.pf") == first
        case _:
            assert built(folder, way) == first


def test_a_second_later(first: bytes, tmp_path: Path) -> None:
    folder = write_files(tmp_path)
    time.sleep(1.1)
    assert built(folder, "edge.pf") == first


def test_places_are_seen_from_the_policy_s_folder(first: bytes, tmp_path: Path) -> None:
    manifest = inspect_object(first).manifest
    assert manifest is not None
    assert [rule["file"] for rule in manifest["rules"]] == ["parts/web.pf", "last.pf", "edge.pf", "edge.pf"]
    assert b"/tmp/" not in first and str(ROOT).encode() not in first


def test_an_expression(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert built(tmp_path, "-e", "tcp dst port 22") == built(other, "-e", "tcp dst port 22", PYTHONHASHSEED="9")


def test_another_rule_or_option_gives_other_bytes(first: bytes, tmp_path: Path) -> None:
    """So that the tests above can fail."""
    folder = write_files(tmp_path)
    assert built(folder, "edge.pf", "--no-counters") != first
    (folder / "last.pf").write_text(FILES["last.pf"].replace("23", "24"))
    assert built(folder, "edge.pf") != first
