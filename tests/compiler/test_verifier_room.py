"""Small policies leave the verifier room: `malformed` of two packets at once asks it to walk every pair of ways, and so
does every key that is read of a packet inside, whether a rule looks it up, adds it or takes it away. Long lists of
connections are walked once each."""

from __future__ import annotations

import re

import pytest

from ebpfc.compiler.fields import MAX_KEPT
from ebpfc.testing.agreement import build_traced
from ebpfc.testing.kernel import KernelPolicy

pytestmark = pytest.mark.kernel

LISTS = (MAX_KEPT - 3) // 2
FULL = "\n".join(
    (
        "track\ntable t key src\ntable n key src net\nlimit l 1/s per src",
        "drop src net {" + ", ".join(f"10.{n}.0.0/16" for n in range(0, 200, 2)) + "}",
        'drop src in t\ndrop src in n\nover l then log "over", add src to t, add src to n, count "over"',
        *(f"drop udp dst port {n} over {n}/s per src" for n in range(1, MAX_KEPT - 2 - LISTS)),
        *(f"drop tcp dst port {n} connections > {n} per dst" for n in range(1, LISTS + 1)),
    )
)
"""As many maps as a policy can have."""
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
    "track\n" + "".join(f"drop tcp dst port {n} connections > 255 per src\n" for n in range(1, 5)),
)


@pytest.mark.parametrize("text", POLICIES)
@pytest.mark.parametrize("hook", ["xdp", "tc ingress"])
def test_the_verifier_has_room(hook: str, text: str) -> None:
    _, built = build_traced(f"hook {hook}\n{text}")
    with KernelPolicy(built, log_level=LOG_TOTALS) as kernel:
        processed = [int(number) for number in re.findall(r"processed (\d+) insns", kernel.log)]
    assert processed and max(processed) < ROOM


@pytest.mark.parametrize("hook", ["xdp", "tc ingress"])
def test_all_that_a_policy_may_keep_is_loaded(hook: str) -> None:
    """Each table, limiter and list is a map, and the kernel gives a program 64."""
    compiled, built = build_traced(f"hook {hook}\n{FULL}\n")
    kept = compiled.manifest["tables"], compiled.manifest["limits"], compiled.manifest["counts"]
    assert sum(map(len, kept)) == MAX_KEPT
    with KernelPolicy(built) as kernel:
        assert kernel.hooks
