"""Every operator on boundary numbers, both read from the packet: the reference's value is libpcap's too."""

from __future__ import annotations

import pytest

from ebpfc.compiler.ast.nodes import Access, ArithOp, Binary, Const
from ebpfc.testing import packets
from ebpfc.testing.pcap_agreement import read_by_libpcap
from ebpfc.testing.pcap_expressions import OPERATORS
from ebpfc.testing.semantics import Frame
from ebpfc.testing.semantics.packet import decode
from ebpfc.testing.semantics.relations import number
from ebpfc.testing.semantics.scope import whole_frame

NUMBERS = (0, 1, 2, 31, 32, 33, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator(operator: ArithOp) -> None:
    arithmetic = Binary(operator, Access("ip", Const(12), 4), Access("ip", Const(16), 4))
    for left in NUMBERS:
        for right in NUMBERS:
            data = packets.ether(packets.ip4(packets.tcp(), src=left, dst=right))
            frame = Frame(data)
            ours = number(arithmetic, whole_frame(frame, "inbound", None, decode(frame)))
            text = f"(ip[12:4] {operator} ip[16:4])"
            if ours is None:
                assert operator in "/%" and right == 0
                assert not read_by_libpcap(f"{text} >= 0").matches(data)
            else:
                assert read_by_libpcap(f"{text} = {ours}").matches(data), f"{left} {operator} {right} = {ours}"
                assert not read_by_libpcap(f"{text} = {ours ^ 1}").matches(data)
