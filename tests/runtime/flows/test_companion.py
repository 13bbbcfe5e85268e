"""The program that keeps the other direction's connections: attached, replaced, undone and taken off with its policy,
beside other policies at its hook."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.runtime import attach as attaching
from ebpfc.runtime import bpffs
from ebpfc.runtime.attach import AttachOptions, attach_policy
from ebpfc.runtime.detach import detach_policies
from ebpfc.runtime.device import find_device
from ebpfc.runtime.errors import ControlError, KernelError
from ebpfc.runtime.installed import list_installed, program_numbers
from ebpfc.runtime.libbpf import ATTACH_TCX_EGRESS, ATTACH_TCX_INGRESS, libbpf
from ebpfc.runtime.undo import confirm_trial
from ebpfc.testing.netns import Side, run
from ebpfc.testing.waiting import comes_true

pytestmark = pytest.mark.kernel
Control = Callable[..., subprocess.CompletedProcess[str]]
Policies = Callable[..., Path]
Builder = Callable[..., bytes]
Wire = tuple[Side, Side]
Talk = Callable[..., Any]
Places = set[tuple[str, str, bool]]


def places(side: Side) -> Places:
    """(policy, hook, whether a companion) of all that is said to be attached."""
    with side.entered():
        found = list_installed(bpffs.device_folder(side.ifindex()))
        return {(i.policy, a.hook, a.companion) for i in found for a in i.state.attachments}


def at_tc(side: Side) -> int:
    """How many programs are at tc: by links, which bpftool may not know, and by filters."""
    (seen,) = json.loads(side.run("bpftool", "-j", "net").stdout)
    filters = sum(not entry["kind"].startswith("tcx") for entry in seen["tc"])
    with side.entered():
        for attach_type in (ATTACH_TCX_INGRESS, ATTACH_TCX_EGRESS):
            count = ctypes.c_uint32(0)
            libbpf().bpf_prog_query(side.ifindex(), attach_type, 0, None, None, ctypes.byref(count))
            filters += count.value
    return filters


def in_force(side: Side, *expected: tuple[str, str, bool]) -> None:
    """These places and no others, and a program attached at each."""
    assert places(side) == set(expected)
    with side.entered():
        for one in list_installed(bpffs.device_folder(side.ifindex())):
            assert len(program_numbers(one)) == len(one.state.attachments)
    assert at_tc(side) == sum(hook != "xdp" for _, hook, _ in expected)


EDGE: Places = {("edge", "xdp", False), ("edge", "tc egress", True)}


@pytest.mark.parametrize("tcx", [True, False])
@pytest.mark.parametrize("rules", ["inside", "outward"])
def test_detach_leaves_nothing(policies: Policies, wire: Wire, rules: str, tcx: bool) -> None:
    right = wire[1]
    before = right.run("bpftool", "net").stdout
    data = policies(rules).read_bytes()
    with right.entered():
        device = find_device("pf0")
        attached = attach_policy(data, device, AttachOptions(tcx=tcx))
        assert [a.companion for a in attached.attachments] == [True, False]
        (installed,) = list_installed(bpffs.device_folder(device.ifindex))
        numbers = program_numbers(installed)
        assert len(numbers) == 2
        assert attach_policy(data, device, AttachOptions(tcx=tcx)).attachments == attached.attachments
        assert at_tc(right) == (1 if rules == "inside" else 2)
        assert detach_policies(device) == ("edge",)
        assert not bpffs.device_folder(device.ifindex).exists()
    assert right.run("bpftool", "net").stdout == before
    assert "clsact" not in run("tc", "-n", right.namespace, "qdisc", "show").stdout
    assert comes_true(lambda: all(is_gone(n) for n in numbers))


def is_gone(number: int) -> bool:
    """Whether the kernel has let the program go; a descriptor of it would keep it."""
    descriptor = libbpf().bpf_prog_get_fd_by_id(number)
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor < 0


def test_filters_of_both_directions_take_their_queueing_discipline_along(handmade: Builder, wire: Wire) -> None:
    with wire[1].entered():
        device = find_device("pf0")
        attach_policy(handmade(("tc ingress", "tc egress")), device, AttachOptions(tcx=False))
        detach_policies(device)
    assert "clsact" not in run("tc", "-n", wire[1].namespace, "qdisc", "show").stdout


def test_a_filter_keeps_connections_as_a_link_does(policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    with right.entered():
        attach_policy(policies("inside").read_bytes(), find_device("pf0"), AttachOptions(tcx=False))
    with talk(right, left, 4711) as conversation:
        assert conversation is not None
        assert conversation.goes_on()
    with right.entered():
        detach_policies(find_device("pf0"))


@pytest.mark.parametrize("tcx", [True, False])
def test_it_stands_beside_another_policy(handmade: Builder, policies: Policies, wire: Wire, tcx: bool) -> None:
    """Neither takes the other's place, whichever comes first; a policy that takes both hooks takes both places."""
    right, options = wire[1], AttachOptions(tcx=tcx)
    edge, other = policies("inside").read_bytes(), handmade(("tc egress",), policy="other")
    beside = EDGE | {("other", "tc egress", False)}
    with right.entered():
        device = find_device("pf0")
        for order in ((edge, other), (other, edge)):
            for data in (*order, *order):
                attach_policy(data, device, options)
            in_force(right, *beside)
            detach_policies(device)
        for data in (edge, other):
            attach_policy(data, device, options)
        both = policies("both", name="both").read_bytes()
        assert attach_policy(both, device, options).replaced == ("edge", "other")
        in_force(right, ("both", "xdp", False), ("both", "tc egress", False))
        detach_policies(device)
    assert at_tc(right) == 0


@pytest.mark.parametrize("tcx", [True, False])
@pytest.mark.parametrize("step", ["_stage", "_shelve", "switch", "drop_rest"])
def test_an_attach_that_fails_brings_all_of_it_back(
    handmade: Builder, policies: Policies, wire: Wire, monkeypatch: pytest.MonkeyPatch, step: str, tcx: bool
) -> None:
    right, options = wire[1], AttachOptions(tcx=tcx)
    original = getattr(attaching, step)

    def struck(*arguments: object, **named: object) -> object:
        original(*arguments, **named)
        raise KernelError("struck")

    with right.entered():
        device = find_device("pf0")
        monkeypatch.setattr(attaching, step, struck)
        with pytest.raises(KernelError, match="struck"):
            attach_policy(policies("inside").read_bytes(), device, options)
        assert at_tc(right) == 0
        assert not bpffs.device_folder(device.ifindex).exists()
        monkeypatch.undo()
        for data in (policies("inside").read_bytes(), handmade(("tc egress",), policy="other")):
            attach_policy(data, device, options)
        before = EDGE | {("other", "tc egress", False)}
        monkeypatch.setattr(attaching, step, struck)
        for data in (policies("both", name="both"), policies("both"), policies("ssh"), policies("inside", name="new")):
            with pytest.raises(KernelError, match="struck"):
                attach_policy(data.read_bytes(), device, options)
            in_force(right, *before)
        monkeypatch.undo()
        detach_policies(device)
    assert at_tc(right) == 0


def test_a_trial_is_undone_with_it(ctl: Control, policies: Policies, wire: Wire, talk: Talk) -> None:
    left, right = wire
    ctl("attach", policies("inside"), "pf0", "--confirm", "1.5")
    in_force(right, *EDGE)
    assert comes_true(lambda: not places(right))
    assert at_tc(right) == 0
    ctl("attach", policies("inside"), "pf0")
    ctl("attach", policies("both"), "pf0", "--confirm", "2")
    with talk(right, left, 4711) as conversation:
        assert conversation is not None
        assert comes_true(lambda: places(right) == EDGE)
        assert conversation.goes_on()


def test_a_trial_is_confirmed_with_it(policies: Policies, wire: Wire) -> None:
    right = wire[1]
    with right.entered():
        device = find_device("pf0")
        options = AttachOptions(trial="token", trial_seconds=600)
        attach_policy(policies("inside").read_bytes(), device, options)
        assert confirm_trial(device) == ("edge",)
        in_force(right, *EDGE)
        detach_policies(device)


def test_a_companion_that_is_not_in_the_object(policies: Policies, wire: Wire) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["track"]["companion"]["program"] = "pf_none"

    with wire[1].entered():
        device = find_device("pf0")
        with pytest.raises(ControlError, match="speaks of a program pf_none, which is not in it"):
            attach_policy(policies("inside", change).read_bytes(), device)
        assert not bpffs.device_folder(device.ifindex).exists()


def test_stats_show_only_hooks_that_judge(ctl: Control, policies: Policies) -> None:
    ctl("attach", policies("inside"), "pf0")
    shown = ctl("stats", "pf0").stdout
    assert "edge at pf0, xdp: in force" in shown
    assert "edge at pf0, tc egress" not in shown
    ctl("detach", "pf0", "--keep")
    assert "kept at tc egress (not in force) too" in ctl("stats", "pf0").stdout
