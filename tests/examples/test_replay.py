"""Each example as a user has it: compiled by `ebpfc`, its frames in a capture, judged by `ebpfctl run` at each hook."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from ebpfc.cli.ebpfctl import main as ebpfctl
from ebpfc.cli.main import main as ebpfc
from ebpfc.compiler.toolchain.inspect import inspect_object
from ebpfc.runtime.attach import AttachOptions, attach_policy
from ebpfc.runtime.detach import detach_policies
from ebpfc.runtime.device import find_device
from ebpfc.testing.cases import Case, parse_cases
from ebpfc.testing.netns import DEVICE, veth_pair

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted(EXAMPLES.glob("*.pf"))
each_example = pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)

pytestmark = pytest.mark.kernel


def built(path: Path, folder: Path) -> Path:
    """Exit code 0 and no word."""
    out = folder / f"{path.stem}.o"
    assert ebpfc([str(path), "-o", str(out)]) == 0
    return out


def hooks_of(path: Path) -> list[str]:
    manifest = inspect_object(path.read_bytes()).manifest
    assert manifest is not None
    return [entry["hook"] for entry in manifest["hooks"]]


def capture_of(cases: list[Case], path: Path) -> Path:
    """A capture in pcap format, Ethernet."""
    records = [struct.pack("<IIII", 0, 0, len(c.frame), len(c.frame)) + c.frame for c in cases]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records))
    return path


@each_example
def test_a_capture_is_judged_as_the_cases_say(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = built(path, tmp_path)
    assert capsys.readouterr() == ("", "")
    hooks = hooks_of(out)
    cases = parse_cases(path.with_suffix(".cases").read_text())
    for hook in hooks:
        direction = "outbound" if hook == "tc egress" else "inbound"
        meant = [case for case in cases if case.direction == direction]
        assert meant, f"no case for {hook}"
        words = ["run", str(out), str(capture_of(meant, tmp_path / "in.pcap")), "--hook", hook, "--json"]
        assert ebpfctl(words) == 0
        judged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(judged) == len(meant)
        for case, answer in zip(meant, judged, strict=True):
            rule = answer["rule"]
            called = "default" if rule is None else rule["name"] or str(rule["line"])
            assert (answer["verdict"], called) == (case.verdict, case.rule), (hook, case.line, case.text)


@each_example
def test_an_example_is_in_force_at_a_device(path: Path, tmp_path: Path) -> None:
    data = built(path, tmp_path).read_bytes()
    with veth_pair(quiet=True) as (_, near), near.entered():
        device = find_device(DEVICE)
        attached = attach_policy(data, device, AttachOptions(fix_offload=True))
        try:
            assert attached.policy == path.stem
        finally:
            detach_policies(device)
