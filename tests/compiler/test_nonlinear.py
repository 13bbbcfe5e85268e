"""At tc a packet's bytes need not lie together: what the rules read is pulled in, lengths are those of the packet."""

from random import Random

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing import packets
from ebpfc.testing.agreement import default_compiler
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.semantics.frame import Frame
from ebpfc.testing.semantics.policy import Judge
from ebpfc.testing.wire import wire_policy

PAGE_AND_MORE = 5000
POLICY = """\
hook tc ingress
default drop
drop malformed
if vxlan {
    inside: pass tcp dst port 80
    drop src net {10.0.0.0/8, fd00::/8}
}
reach: pass tcp[tcp[12] >> 2] == 0x47
far: pass ip[600] == 7
pass vlan and udp
pass tcp dst port {22, 80, 443}
pass icmp or icmp6
"""


def padded(frame: bytes) -> bytes:
    return frame + bytes(PAGE_AND_MORE - len(frame))


def frames() -> list[bytes]:
    rng = Random(7)
    known = [
        packets.ether(packets.ip4(packets.tcp(b"GET /" + bytes(4900), dport=8080))),
        packets.ether(packets.ip4(packets.udp(b"\x07" * 4900))),
        packets.ether(packets.tag(packets.ip4(packets.udp(b"\x00" * 4900)), 5)),
        packets.ether(packets.ip4(packets.vxlan(packets.ether(packets.ip4(packets.tcp(bytes(4800), dport=80))), 5))),
    ]
    far = packets.extension(60, packets.extension(0, packets.tcp(bytes(3000), dport=22), size=1024), size=1024)
    known += [
        packets.ether(packets.ip6(far)),
        packets.ether(packets.tag(packets.ip6(far), 0)),
        packets.ether(packets.ip4(packets.vxlan(packets.ether(packets.ip6(far, src="fd00::7")), 5))),
    ]
    return known + [padded(random_frame(rng)[:1400]) for _ in range(60)]


@pytest.mark.kernel
@pytest.mark.parametrize("linear", [14, 60])
def test_what_lies_in_fragments_is_judged_as_what_does_not(linear: int) -> None:
    compiled = compile_text(POLICY, Options())
    judge = Judge(compiled.policy)
    passed = 0
    with wire_policy(build_object(compiled, default_compiler()), "tc ingress", linear=linear) as wire:
        for frame in frames():
            seen = wire.judge(frame)
            expected = judge.decide(Frame(frame), "inbound")
            assert seen in (None, (expected.verdict, expected.rule)), frame[:200].hex()
            passed += seen is not None and seen[0] == "pass"
    assert passed >= 6
