"""`inbound`, `outbound`, `ifindex`: no capture tells, so libpcap cannot be asked; the reference and the kernel are."""

from __future__ import annotations

import pytest

from ebpfc.compiler.ast.nodes import Direction
from ebpfc.compiler.lower.policy import DIRECTIONS
from ebpfc.testing.agreement import HOOKS, build_traced
from ebpfc.testing.cases import build_frame
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.semantics import Frame
from ebpfc.testing.truth import truth_of

TCP = build_frame("ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80")
TUNNEL = build_frame("vlan 5 / ip 10.0.0.1 > 10.0.0.2 / geneve 7 / eth / ip 10.9.0.1 > 10.9.0.2 / tcp 1 > 80")
OWN = 1  # the interface of a frame in the kernel's test run

CASES: tuple[tuple[str, bytes, bool, bool], ...] = (
    # expression, frame, of inbound packets, of outbound ones
    ("inbound", TCP, True, False),
    ("outbound", TCP, False, True),
    ("not inbound", TCP, False, True),
    ("inbound or outbound", TCP, True, True),
    ("inbound and outbound", TCP, False, False),
    ("inbound and tcp port 80", TCP, True, False),
    ("tcp port 80 and not outbound", TCP, True, False),
    ("not (outbound or udp)", TCP, True, False),
    ("(inbound and udp) or (outbound and tcp)", TCP, False, True),
    ("geneve 7 and inbound and tcp", TUNNEL, True, False),
    ("geneve 7 and not (inbound or udp)", TUNNEL, False, True),
    ("vlan 5 and outbound", TUNNEL, False, True),
    ("ifindex 1", TCP, True, True),
    ("ifindex 2", TCP, False, False),
    ("not ifindex 2 and tcp", TCP, True, True),
    ("ifindex 1 and outbound", TCP, False, True),
    ("geneve and ifindex 1 and tcp", TUNNEL, True, True),
    ("udp and (ifindex 1 or inbound)", TCP, False, False),
)
NAMES = [expression for expression, *_ in CASES]


@pytest.mark.parametrize(("expression", "frame", "inbound", "outbound"), CASES, ids=NAMES)
def test_the_reference(expression: str, frame: bytes, inbound: bool, outbound: bool) -> None:
    assert truth_of(expression, Frame(frame, ifindex=OWN)) is inbound
    assert truth_of(expression, Frame(frame, ifindex=OWN), direction="outbound") is outbound


@pytest.mark.kernel
@pytest.mark.parametrize(("expression", "frame", "inbound", "outbound"), CASES, ids=NAMES)
def test_the_kernel(expression: str, frame: bytes, inbound: bool, outbound: bool) -> None:
    wanted: dict[Direction, bool] = {"inbound": inbound, "outbound": outbound}
    _, built = build_traced(f"hook {', '.join(HOOKS)}\ndefault drop\npass {expression}\n")
    with KernelPolicy(built) as kernel:
        for hook in HOOKS:
            verdict, _ = kernel.judge(hook, frame)
            assert (verdict == "pass") is wanted[DIRECTIONS[hook]], hook
