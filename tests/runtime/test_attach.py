"""`ebpfctl attach` and `detach` over a real veth: packets stop and pass, no gap, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ebpfc.runtime import attach as attaching
from ebpfc.runtime import bpffs
from ebpfc.runtime.attach import AttachOptions, attach_policy
from ebpfc.runtime.detach import detach_policies
from ebpfc.runtime.device import TAG_FEATURES, Device, find_device, tag_stripping
from ebpfc.runtime.errors import ControlError, KernelError
from ebpfc.runtime.installed import link_path, list_installed, program_numbers
from ebpfc.runtime.libbpf import libbpf
from ebpfc.testing.netns import Side, receive, run

pytestmark = pytest.mark.kernel
Wire = tuple[Side, Side]
Control = Callable[..., subprocess.CompletedProcess[str]]
Objects = Callable[..., Path]
Builder = Callable[..., bytes]
Frames = Callable[..., bytes]
Ping = Callable[..., bool]


def folder_of(side: Side) -> Path:
    with side.entered():
        return bpffs.device_folder(side.ifindex())


def in_force(side: Side) -> str:
    """What bpftool sees attached in the namespace."""
    return side.run("bpftool", "net").stdout


def test_attach_drops_and_detach_lets_through(ctl: Control, objects: Objects, ping: Ping, wire: Wire) -> None:
    assert ping(2.0)
    answer = ctl("attach", objects(("xdp",)), "pf0").stdout
    assert "handmade is in force at pf0: xdp" in answer
    assert not ping()
    assert "handmade is off pf0" in ctl("detach", "pf0").stdout
    assert ping(2.0)


@pytest.mark.parametrize("hook", ["xdp", "tc ingress"])
def test_detach_ends_a_link_that_somebody_else_holds(handmade: Builder, wire: Wire, ping: Ping, hook: str) -> None:
    with wire[1].entered():
        attach_policy(handmade((hook,)), find_device("pf0"))
        assert not ping()
        with bpffs.opened(link_path(folder_of(wire[1]) / "handmade", hook)):
            detach_policies(find_device("pf0"))
            assert ping(2.0)


@pytest.mark.parametrize("hooks", [("xdp",), ("tc ingress",), ("tc egress",), ("xdp", "tc ingress", "tc egress")])
def test_detach_leaves_nothing(ctl: Control, objects: Objects, wire: Wire, hooks: tuple[str, ...]) -> None:
    before = in_force(wire[1])
    ctl("attach", objects(hooks), "pf0")
    with wire[1].entered():
        numbers = [n for i in list_installed(folder_of(wire[1])) for n in program_numbers(i)]
    assert len(numbers) == len(hooks)
    ctl("detach", "pf0")
    assert in_force(wire[1]) == before
    assert not folder_of(wire[1]).exists()
    assert all(libbpf().bpf_prog_get_fd_by_id(n) < 0 for n in numbers)
    assert "no policy is attached to pf0" in ctl("detach", "pf0", code=1).stderr


def test_each_hook_of_tc_judges(ctl: Control, objects: Objects, ping: Ping) -> None:
    for hook in ("tc ingress", "tc egress"):
        ctl("attach", objects((hook,)), "pf0")
        assert not ping()
        ctl("detach", "pf0")
        assert ping(2.0)


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_modes(ctl: Control, objects: Objects, ping: Ping, mode: str) -> None:
    assert f"xdp ({mode})" in ctl("attach", objects(), "pf0", "--mode", mode).stdout
    assert not ping()
    other = {"native": "generic", "generic": "native"}[mode]
    assert "cannot be replaced in mode" in ctl("attach", objects(), "pf0", "--mode", other, code=1).stderr


def test_filters_where_the_kernel_has_no_tcx(handmade: Builder, wire: Wire, ping: Ping) -> None:
    """Kernels before 6.6. The queueing discipline that attach made goes with detach."""
    with wire[1].entered():
        device = find_device("pf0")
        options = AttachOptions(tcx=False)
        first = attach_policy(handmade(("tc ingress",)), device, options)
        assert [a.method for a in first.attachments] == ["clsact filter"]
        assert not ping()
        again = attach_policy(handmade(("tc ingress",), policy="other"), device, options)
        assert again.replaced == ("handmade",)
        assert again.attachments == first.attachments
        assert not ping()
        detach_policies(device)
    assert "clsact" not in run("tc", "-n", wire[1].namespace, "qdisc", "show").stdout
    assert ping(2.0)


def test_a_queueing_discipline_that_others_use_stays(handmade: Builder, objects: Objects, wire: Wire) -> None:
    right = wire[1]
    path = str(objects(("tc ingress",)))
    with right.entered():
        device = find_device("pf0")
        attach_policy(handmade(("tc ingress",)), device, AttachOptions(tcx=False))
        theirs = ("tc", "-n", right.namespace, "filter", "add", "dev", "pf0", "egress")
        run(*theirs, "bpf", "da", "obj", path, "sec", "tc")
        detach_policies(device)
    assert "clsact" in run("tc", "-n", right.namespace, "qdisc", "show").stdout
    assert "direct-action" in run("tc", "-n", right.namespace, "filter", "show", "dev", "pf0", "egress").stdout


def test_another_xdp_program_is_not_replaced(ctl: Control, objects: Objects, wire: Wire, tmp_path: Path) -> None:
    path = objects()
    run("ip", "-n", wire[1].namespace, "link", "set", "dev", "pf0", "xdp", "obj", str(path), "sec", "xdp")
    before = in_force(wire[1])
    refused = ctl("attach", path, "pf0", code=1).stderr
    assert "already has an XDP program that ebpfctl did not attach: pf_xdp" in refused
    assert in_force(wire[1]) == before
    assert not folder_of(wire[1]).exists()


def test_replacing_lets_no_packet_through(handmade: Builder, wire: Wire, frames: Frames) -> None:
    """Five replacements under a steady stream of what both policies drop; none of it may arrive."""
    left, right = wire
    with right.entered():
        attach_policy(handmade(), find_device("pf0"))
    dropped, passed = frames(1), frames(17)
    stop = threading.Event()
    sent = 0

    def send() -> None:
        nonlocal sent
        with left.raw_socket() as channel:
            while not stop.is_set():
                channel.send(dropped)
                sent += 1

    with right.raw_socket() as arrivals:
        sender = threading.Thread(target=send)
        sender.start()
        with right.entered():
            for n in range(5):
                attach_policy(handmade(policy=f"policy{n}"), find_device("pf0"))
        stop.set()
        sender.join()
        left.send(passed)
        first = receive(arrivals, lambda f: f[12:14] == b"\x08\x00", 2.0)
    with right.entered():
        assert [i.policy for i in list_installed(folder_of(right))] == ["policy4"]
        detach_policies(find_device("pf0"))
    assert sent > 100
    assert first == passed


def test_a_refused_object_changes_nothing(ctl: Control, objects: Objects, wire: Wire, ping: Ping) -> None:
    ctl("attach", objects(), "pf0")
    before = in_force(wire[1]), sorted(p.name for p in folder_of(wire[1]).rglob("*"))
    refused = ctl("attach", objects(bad=True), "pf0", code=3).stderr
    assert "the verifier refused program pf_xdp at" in refused
    assert "BEGIN PROG LOAD LOG" in ctl("attach", objects(bad=True), "pf0", "--raw", code=3).stderr
    assert (in_force(wire[1]), sorted(p.name for p in folder_of(wire[1]).rglob("*"))) == before
    assert not ping()


@pytest.mark.parametrize("step", ["_shelve", "switch", "drop_rest"])
def test_an_attach_that_fails_on_its_way_is_rolled_back(
    handmade: Builder, wire: Wire, ping: Ping, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The old policy drops ICMP at XDP and tc, the new one passes it: what is in force shows in a ping."""
    with wire[1].entered():
        device = find_device("pf0")
        attach_policy(handmade(("xdp", "tc ingress")), device)
        before = program_numbers(list_installed(folder_of(wire[1]))[0])
        _fail_after(monkeypatch, step)
        with pytest.raises(KernelError, match="struck"):
            attach_policy(handmade(("xdp",), icmp="pass", policy="other"), device)
        monkeypatch.undo()
        (installed,) = list_installed(folder_of(wire[1]))
        assert installed.policy == "handmade"
        assert program_numbers(installed) == before
        assert not ping()
        assert sorted(p.name for p in folder_of(wire[1]).iterdir()) == ["handmade"]
        detach_policies(device)


@pytest.mark.parametrize("step", ["_stage", "_shelve", "switch", "drop_rest"])
def test_an_interrupted_attach_is_undone_by_the_next(
    handmade: Builder, wire: Wire, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As if the command had been killed there: nothing of it cleans up."""
    with wire[1].entered():
        device = find_device("pf0")
        attach_policy(handmade(("xdp", "tc ingress")), device)
        _fail_after(monkeypatch, step)
        monkeypatch.setattr(attaching, "roll_back", lambda *_: None)
        with pytest.raises(KernelError, match="struck"):
            attach_policy(handmade(("xdp",), icmp="pass", policy="other"), device)
        monkeypatch.undo()
        attached = attach_policy(handmade(("tc ingress",), policy="third"), device)
        assert attached.replaced == ("handmade",)
        (installed,) = list_installed(folder_of(wire[1]))
        assert installed.hooks == {"tc ingress"}
        assert [p.name for p in folder_of(wire[1]).iterdir()] == ["third"]
        detach_policies(device)
        assert not folder_of(wire[1]).exists()


def _fail_after(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    original = getattr(attaching, step)

    def struck(*arguments: object, **named: object) -> object:
        original(*arguments, **named)
        raise KernelError("struck")

    monkeypatch.setattr(attaching, step, struck)


def test_policies_at_different_hooks_stand_side_by_side(ctl: Control, objects: Objects) -> None:
    ctl("attach", objects(("xdp",), policy="one"), "pf0")
    assert "replaced" not in ctl("attach", objects(("tc ingress",), policy="two"), "pf0").stdout
    shown = ctl("stats", "pf0").stdout
    assert "one at pf0, xdp: in force" in shown
    assert "two at pf0, tc ingress: in force" in shown
    assert "replaced one, two" in ctl("attach", objects(("xdp", "tc ingress"), policy="both"), "pf0").stdout
    assert ctl("detach", "pf0").stdout.startswith("both is off")


def test_one_hook_of_several(ctl: Control, objects: Objects, wire: Wire) -> None:
    path = objects(("xdp", "tc ingress"))
    assert "xdp" not in ctl("attach", path, "pf0", "--hook", "tc ingress").stdout
    assert "no program for tc egress" in ctl("attach", path, "pf0", "--hook", "tc egress", code=1).stderr


def test_keep_leaves_the_maps_and_the_next_attach_goes_on(
    ctl: Control, objects: Objects, wire: Wire, frames: Frames
) -> None:
    path = objects()
    ctl("attach", path, "pf0")
    wire[0].send(frames(1), frames(1))
    ctl("detach", "pf0", "--keep")
    assert sorted(p.name for p in folder_of(wire[1]).rglob("*") if not p.is_dir()) == [
        "manifest",
        "map_pf_counters",
        "state",
    ]
    assert "not in force" in ctl("stats", "pf0").stdout
    ctl("attach", path, "pf0")
    wire[0].send(frames(1))
    assert "        3    180  rules.pf:7  ping: drop icmp" in ctl("stats", "pf0").stdout


def test_tags_that_the_nic_strips(ctl: Control, objects: Objects, wire: Wire) -> None:
    """veth reports rx-vlan-offload on, as NICs do."""
    path = objects(flags={"looks_at_tags": True})
    refused = ctl("attach", path, "pf0", code=1).stderr
    assert "looks at VLAN tags, and pf0 takes them out before XDP (rx-vlan-hw-parse" in refused
    assert "--fix-offload" in refused
    assert _stripping(wire[1]) == TAG_FEATURES
    assert "turned off until detach" in ctl("attach", path, "pf0", "--fix-offload").stdout
    assert _stripping(wire[1]) == ()
    ctl("attach", path, "pf0")
    ctl("attach", objects(), "pf0")
    assert _stripping(wire[1]) == ()
    ctl("detach", "pf0")
    assert _stripping(wire[1]) == TAG_FEATURES


def test_a_refused_attach_gives_the_features_back(ctl: Control, objects: Objects, wire: Wire) -> None:
    """Native XDP needs a packet in one page, so that veth refuses the program at an MTU of 9000."""
    for side in wire:
        run("ip", "-n", side.namespace, "link", "set", "pf0", "mtu", "9000")
    path = objects(flags={"looks_at_tags": True})
    refused = ctl("attach", path, "pf0", "--fix-offload", "--mode", "native", code=3).stderr
    assert "lower the device's MTU" in refused
    assert _stripping(wire[1]) == TAG_FEATURES
    assert not folder_of(wire[1]).exists()
    assert "try --mode native" in ctl("attach", path, "pf0", "--fix-offload", "--mode", "offload", code=3).stderr


def test_several_at_once_wait_for_each_other(handmade: Builder, wire: Wire) -> None:
    with wire[1].entered():
        attach_policy(handmade(), find_device("pf0"))
    problems: list[BaseException] = []

    def attach(n: int) -> None:
        try:
            with wire[1].entered():
                attach_policy(handmade(policy=f"policy{n}"), find_device("pf0"))
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=attach, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with wire[1].entered():
        assert len(list_installed(folder_of(wire[1]))) == 1
        detach_policies(find_device("pf0"))


def test_tags_at_tc_need_no_fix(ctl: Control, objects: Objects) -> None:
    ctl("attach", objects(("tc ingress",), flags={"looks_at_tags": True}), "pf0")


def _stripping(side: Side) -> tuple[str, ...]:
    with side.entered():
        return tag_stripping(find_device("pf0"))


def test_a_device_that_is_gone_leaves_no_pins(handmade: Builder, wire: Wire) -> None:
    right = wire[1]
    with right.entered():
        attach_policy(handmade(), find_device("pf0"))
        folder = folder_of(right)
        run("ip", "-n", right.namespace, "link", "del", "pf0")
        assert folder.exists()
        attach_policy(handmade(), Device("lo", 1), AttachOptions(mode="generic"))
        assert not folder.exists()
        detach_policies(Device("lo", 1))


def test_a_program_that_the_manifest_makes_up(handmade: Builder, wire: Wire) -> None:
    data = handmade().replace(b'"program": "pf_xdp"', b'"program": "pf_abc"')
    with wire[1].entered(), pytest.raises(ControlError, match="no program to load"):
        attach_policy(data, find_device("pf0"))
    assert not folder_of(wire[1]).exists()


def test_an_older_kernel_than_compiled_for_is_named(handmade: Builder, wire: Wire) -> None:
    with wire[1].entered(), pytest.raises(KernelError) as caught:
        attach_policy(handmade(bad=True, kernel="99.0"), find_device("pf0"))
    assert any("the object was compiled for 99.0 and newer: ebpfc --kernel" in hint for hint in caught.value.hints)


@pytest.mark.parametrize(
    "arguments", [("attach", "OBJECT", "pf0"), ("stats", "pf0"), ("detach", "pf0"), ("confirm", "pf0")]
)
def test_under_ip_netns_exec_the_pins_would_be_lost(objects: Objects, wire: Wire, arguments: tuple[str, ...]) -> None:
    """It mounts a /sys of its own for the command, without bpffs."""
    words = [str(objects()) if word == "OBJECT" else word for word in arguments]
    path = os.pathsep.join(p for p in sys.path if p)
    done = wire[1].run("env", f"PYTHONPATH={path}", sys.executable, "-m", "ebpfc.cli.ebpfctl", *words, check=False)
    assert done.returncode == 3
    assert "ebpfctl --netns NAME" in done.stderr
