"""Random strings over the words of pcap-filter(7). In: a `random.Random`. Out: text, seldom an expression.

No bare name is among them: libpcap would look up any that is no service or protocol as a host, on the network.
"""

from __future__ import annotations

import re
from random import Random

from ebpfc.testing.pcap_expressions import random_expression

FREQUENT = (
    "and", "or", "not", "!", "&&", "||", "(", ")", "(", ")", "host", "net", "port", "portrange", "proto", "src", "dst",
    "src or dst", "src and dst", "ether", "link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6",
    "10.0.0.1", "10.1", "10", "80", "22-80", "0x50", "2001:db8::1", "2001:db8::/32", "10.0.0.0/8", "02:00:00:00:00:01",
    "vlan", "len", "less", "greater", "broadcast", "multicast", "=", "!=", "<", ">=", "&", "+", "-", "*", "tcp[13]",
    "ip[0]", "ip6[6]", "ether[12:2]", "icmp[0]", "tcp[tcpflags] & tcp-syn != 0",
)  # fmt: skip
SELDOM = (
    "igmp", "pim", "ah", "esp", "vrrp", "carp", "proto \\tcp", "ether proto \\ip", "mask 255.0.0.0", "protochain 6",
    "gateway", "inbound", "outbound", "ifindex 1", "mpls", "mpls 5", "pppoed", "pppoes", "pppoes 7", "geneve",
    "geneve 3", "stp", "iso", "ipx", "netbeui", "decnet", "atalk", "aarp", "lat", "moprc", "mopdl", "sca", "llc",
    "llc i", "llc ui",
    "esis", "isis", "clnp", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp", "igrp", "igrp[0]", "fddi", "tr", "wlan",
    "type mgt", "subtype beacon", "dir tods", "vpi 3", "vci 3", "lane", "oam", "rnr 5", "on 3", "action pass", "fisu",
    "opc 4", "radio", "ppp", "slip", "atalk[0]", "lat[0]", "ppp[0]", "fddi[0]", "tr[0]", "wlan[0]", "010", "300",
    "65536", "4096", "%", "^", "|", "<<", ">>", "/", "0", "[", "]", ":", "ether proto 5", "tcp[0:3]", "10.0.0.1/8",
    "90-80", "255.255.255.255", "02-00-00-00-00-01", "0200.0000.0001", "020000000001", "length", "9999999999",
)  # fmt: skip


_NAME_AS_HOST = re.compile(
    r"(?<!proto )\\[a-z]|http|ssh|domain|tftp|snmp|ftp-data|gre|ospf|loopback|(?<!portrange )(?<![\w-])\d+-\d+(?![\w-])"
)


def random_tokens(rng: Random) -> str:
    """One to nine words; half of the time an expression in which some were put, left out or changed."""
    if rng.random() < 0.5:
        return " ".join(_word(rng) for _ in range(rng.randint(1, 9)))
    words = random_expression(rng, rng.choice((0, 1))).split()
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(words) + 1)
        words[at : at + rng.choice((0, 1, 1))] = [_word(rng)] if rng.random() < 0.8 else []
    return " ".join(words)


def _word(rng: Random) -> str:
    return rng.choice(FREQUENT if rng.random() < 0.8 else SELDOM)


def asks_a_resolver(text: str) -> bool:
    """Whether libpcap might look a word up on the network: a name where an address may stand."""
    return _NAME_AS_HOST.search(text) is not None
