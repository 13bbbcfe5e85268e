"""Each past disagreement, by name, as the smallest policy and frame that showed it."""

import pytest

from ebpfc.testing.agreement import build_traced, disagreements

IPV6 = "33330000000102000000000186dd"
ADDRESSES = "fd000000000000000000000000000001fd000000000000000000000000000002"
CASES = {
    "a VXLAN header cut before its VNI has a packet inside": (
        "drop not (vxlan {0-1} and not malformed)",
        "01005e000001ffffffffffff080045b8004e000100004011c3d30a000002ac100001001612b5003a00000800",
    ),
    "what is inside is parsed where only a negation asks": (
        "drop not (vxlan port 8472 and src or dst port 53 and icmp6)",
        "01005e000001ffffffffffff080045b8004e000100004011c3d30a000002ac10000100162118003a000008000000",
    ),
    "the frame's length in arithmetic is no pointer": (
        "drop tcp[(tcp[12] >> 4) * 4:4] - len == 64",
        "02000000000202000000000108004500002c000100004006000a0a0000010a00000204d200500000000000000000500200000000000000000000",
    ),
    "AH walked over IPv6 leaves `ah[...]` unknown": (
        "drop not ah[8:4] == 6",
        f"{IPV6}6000000000203340{ADDRESSES}0604000000000001000000060000000000000000000000000050005000000000",
    ),
    "a protocol known to be none of those asked": (
        "pass tcp and ip proto sctp\ndrop not (tcp and ip proto sctp)",
        "02000000000202000000000108004500001c00010000408400000a0000010a00000200500051000000000000",
    ),
    "an IPv6 transport has no place under a wrong version": (
        "drop not port 8472",
        f"{IPV6}7000000000821140{ADDRESSES}001712b50082000008000000000000ff",
    ),
}


@pytest.mark.kernel
@pytest.mark.parametrize(("policy", "frame"), CASES.values(), ids=CASES.keys())
def test_it_stays_mended(policy: str, frame: str) -> None:
    compiled, built = build_traced(f"hook xdp, tc ingress, tc egress\n{policy}\n")
    whole = bytes.fromhex(frame)
    frames = [whole[:length] for length in range(15, len(whole) + 1)]
    assert not disagreements(compiled.policy, built, frames)
