"""The manifest's section about connections: optional, and trusted no more than the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.runtime.attach import AttachOptions, attach_policy
from ebpfc.runtime.device import Device
from ebpfc.runtime.elf_note import read_note
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.manifest import Manifest, read_manifest
from ebpfc.runtime.manifest_track import HookProgram, TrackPart

Policies = Callable[..., Path]
Changed = Callable[..., dict[str, Any]]


@pytest.fixture
def good(policies: Policies) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(read_note(policies("inside").read_bytes()))
    return tree


def read(tree: dict[str, Any]) -> Manifest:
    return read_manifest(json.dumps(tree).encode())


def test_what_the_compiler_says(good: dict[str, Any]) -> None:
    assert read(good).track == TrackPart(
        "pf_flows",
        "pf_opening",
        "pf_fragments",
        65536,
        False,
        HookProgram("tc egress", "pf_tc_egress", "classifier", companion=True),
    )


def test_the_section_may_be_missing(good: dict[str, Any]) -> None:
    assert read(good | {"track": None}).track is None
    del good["track"]
    assert read(good).track is None


@pytest.mark.parametrize(
    "wrong",
    [
        ([],),
        ("pf_flows",),
        ("flows", "../../x"),
        ("flows", "pf.flows"),
        ("flows", "f" * 16),
        ("flows", None),
        ("opening", "pf_flows"),
        ("fragments", "pf_opening"),
        ("fragments", 7),
        ("size", 0),
        ("size", 1 << 25),
        ("size", True),
        ("loose", 0),
        ("companion", []),
        ("companion", "hook", "xdp"),
        ("companion", "hook", "tc ingress"),
        ("companion", "hook", "../x"),
        ("companion", "program", "pf_xdp"),
        ("companion", "program", "a/b"),
        ("companion", "program", None),
        ("companion", "section", "\x1b[2J"),
    ],
)
def test_what_does_not_fit_is_refused(good: dict[str, Any], changed: Changed, wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ControlError, match="manifest is damaged"):
        read(changed(good, "track", *wrong))


def test_one_direction_alone_is_refused(policies: Policies) -> None:
    """Before anything is asked of the kernel."""
    data = policies("both").read_bytes()
    with pytest.raises(ControlError, match="tracks connections, and xdp alone does not see both directions"):
        attach_policy(data, Device("none", 1), AttachOptions(hooks=("xdp",)))


def test_a_nic_cannot_run_one_half(policies: Policies) -> None:
    with pytest.raises(ControlError, match="a program in the NIC cannot share them"):
        attach_policy(policies("inside").read_bytes(), Device("none", 1), AttachOptions(mode="offload"))
