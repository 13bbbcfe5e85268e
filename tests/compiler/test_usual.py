"""Which programs have a small one for usual packets in front, what it looks at, and that both count alike."""

import re

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.testing.agreement import default_compiler
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.packets import ether, extension, ip4, ip6, tag, tcp, udp

WHOLE_PARSE = "GLOBAL int pf_xdp_any(struct xdp_md *ctx)"


def c_of(text: str) -> str:
    return compile_text(text, Options(counters=False)).c_text


def in_front(text: str) -> str:
    """The C of the program for usual packets."""
    c = c_of(text)
    assert WHOLE_PARSE in c and c.count('SEC("xdp")') == 1
    return c[c.index('SEC("xdp")') :]


@pytest.mark.parametrize(
    "text",
    [
        "drop tcp port 80",
        "drop vlan 100 and tcp port 443",
        "drop host 192.0.2.1\npass arp",
        "drop ether host 02:00:00:00:00:0a",
        "drop not fragment and icmp[0] = 8",
        "drop src in {10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9, 10.0.0.11, 10.0.0.13, 10.0.0.15, 10.0.0.17}",
        'count "all" len > 0\ndrop ip6 and udp',
    ],
)
def test_it_stands_in_front_of_small_policies(text: str) -> None:
    assert in_front(text)


@pytest.mark.parametrize(
    "text",
    [
        "drop malformed",
        "if tcp {\n drop dst port 22\n}",
        "drop vxlan 10 and tcp port 80",
        "drop gre",
        "hook tc ingress\ndrop tcp port 80",
        "table seen key src\ntcp then add src to seen",
        "table seen key src\ndrop src in seen",
        "drop tcp over 10/s",
        "\n".join(f"drop tcp dst port {port} and ip.ttl == {port}" for port in range(1, 20)),
        "drop proto in {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}",
    ],
)
def test_it_does_not_where_the_whole_parse_tells_more(text: str) -> None:
    assert "_any(" not in c_of(text)


def test_what_asks_no_headers_does_not_look_for_tags() -> None:
    assert "is_tag(" not in in_front("drop ether host 02:00:00:00:00:0a or len < 60")


def test_a_segment_without_data_is_usual() -> None:
    """54 bytes over IPv4: what only IPv6 needs is not asked of it."""
    sizes = [int(size) for size in re.findall(r"HERE\(data, (\d+)\)", in_front("drop tcp flags S/S"))]
    assert sizes[0] <= 54 < max(sizes)


def test_what_the_only_rule_asks_of_addresses_is_asked_before_the_protocol() -> None:
    c = in_front("drop src net 192.0.2.0/24 and tcp dst port 443")
    assert c.index("0xc0000200") < c.index("nh == 6")


def test_another_ip_version_is_left_to_the_whole_parse() -> None:
    c = in_front("drop ip6 and tcp dst port 443")
    assert ">> 4 != 6" in c
    assert ">> 4 != 6" not in in_front("drop ip6 and tcp"), "the protocol counts whatever the version"


@pytest.mark.kernel
def test_both_programs_count_in_the_same_counters() -> None:
    """Rules, named counters and the default, by usual packets and by those that are not."""
    compiled = compile_text('count "seen" ip or ip6\ndrop tcp dst port 80 then count "web"\n', Options())
    usual = [ether(ip4(tcp(dport=80))), ether(ip6(tcp(dport=80))), ether(ip4(udp())), ether(tag(ip4(tcp()), 5))]
    others = [
        ether(ip4(tcp(dport=80), options=bytes(8))),
        ether(ip6(extension(0, tcp(dport=80)))),
        ether(ip4(udp(), options=bytes(4))),
        ether(tag(tag(ip4(tcp()), 5), 6)),
    ]
    with KernelPolicy(build_object(compiled, default_compiler()), traced=False) as kernel:
        assert [kernel.judge("xdp", frame)[0] for frame in usual] == ["drop", "drop", "pass", "drop"]
        first = [(c.packets, c.bytes) for c in kernel.counters()]
        assert [kernel.judge("xdp", frame)[0] for frame in others] == ["drop", "drop", "pass", "drop"]
        both = [(c.packets, c.bytes) for c in kernel.counters()]
    sizes = [sum(len(f) for f in some) for some in (usual, others)]
    assert [packets for packets, _ in first] == [4, 3, 1, 4, 3]
    assert [packets for packets, _ in both] == [8, 6, 2, 8, 6]
    assert first[0][1] == sizes[0] and both[0][1] == sum(sizes)
