"""Compiled policies judged by real frames over a veth pair: what test runs cannot show, above all tags at tc."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from ebpfc.compiler.pipeline import Options, SourceInput, compile_policy
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.testing import packets
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import checked_policy, random_policy
from ebpfc.testing.semantics import Frame, Judge
from ebpfc.testing.wire import Hook, wire_policy

pytestmark = pytest.mark.kernel

TAGGED = """\
hook xdp, tc ingress, tc egress
default drop
pass vlan 5 and vlan 6 and tcp dst port 80
pass vlan 7 and ip.ttl < 5
pass vlan.pcp == 3
pass (vlan 1 and src host 10.0.0.1) or (vlan 2 and src host 10.0.0.2)
drop src host 10.0.0.9
pass not vlan and udp
pass ether[12:2] == 0x88a8 and len == 64
drop vlan 0 and malformed
"""


def built(text: str, folder: Path) -> bytes:
    path = folder / "wire.pf"
    path.write_text(text, encoding="utf-8")
    return build_object(compile_policy(SourceInput(path=str(path)), Options()), find_compiler(None))


def tagged_frames() -> list[bytes]:
    addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.9"]
    frames: list[bytes] = []
    for source in addresses:
        inner = packets.ip4(packets.tcp(dport=80), src=source, ttl=4)
        for tags in ([], [5, 6], [6, 5], [7], [1], [2], [0], [0x6000], [5, 6, 7]):
            for tpid in (0x8100, 0x88A8, 0x9100):
                layer = inner
                for vid in reversed(tags):
                    layer = packets.tag(layer, vid & 0xFFF, tpid=tpid, pcp=vid >> 13)
                frames.append(packets.ether(layer))
    return frames


@pytest.mark.parametrize("tcx", [True, False])
@pytest.mark.parametrize("hook", ["xdp", "tc ingress", "tc egress"])
def test_tags_on_a_wire(tmp_path: Path, hook: Hook, tcx: bool) -> None:
    policy, _ = checked_policy(TAGGED)
    assert policy is not None
    judge = Judge(policy)
    direction = "outbound" if hook == "tc egress" else "inbound"
    with wire_policy(built(TAGGED, tmp_path), hook, tcx=tcx) as wire:
        for frame in tagged_frames():
            expected = judge.decide(Frame(frame, ifindex=wire.ifindex), direction)
            assert wire.judge(frame) == (expected.verdict, expected.rule), frame.hex()


@pytest.mark.parametrize("seed", range(6))
def test_random_frames_on_a_wire(tmp_path: Path, seed: int) -> None:
    """At tc ingress, every tag taken out: reference and kernel agree on whatever arrives."""
    rng = Random(seed)
    text, policy = random_policy(rng, ("tc ingress",), rules=6)
    judge = Judge(policy)
    arrived = 0
    with wire_policy(built(text, tmp_path), "tc ingress") as wire:
        for _ in range(60):
            frame = random_frame(rng)[:1500]
            if len(frame) < 18:
                continue
            seen = wire.judge(frame)
            arrived += seen is not None
            expected = judge.decide(Frame(frame, ifindex=wire.ifindex), "inbound")
            assert seen in (None, (expected.verdict, expected.rule)), (text, frame.hex())
    assert arrived > 30
