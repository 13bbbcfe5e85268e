"""Objects whose manifest was made by hand, with `../` in its names: no command of `ebpfctl` goes where they lead."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.testing.netns import Side

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]

MARK = f"climbed-{os.getpid()}"
CLIMB = f"../../../../../../tmp/{MARK}"
BPFFS = Path("/sys/fs/bpf")
RULE = {
    "number": 0,
    "file": "rules.pf",
    "line": 7,
    "column": 1,
    "name": "ping",
    "text": "drop icmp",
    "actions": ["drop"],
}
SECOND = RULE | {"number": 1, "line": 8, "name": None, "text": "pass ip", "actions": ["pass"]}
COUNTER = {"index": 0, "kind": "rule", "rule": 0, "name": None, "hook": "xdp", "direction": "inbound"}

REFUSED: dict[str, dict[str, Any]] = {
    "the policy": {"policy": CLIMB},
    "the policy, short": {"policy": ".."},
    "the policy, absolute": {"policy": f"/tmp/{MARK}"},
    "the policy, hidden": {"policy": f"../{MARK}"},
    "a counter's hook": {"counters": [COUNTER | {"hook": CLIMB}]},
    "a direction": {"counters": [COUNTER | {"direction": CLIMB}]},
    "a default": {"defaults": {"inbound": CLIMB, "outbound": "pass"}},
    "the kernel": {"kernel": CLIMB},
}
HARMLESS: dict[str, dict[str, Any]] = {
    "a rule's file": {"rules": [RULE | {"file": CLIMB}, SECOND]},
    "a rule's name": {"rules": [RULE | {"name": CLIMB}, SECOND]},
    "a rule's text": {"rules": [RULE | {"text": CLIMB}, SECOND]},
    "a rule's actions": {"rules": [RULE | {"actions": [CLIMB]}, SECOND]},
    "the compiler": {"compiler": {"name": CLIMB, "version": CLIMB}},
    "ebpfc's version": {"ebpfc": CLIMB},
    "a counter's name": {"counters": [COUNTER, COUNTER | {"index": 1, "kind": "named", "rule": None, "name": CLIMB}]},
}


def climbed() -> list[Path]:
    """Whatever bears the mark, where a path made of the name could lead."""
    places = [BPFFS, Path("/tmp"), Path.cwd()]
    return [path for place in places for path in place.glob(f"**/*{MARK}*" if place == BPFFS else f"*{MARK}*")]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path, frame = tmp_path / "in.pcap", bytes(12) + b"\x08\x06" + bytes(46)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(head + struct.pack("<IIII", 1, 2, len(frame), len(frame)) + frame)
    return path


@pytest.mark.parametrize("where", REFUSED)
def test_a_name_that_climbs_is_refused(ctl: Control, objects: Objects, capture: Path, where: str) -> None:
    path = objects(**REFUSED[where])
    for command in (("attach", path, "pf0"), ("run", path, capture)):
        said = ctl(*command, code=1).stderr
        assert "manifest" in said and said.count("\n") < 6
    assert "no policy" in ctl("stats", "pf0", code=1).stderr
    assert climbed() == []


@pytest.mark.parametrize(("key", "right", "wrong"), [("hook", "xdp", "../"), ("program", "pf_xdp", "../../")])
def test_a_hook_that_climbs_is_refused(ctl: Control, objects: Objects, key: str, right: str, wrong: str) -> None:
    """The section is not among these: libbpf reads it from the object, the manifest's is only printed."""
    path = objects()
    data = path.read_bytes()
    path.write_bytes(data.replace(f'"{key}": "{right}"'.encode(), f'"{key}": "{wrong}"'.encode()))
    assert path.read_bytes() != data
    assert "manifest is damaged" in ctl("attach", path, "pf0", code=1).stderr
    assert "no policy" in ctl("stats", "pf0", code=1).stderr


@pytest.mark.parametrize("where", HARMLESS)
def test_a_text_that_climbs_is_only_printed(
    ctl: Control, objects: Objects, capture: Path, wire: tuple[Side, Side], where: str
) -> None:
    path = objects(**HARMLESS[where])
    ctl("run", path, capture)
    ctl("attach", path, "pf0")
    ctl("stats", "pf0")
    ctl("detach", "pf0")
    assert climbed() == []


def test_what_was_pinned_under_a_good_name_is_not_reached_by_a_bad_one(ctl: Control, objects: Objects) -> None:
    """The bad name is that of the good policy's folder, from another folder of pins."""
    ctl("attach", objects(), "pf0")
    for name in ("../handmade", "./handmade", "handmade/", "handmade/../handmade"):
        ctl("attach", objects(policy=name), "pf0", code=1)
    (policy,) = json.loads(ctl("stats", "pf0", "--json").stdout)["policies"]
    assert policy["policy"] == "handmade"
    assert [hook["hook"] for hook in policy["hooks"]] == ["xdp"]
