"""The kernel's JIT gives up on some few programs that its verifier took: said as what it is, with what helps."""

from ebpfc.runtime.verifier_log import explain_load_failure

MESSAGES = """\
libbpf: prog 'pf_tc_ingress': BPF program load failed: ERROR: strerror_r(524)=22
libbpf: prog 'pf_tc_ingress': -- BEGIN PROG LOAD LOG --
Func#2 ('load_in') is safe for any args that match its prototype
processed 29220 insns (limit 1000000) max_states_per_insn 13 total_states 2223 peak_states 951 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'pf_tc_ingress': failed to load: -524
"""


def test_a_failure_of_the_jit_is_not_blamed_on_the_policy() -> None:
    failure = explain_load_failure(MESSAGES, 524, ["pf_tc_ingress"])
    assert "pf_tc_ingress" in failure.message
    assert "JIT" in failure.message
    assert "--cc" in failure.hints[0]
    assert failure.raw == MESSAGES
