"""Programs that remember: both sides of a comparison judge alike, but for connections, where the goal is another."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from bench.state_cases import StateCase, state_cases
from bench.state_flood import ACK, SYNACK
from bench.state_run import load_case
from bench.state_source import FlowSource, Plan

from ebpfc.compiler.toolchain.find import Compiler, find_compiler
from ebpfc.runtime.test_run import FrameError, TestRunner
from ebpfc.testing.packets import ether, ip4, tcp
from ebpfc.testing.random_frames import random_frame

pytestmark = pytest.mark.kernel

CASES = {case.name: case for case in state_cases()}
FLOWS = 2000
DROP, PASS = 1, 2


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return find_compiler(None)


@pytest.fixture(scope="module")
def source(compiler: Compiler) -> Iterator[FlowSource]:
    found = FlowSource(compiler)
    yield found
    found.close()


def _smaller(case: StateCase) -> Plan:
    plan = case.plans[0][1]
    return Plan(plan.frame, FLOWS, port_at=plan.port_at)


@pytest.mark.parametrize("name", ["state_table", "state_fixed", "state_rate_over", "state_rate_within"])
def test_hand_and_policy_judge_alike(name: str, compiler: Compiler, source: FlowSource) -> None:
    """Every frame twice in a row, so that what it left behind is met."""
    case, rng = CASES[name], Random(name)
    plan = _smaller(case)
    sources = [plan.address(rng.randrange(FLOWS)) for _ in range(50)] + ["192.0.2.1"] * 3
    frames = [ether(ip4(tcp(dport=80), src=address)) for address in sources]
    frames += [random_frame(rng) for _ in range(2000)]
    answers: list[list[int | None]] = []
    for subject, words in load_case(case, compiler, counters=False):
        if name.startswith(("state_table", "state_fixed")):
            case.fill(subject, source, plan)
        if "IPv4 only" not in words:
            answers.append([_judge(TestRunner(subject.fd), frame) for frame in frames for _ in range(2)])
        subject.loaded.close()
    assert all(answer == answers[0] for answer in answers)
    assert DROP in answers[0] or name == "state_rate_within"
    assert PASS in answers[0]


def test_flows_that_were_opened_pass_and_no_others(compiler: Compiler, source: FlowSource) -> None:
    case = CASES["state_flows"]
    plan = _smaller(case)
    for subject, _ in load_case(case, compiler, counters=False):
        case.fill(subject, source, plan)
        runner = TestRunner(subject.fd)
        known = ether(ip4(tcp(sport=plan.port(7), flags=0x10, sequence=2, ack=1001), src=plan.address(7)))
        assert runner.retval(known) == PASS
        assert [runner.retval(frame) for frame in (ACK, SYNACK)] == [DROP, DROP]
        subject.loaded.close()


def _judge(runner: TestRunner, frame: bytes) -> int | None:
    try:
        return runner.retval(frame)
    except FrameError:
        return None
