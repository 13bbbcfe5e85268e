"""What every rule asks is asked once, runs that ask the same stand behind one test, what nothing asks is not parsed."""

import re

import pytest

from ebpfc.compiler.pipeline import Options, compile_text


def program(text: str) -> str:
    """The C of the XDP program and of its parse."""
    c = compile_text(text, Options(counters=False)).c_text
    return c[c.index("parse_outer_xdp(struct") :]


def test_one_rule_asks_its_facts_before_the_rule() -> None:
    c = program("drop vlan 100 and tcp dst port 22")
    assert re.search(r"if \(!HAS\(outer, DPORT \| TCI1\)\)\n\t\tDECIDE\(1, XDP_PASS\);", c)
    assert (
        "if ((B16(outer->tci1) & 4095) == 100 && outer->proto == 6 && B16(outer->dport) == 22) DECIDE(0, XDP_DROP);"
        in c
    )


def test_rules_over_ipv4_alone_do_not_parse_ipv6() -> None:
    assert "ETH_P_IPV6" not in program("drop ip src host 10.0.0.1\ndrop ip dst host 10.0.0.2 and ip src host 10.0.0.3")
    assert "ETH_P_IPV6" in program("drop ip src host 10.0.0.1\ndrop ip6 src host fd00::1")


def test_nothing_is_parsed_that_no_rule_asks() -> None:
    c = program("drop ether src 02:00:00:00:00:01")
    assert "vlan" not in c.lower().split("pf_xdp")[0]
    assert "ETH_P_IP" not in c


def test_a_run_of_rules_that_ask_the_same_is_skipped_together() -> None:
    c = program("drop icmp\ndrop tcp dst port 22 and malformed\ndrop tcp dst port 23\ndrop tcp dst port 25\npass arp")
    assert c.count("HAS(outer, DPORT | TCP)") == 1


@pytest.mark.parametrize("otherwise", ["else {\n pass udp\n}", "else if icmp {\n pass\n}"])
def test_a_block_with_an_else_is_not_skipped(otherwise: str) -> None:
    c = program(f"if tcp dst port 1 {{\n drop\n}} {otherwise}\ndrop tcp dst port 2")
    assert "if (!HAS(" not in c


def test_the_inner_packet_is_parsed_for_the_vnis_that_rules_name() -> None:
    c = program("if vxlan 7 {\n drop tcp dst port 1\n pass\n}\ndrop udp dst port 9\ndrop arp")
    assert "if (HAS(outer, VXLAN_4789 | VNI) && outer->vni == 7)\n" in c
    everything = program("if vxlan {\n drop tcp dst port 1\n pass\n}\ndrop udp dst port 9\ndrop arp")
    assert "if (HAS(outer, VXLAN_4789)) {" in everything
