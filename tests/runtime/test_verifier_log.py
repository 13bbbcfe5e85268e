"""The verifier's words made one sentence: program, rule, reason; logs as kernels 5.10 and 6.18 write them."""

from __future__ import annotations

import errno

from ebpfc.runtime.errors import KernelError
from ebpfc.runtime.verifier_log import VerifierFinding, explain_load_failure, find_verifier_reason

HEAD = "libbpf: prog 'pf_xdp': BPF program load failed: Permission denied\nlibbpf: prog 'pf_xdp': "
NEW = f"""{HEAD}-- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
; pass arp @ 0-edge.pf:5
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)
; drop tcp dst port 22 @ 0-edge.pf:7
1: (71) r0 = *(u8 *)(r2 +12)
invalid access to packet, off=12 size=1, R2(id=0,off=12,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
"""
OLD = NEW.replace(" @ 0-edge.pf:5", "").replace(" @ 0-edge.pf:7", "")
LARGE = f"""{HEAD}-- BEGIN PROG LOAD LOG --
BPF program is too large. Processed 1000001 insn
processed 1000001 insns (limit 1000000) max_states_per_insn 4 total_states 9 peak_states 9 mark_read 4
-- END PROG LOAD LOG --
"""
UNPRIVILEGED = f"""{HEAD}-- BEGIN PROG LOAD LOG --
; drop less 60 @ 0-edge.pf:3
5: (1f) r3 -= r2
R3 pointer -= pointer prohibited
-- END PROG LOAD LOG --
"""


def explained(messages: str, error: int = errno.EACCES) -> KernelError:
    return explain_load_failure(messages, error, ["pf_xdp"])


def test_rule_place_and_reason() -> None:
    assert explained(NEW).message == (
        'the verifier refused program pf_xdp at edge.pf:7 ("drop tcp dst port 22"): '
        "invalid access to packet, off=12 size=1, R2(id=0,off=12,r=0); R2 offset is outside of the packet"
    )


def test_older_kernels_know_the_text_only() -> None:
    assert 'refused program pf_xdp ("drop tcp dst port 22"): invalid access' in explained(OLD).message


def test_too_large() -> None:
    failure = explained(LARGE, errno.E2BIG)
    assert failure.message.endswith("BPF program is too large. Processed 1000001 insn")
    assert any("split the policy" in hint for hint in failure.hints)


def test_missing_privilege_is_not_taken_for_a_bad_program() -> None:
    assert any("CAP_PERFMON" in hint for hint in explained(UNPRIVILEGED).hints)


def test_no_log_at_all() -> None:
    failure = explained("libbpf: map 'pf_counters': failed to create: Operation not permitted(-1)\n", errno.EPERM)
    assert failure.message == "cannot load pf_xdp: operation not permitted"
    assert any("CAP_BPF" in hint for hint in failure.hints)
    assert failure.exit_code == 3


def test_hostile_words_are_escaped() -> None:
    hostile = NEW.replace("drop tcp dst port 22", "drop \x1b[2J\u202e").replace("pf_xdp", "pf\x07")
    assert explained(hostile).message.isprintable()


def test_the_last_program_s_log_counts() -> None:
    assert find_verifier_reason(NEW + LARGE.replace("pf_xdp", "pf_tc_ingress")) == VerifierFinding(
        "pf_tc_ingress", "BPF program is too large. Processed 1000001 insn"
    )
