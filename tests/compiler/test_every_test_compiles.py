"""Each test alone, negated, in a tunnel and beside another gives C without a warning: a warning would be an error.

libclang reads the C, in a hundredth of the time that a build takes. That the C means what it should is shown elsewhere.
"""

from __future__ import annotations

from random import Random

import pytest

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.libclang import parse_c

pytest.importorskip("clang.cindex", reason="needs libclang")

HOOKS = "hook xdp, tc ingress, tc egress\n"
NETMASK = 0xFFFFFF00
TESTS = (
    "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "ah", "proto 51", "ip proto 6", "ip6 proto 0",
    "fragment", "first fragment", "last fragment", "malformed", "vlan", "vlan 5", "vlan.pcp == 3", "outer vlan.id == 1",
    "src host 10.0.0.1", "dst net fd00::/8", "ip src net 10.0.0.0/8", "arp dst host 10.0.0.1", "ip broadcast",
    "ip multicast", "ip6 multicast", "ether broadcast", "ether src 02:00:00:00:00:01", "ether proto 0x86dd",
    "tcp dst port 22", "port 53", "portrange 1-9", "dst port {22, 80-89}", "tcp flags S/SA", "ip.ttl < 5",
    "ip6.hoplimit < 5", "icmp6.type == 1", "arp.op == 1", "ip[20] = 1", "ip6[40] = 1", "tcp[13] & 2 != 0",
    "udp[0:2] = 5", "ether[12:2] = 0x800", "len > 100", "ip6.saddr in {fd00::1, fd00::2}", "vxlan", "vxlan 5",
    "vxlan 5 port 8472", "inbound",
)  # fmt: skip
PAIRS = Random(1).sample([(one, other) for one in TESTS for other in TESTS], 150)


def complaints(rules: str) -> list[str]:
    parsed = parse_c(compile_text(HOOKS + rules + "\n", Options(netmask=NETMASK)).c_text)
    assert parsed is not None
    return [f"{found.line}: {found.message}" for found in parsed.findings if "always evaluate" not in found.message]


@pytest.mark.parametrize("test", TESTS)
def test_one_test(test: str) -> None:
    shapes = [f"drop {test}", f"drop not ({test})", f"drop vlan and {test}", f"if vlan {{\ndrop not ({test})\n}}"]
    if "vxlan" not in test:
        shapes += [f"drop vxlan and {test}", f"if vxlan {{\ndrop not ({test})\n}}"]
    for rules in shapes:
        assert complaints(rules) == [], rules


@pytest.mark.parametrize("family", ["ip", "ip.ttl < 5", "ip broadcast", "ip6", "tcp", "vlan", "src host 10.0.0.1"])
@pytest.mark.parametrize("test", ["fragment", "first fragment", "last fragment", "ip6 proto 0", "malformed"])
def test_one_family_of_what_both_have(family: str, test: str) -> None:
    """Parts of the other family's parse that nobody asks for: `ip and fragment` once left a variable unused."""
    for rules in (
        f"drop {family} and {test}",
        f"drop ({family}) and not ({test})",
        f"drop ({test}) and not ({family})",
    ):
        assert complaints(rules) == [], rules


@pytest.mark.parametrize("number", range(0, len(PAIRS), 10))
def test_two_tests(number: int) -> None:
    for one, other in PAIRS[number : number + 10]:
        for rules in (f"drop ({one}) and ({other})", f"drop ({one}) and not ({other})", f"drop ({one}) or ({other})"):
            assert complaints(rules) == [], rules
