"""The manifest says whether verdicts can hang on the frame's tags: a NIC that takes them out would let packets by."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebpfc.cli.main import main
from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.runtime.attach import AttachOptions, attach_policy
from ebpfc.runtime.detach import detach_policies
from ebpfc.runtime.device import find_device
from ebpfc.runtime.errors import ControlError
from ebpfc.testing.netns import DEVICE, veth_pair

LOOKING = (
    "drop vlan",
    "drop not vlan",
    "drop vlan {5, 6}",
    "pass not (vlan 5)\ndrop",
    "drop vlan.pcp == 3",
    "drop vlan in {5}",
    "drop ether[12:2] = 0x8100",
    "drop ether[14] = 1",
    "drop ether[len - 50] = 1",
    "drop ether proto 0x800",
    "drop ether.type == 0x800",
    "drop vxlan and outer vlan.id == 5",
    "drop tcp and (vlan 5 or ip)",
    "let a = vlan 5\ndrop a",
    "if vlan 5 {\ndrop tcp\n}",
    "if vlan {\ncount \"x\"\n} else {\ndrop\n}",
)  # fmt: skip
NOT_LOOKING = (
    "drop",
    "drop tcp dst port 22",
    "drop src host 10.0.0.1",
    "drop malformed",
    "drop ether src 02:00:00:00:00:01",
    "drop ether[0] & 1 = 1",
    "drop vxlan and vlan 5",
    "if vxlan {\ndrop vlan 5\n}",
    "drop vxlan and ether proto 0x800",
)


@pytest.mark.parametrize("rules", LOOKING)
def test_a_policy_that_looks(rules: str) -> None:
    assert compile_text(rules + "\n", Options()).manifest["flags"]["looks_at_tags"] is True


@pytest.mark.parametrize("rules", NOT_LOOKING)
def test_a_policy_that_does_not(rules: str) -> None:
    assert compile_text(rules + "\n", Options()).manifest["flags"]["looks_at_tags"] is False


@pytest.mark.kernel
@pytest.mark.parametrize(("rules", "hook", "refused"), [
    ("drop vlan 5", "xdp", True),
    ("drop vlan 5", "tc ingress", False),
    ("drop tcp", "xdp", False),
])  # fmt: skip
def test_at_a_device_that_takes_tags_out(tmp_path: Path, rules: str, hook: str, refused: bool) -> None:
    """A veth says that it does, as most NICs."""
    path, out = tmp_path / "tags.pf", tmp_path / "tags.o"
    path.write_text(f"hook {hook}\n{rules}\n")
    assert main([str(path), "-o", str(out), "--quiet"]) == 0
    with veth_pair(quiet=True) as (_, near), near.entered():
        device = find_device(DEVICE)
        try:
            if refused:
                with pytest.raises(ControlError, match="tag"):
                    attach_policy(out.read_bytes(), device, AttachOptions())
                attach_policy(out.read_bytes(), device, AttachOptions(fix_offload=True))
            else:
                attach_policy(out.read_bytes(), device, AttachOptions())
        finally:
            detach_policies(device)
