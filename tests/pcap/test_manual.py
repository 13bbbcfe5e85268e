"""docs/tcpdump.md is true: each primitive of the manual, each difference, each reason to refuse."""

from __future__ import annotations

from itertools import chain

import pytest

from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.testing.cases import build_frame
from ebpfc.testing.differences import judge
from ebpfc.testing.pcap_agreement import read_by_libpcap, read_expression
from ebpfc.testing.pcap_manual import DIFFERENCES, LIVE, PRIMITIVES, REFUSALS, Difference, Line
from ebpfc.testing.pcap_soak import Chunk, undocumented_refusals
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.truth import truth_of

LINES = list(chain.from_iterable(lines for _, lines in PRIMITIVES))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.example)
def test_the_answer_is_as_the_table_says(line: Line) -> None:
    if not line.answer:
        read_expression(line.example)
        return
    with pytest.raises(PolicyError) as caught:
        read_expression(line.example)
    assert line.answer in {item.code for item in caught.value.diagnostics}


@pytest.mark.parametrize("line", [line for line in LINES if line.compared == LIVE], ids=lambda line: line.example)
def test_libpcap_takes_what_is_compared_with_it(line: Line) -> None:
    read_by_libpcap(line.example)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.title)
def test_the_difference_shows(difference: Difference) -> None:
    frame = build_frame(difference.frame)
    assert (truth_of(difference.example, frame) is True) is difference.ours
    assert read_by_libpcap(difference.example).matches(frame) is difference.theirs
    assert difference.number in judge(read_expression(difference.example), frame, NETMASK).differences


@pytest.mark.parametrize("seed", range(400, 403))
def test_what_libpcap_takes_is_refused_for_a_documented_reason_only(seed: int) -> None:
    tally = undocumented_refusals(Chunk(seed, 1000))
    assert not tally.failures, "\n".join(tally.failures[:10])
    assert tally.matched > 5, "no refusal was met"


REFUSED = {
    "PF0203": "",
    "PF0207": "tcp or udp and port 53",
    "PF0208": "-ip[8] % 3 = 1",
    "PF0306": "port icmp-echo",
    "PF0309": "tcp port 1 or (udp port 2) or 3",
    "PF0401": "ip[8] = 010",
    "PF0407": "portrange 90-80",
    "PF0420": "ip proto 300",
    "PF0422": "host 80",
    "PF0425": "host 10.1",
    "PF0426": "src 80",
    "PF0438": "ether proto 66",
    "PF0501": "vlan and vlan and vlan",
    "PF0503": "mpls and mpls and mpls",
    "PF0609": "geneve and geneve and geneve",
    "PF0620": "isis",
}


@pytest.mark.parametrize("code", REFUSALS)
def test_every_documented_reason_is_met(code: str) -> None:
    text = REFUSED[code]
    read_by_libpcap(text)
    with pytest.raises(PolicyError) as caught:
        read_expression(text)
    assert code in {item.code for item in caught.value.diagnostics}


def test_a_minus_before_a_remainder_needs_parentheses() -> None:
    """libpcap reads `-a % b` as `-(a % b)`, C as `(-a) % b`."""
    for text in ("-ip[8] % 3 = 1", "ip[8] + -ip[9] ^ 3 = 1"):
        with pytest.raises(PolicyError, match="beside another operator"):
            read_expression(text)
    for text in ("(-ip[8]) % 3 = 1", "-(ip[8] % 3) = 1", "ip[8] % -3 = 1"):
        read_expression(text)


def test_a_test_of_tcpdumps_own_is_no_protocols_name() -> None:
    """`ip proto 6 or isis` asks for OSI's IS-IS in tcpdump, not for protocol 124."""
    with pytest.raises(PolicyError, match="isis"):
        read_expression("ip proto 6 or isis")
    read_expression("ether proto \\arp or lat")
