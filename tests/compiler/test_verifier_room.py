"""Small policies leave the verifier room: `malformed` of two packets at once asks it to walk every pair of ways."""

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
)


@pytest.mark.parametrize("text", POLICIES)
@pytest.mark.parametrize("hook", ["xdp", "tc ingress"])
def test_the_verifier_has_room(hook: str, text: str) -> None:
    _, built = build_traced(f"hook {hook}\n{text}")
    with KernelPolicy(built, log_level=LOG_TOTALS) as kernel:
        processed = [int(number) for number in re.findall(r"processed (\d+) insns", kernel.log)]
    assert processed and max(processed) < ROOM
