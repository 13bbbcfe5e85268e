"""Small policies leave the verifier room: `malformed` of two packets at once asks it to walk every pair of ways, and so
does every key that is read of a packet inside, whether a rule looks it up, adds it or takes it away."""

from __future__ import annotations

import re

import pytest

from ebpfc.testing.agreement import build_traced
from ebpfc.testing.kernel import KernelPolicy

pytestmark = pytest.mark.kernel

LOG_TOTALS = 4  # BPF_LOG_STATS
ROOM = 200_000  # of the 1,000,000 instructions that it processes at most

POLICIES = (
    "drop malformed\nif vxlan {\n drop malformed\n drop ipip\n}\n",
    "drop malformed\nif vxlan {\n drop malformed\n drop proto 4\n}\n",
    "drop malformed and geneve {1-16777215, 7} or (vxlan port 4789 and ipip)\n",
    "drop malformed and gtp or (vxlan and gre)\n",
    "drop malformed\nif geneve {\n drop malformed\n if gre {\n  drop malformed\n  drop tcp dst port 80\n }\n}\n",
    """table far key src
table flows key (proto, proto, src port) timeout 1h
table networks key vxlan.vni timeout 10s
limit busy 3kB/s per (src, ip6 dst, vlan)
not (proto, proto, dst port) in flows then add (ip.protocol, ip.protocol, udp src port) to flows
then add vxlan to networks for 1ms
within 10MB/h then log 0 bytes
vlan then add dst to far, delete dst from far
within 7/s then delete (proto, ip.protocol, src port) from flows
vxlan and not (proto, proto, dst port) in flows within busy then delete (ip.protocol, outer proto, src port) from flows
""",
)


@pytest.mark.parametrize("text", POLICIES)
@pytest.mark.parametrize("hook", ["xdp", "tc ingress"])
def test_the_verifier_has_room(hook: str, text: str) -> None:
    _, built = build_traced(f"hook {hook}\n{text}")
    with KernelPolicy(built, log_level=LOG_TOTALS) as kernel:
        processed = [int(number) for number in re.findall(r"processed (\d+) insns", kernel.log)]
    assert processed and max(processed) < ROOM
