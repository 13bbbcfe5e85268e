"""What a rule of one hook asks of the packet inside, every hook keeps: also one whose own rules never look there."""

from __future__ import annotations

import pytest

from ebpfc.testing.agreement import build_traced
from ebpfc.testing.conversations import Hosts
from ebpfc.testing.simulator import Simulator
from ebpfc.testing.timed_agreement import TimedKernel

pytestmark = pytest.mark.kernel

POLICIES = {
    "all passes outbound": """
        pass outbound
        if vxlan {
            pass state established
            drop state invalid
            pass tcp dst port 80 and state new
        }
    """,
    "all passes inbound": """
        pass inbound
        if vxlan {
            pass state established
            drop state invalid
            pass tcp dst port 80 and state new
        }
    """,
    "one network, asked inbound": """
        if inbound {
            if vxlan 1 {
                pass state established
                drop state invalid
                pass tcp dst port 80 and state new
            }
        }
        pass outbound
    """,
    "one network, asked outbound": """
        pass inbound
        if outbound and vxlan 1 {
            pass state established
            drop state invalid
        }
    """,
    "each hook asks in a tunnel of its own": """
        if outbound and geneve {
            pass state established
            drop state invalid
        }
        if inbound and vxlan 1 {
            pass state established
            drop state invalid
            pass
        }
        pass outbound
    """,
}


@pytest.mark.parametrize("vni", [1, 2])
@pytest.mark.parametrize("name", POLICIES)
def test_both_hooks_keep_what_one_asks(name: str, vni: int) -> None:
    text = f"hook tc ingress, tc egress\ndefault drop\ntrack\n{POLICIES[name]}"
    simulator, (_, object_bytes) = Simulator.of_text(text), build_traced(text)
    kernel, hosts = TimedKernel(object_bytes), Hosts(vni=vni)
    said = (
        hosts.tcp("client", "S"),
        hosts.tcp("server", "SA", 0, 1),
        hosts.tcp("client", "A", 1, 1),
        hosts.tcp("server", "PA", 1, 1, data=b"x"),
        hosts.tcp("server", "PA", 1 << 30, 1, data=b"x"),
    )
    with kernel.policy:
        for number, frame in enumerate(said):
            outbound = number in (1, 3, 4)
            expected = simulator.decide(frame, number, "outbound" if outbound else "inbound")
            answer = kernel.judge("tc egress" if outbound else "tc ingress", frame, number)
            assert answer == (expected.verdict, expected.rule), number
