"""Policies that remember: the object in the kernel and the simulator say the same of every packet, at any time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ebpfc.compiler.ir.program import HookName
from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import HOOKS, default_compiler
from ebpfc.testing.conversations import IPV6_HOSTS
from ebpfc.testing.random_traffic import TimedFrame
from ebpfc.testing.simulator import Simulator
from ebpfc.testing.timed_agreement import timed_disagreements
from ebpfc.testing.timed_trial import timed_trial

pytestmark = pytest.mark.kernel

CHUNKS, POLICIES, PACKETS = 10, 12, 500


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_simulator_and_kernel_agree(chunk: int) -> None:
    for seed in range(chunk * POLICIES, (chunk + 1) * POLICIES):
        found = timed_trial(seed, PACKETS)
        assert not found, f"seed {seed}: {found[0]}"


FRAME = bytes.fromhex(  # UDP in VXLAN 2
    "0200000000020200000000010800"
    "4500004e000100000111a59b0a0000020a0000029c4012b5003a00000800000000000200"
    "0200000000020200000000010800"
    "4500001c000100000106a4d90a0001010a0000020035003500000001"
)
PAST = {
    "the protocol inside as the key of a table alone": (
        "table seen key proto\ndrop vxlan and proto in seen\nvxlan then add proto to seen"
    ),
    "the protocol inside as the key of a limiter alone": "drop vxlan over 1/s per proto",
}


@pytest.mark.parametrize("policy", PAST.values(), ids=PAST.keys())
@pytest.mark.parametrize("hook", HOOKS)
def test_it_stays_mended(policy: str, hook: HookName) -> None:
    compiled = compile_text(f"hook {hook}\n{policy}\n", Options(trace=True))
    traffic = [TimedFrame(10**12 + n, FRAME) for n in range(3)]
    assert Simulator(compiled.policy).decide(FRAME, 1, DIRECTIONS[hook]).verdict == "pass"
    assert not timed_disagreements(compiled, build_object(compiled, default_compiler()), hook, traffic)


OPTIONS = (
    b"\x01\x03\x03\x07",
    b"\x03\x03\x0f\x00",
    b"\x02\x04\x05\xb4\x01\x03\x03\x02\x04\x02\x00\x00",
    b"\x01" * 37 + b"\x03\x03\x02",
    b"\x01" * 38 + b"\x03\x03",
    b"\x03\x04\x02\x00\x03\x03\x02\x00",
    b"\x05\x28\x03\x03\x02\x00\x00\x00",
)


@pytest.mark.parametrize("hook", HOOKS)
def test_options_end_where_the_frame_does(hook: HookName) -> None:
    """A SYN cut at each byte of its options, each time from another port: the scales that are kept are compared."""
    traffic: list[TimedFrame] = []
    for options in OPTIONS:
        for cut in range(len(options) + 1):
            hosts = replace(IPV6_HOSTS, client_port=1024 + len(traffic))
            frame = hosts.tcp("client", "S", options=options)
            traffic.append(TimedFrame(10**12, frame[: len(frame) - cut]))
    compiled = compile_text(f"hook {hook}\ntrack\npass state new\n", Options(trace=True))
    assert not timed_disagreements(compiled, build_object(compiled, default_compiler()), hook, traffic)
