"""pcap-filter(7) line by line: what becomes of each primitive here. Data for docs/tcpdump.md and for its test.

In: nothing. Out: PRIMITIVES, REFUSALS, DIFFERENCES, LIBPCAP_ERRORS.
"""

from __future__ import annotations

from dataclasses import dataclass

LIVE = "libpcap, at random"
BY_HAND = "cases by hand"


@dataclass(frozen=True, slots=True)
class Line:
    """`form` in the manual's sense, `example` of it; `answer` is "" or the code that refuses it; `compared` how."""

    form: str
    example: str
    answer: str = ""
    compared: str = LIVE


@dataclass(frozen=True, slots=True)
class Difference:
    """`frame` (words of `testing.cases`) shows it: `ours` and `theirs` are what the two say of `example`."""

    number: int
    title: str
    text: str
    example: str
    frame: str
    ours: bool
    theirs: bool


def _refused(form: str, example: str, code: str = "PF0620") -> Line:
    return Line(form, example, code, "")


PRIMITIVES: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (
        "Addresses",
        (
            Line("`[src\\|dst] host ADDRESS`", "src host 10.0.0.1"),
            Line("the type left out", "src or dst 10.0.0.1"),
            Line("both sides", "src and dst host 2001:db8::1"),
            Line("`ip`, `arp`, `rarp`, `ip6` before it", "arp host 10.0.0.1"),
            Line("`[src\\|dst] net A.B.C.D/N`", "dst net 10.0.0.0/8"),
            Line("`net` with an IPv6 prefix", "ip6 net 2001:db8::/32"),
            Line("`net` of one, two or three numbers", "net 10.1"),
            Line("`net A mask M`, any mask", "src net 10.0.0.1 mask 255.0.0.255"),
            _refused("`host NAME`, `net NAME`", "host example", "PF0406"),
            _refused("`host` of a short number", "host 10.1", "PF0425"),
            Line("`ether [src\\|dst] [host] MAC`, all spellings", "ether src 0200.0000.0001"),
            Line("`link` for `ether`", "link dst host 02-00-00-00-00-01"),
            _refused("`ether host NAME`", "ether host example", "PF0406"),
            _refused("`gateway`", "gateway example"),
        ),
    ),
    (
        "Ports",
        (
            Line("`[src\\|dst] port N`", "dst port 80"),
            Line("`tcp`, `udp`, `sctp` before it", "udp src or dst port 53"),
            Line("`port NAME`", "tcp port http"),
            Line("`[src\\|dst] portrange A-B`, also of names", "tcp dst portrange ssh-http"),
        ),
    ),
    (
        "Protocols",
        (
            Line("`ether proto N`, N over 1500", "ether proto 0x88cc"),
            Line("`ether proto \\NAME`", "ether proto \\arp"),
            _refused("`ether proto N`, N up to 1500 (LLC)", "ether proto 66", "PF0438"),
            Line("`ip`, `ip6`, `arp`, `rarp`", "rarp"),
            Line("`ip proto N`, `ip6 proto N`, `proto N`", "ip6 proto 58"),
            Line("with names", "ip proto \\tcp or \\udp"),
            Line("`tcp`, `udp`, `sctp`, `icmp`, `icmp6`", "icmp6"),
            Line("`ah`, `esp`, `pim`, `igmp`, `vrrp`, `carp`", "esp or igmp"),
            Line("`protochain N`, also behind `ip`, `ip6`", "ip6 protochain 6"),
            Line("`stp`", "stp"),
            _refused("`igrp`", "igrp"),
        ),
    ),
    (
        "Casts and lengths",
        (
            Line("`[ether] broadcast`, `[ether] multicast`", "broadcast or ether multicast"),
            Line("`ip broadcast`, with `--netmask`", "ip broadcast"),
            Line("`ip multicast`, `ip6 multicast`", "ip6 multicast"),
            Line("`less N`, `greater N`", "less 60"),
        ),
    ),
    (
        "Encapsulations",
        (
            Line("`vlan [N]`", "vlan 100 and vlan 7 and ip"),
            _refused("a third `vlan`", "vlan and vlan and vlan", "PF0501"),
            Line("`mpls [N]`, the next label by the next `mpls`", "mpls 100000 and mpls 1024 and host 10.0.0.1"),
            _refused("a third `mpls`", "mpls and mpls and mpls", "PF0503"),
            Line("`pppoed`", "pppoed"),
            Line("`pppoes [N]`", "pppoes 0x27 and ip"),
            Line("`geneve [N]`", "geneve 0xb and tcp port 80"),
            Line("`vxlan [N]`, unknown to libpcap before 1.11", "vxlan 11 and arp", "", BY_HAND),
            _refused("a third tunnel, one in another", "geneve and geneve and geneve", "PF0609"),
        ),
    ),
    (
        "Where the packet goes",
        (
            Line("`inbound`, `outbound`", "inbound", "", BY_HAND),
            Line("`ifindex N`", "ifindex 1", "", BY_HAND),
            _refused("`ifname`, `on`", "ifname eth0"),
        ),
    ),
    (
        "Relations",
        (
            Line("`= == != < <= > >=`", "ip[8] < 5"),
            Line("`+ - * / & \\| << >>`, unary minus", "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420"),
            Line("`%`, `^`, in parentheses beside another operator", "(ip[2:2] % 8) + 1 = 1"),
            Line("`len`, `length`", "len - 14 > 46"),
            Line("`PROTO[OFF]`, `[OFF:1]`, `[OFF:2]`, `[OFF:4]`", "ether[0:4] & 1 != 0"),
            Line("PROTO: `ether link ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp pim vrrp carp`", "carp[0] = 33"),
            Line("offsets and values by name", "tcp[tcpflags] & (tcp-syn | tcp-fin) != 0"),
            Line("types of ICMP and ICMPv6 by name", "icmp6[icmp6type] = icmp6-neighborsolicit"),
            _refused("octal numbers (a leading 0)", "ip[8] = 010", "PF0401"),
            _refused("PROTO of DECnet, AppleTalk, LAT, MOP, SCA, IGRP", "decnet[0] = 1"),
            _refused("`fddi tr wlan ppp slip radio` as PROTO", "wlan[0] = 1"),
        ),
    ),
    (
        "Refused for good",
        (
            _refused("`decnet [src\\|dst\\|host]`", "decnet"),
            _refused("`atalk aarp lat moprc mopdl sca`: write `ether proto`", "atalk"),
            _refused("`ipx netbeui`, `llc [TYPE]`", "llc"),
            _refused("`iso clnp esis isis`, `iso proto`", "isis"),
            _refused("`l1 l2 iih lsp snp csnp psnp`", "iih"),
            _refused("802.11: `wlan`, `subtype`, `dir`, `addr1` ...", "wlan host 02:00:00:00:00:01"),
            _refused("802.11: `type`", "type mgt", "PF0209"),
            _refused("ATM: `vpi vci lane oam ...`", "lane"),
            _refused("SS7: `fisu lssu msu opc ...`", "fisu"),
            _refused("pf's log: `rnr reason ruleset srnr action`", "reason match"),
            _refused("`fddi`, `tr`, `ppp`, `slip` for `ether`", "fddi host 02:00:00:00:00:01"),
        ),
    ),
)

REFUSALS: dict[str, str] = {
    "PF0203": "an empty text: write `drop` or `pass` without a match",
    "PF0207": "`and` to the right of `or`: the two languages of most readers disagree on it",
    "PF0208": "`%` or `^` beside another operator, or behind a minus",
    "PF0306": "a constant of arithmetic as a port or a protocol: `port icmp-echo` is port 8 to libpcap",
    "PF0309": "a value alone where libpcap takes its qualifiers from elsewhere than a reader would",
    "PF0401": "a leading 0: octal in C, decimal to most readers",
    "PF0407": "a range that ends before it begins, which libpcap turns round",
    "PF0420": "a number that does not fit its field: no packet can have it",
    "PF0422": "a bare number as a host or a net: `host 80` is 0.0.0.80 to libpcap",
    "PF0425": "half an address as a host: `host 10.1` is 10.1.0.0 to libpcap",
    "PF0426": "a bare number as a net, behind `src` or `dst` alone",
    "PF0438": "a length in place of an EtherType: of LLC only `stp` is known",
    "PF0501": "a third tag in one chain",
    "PF0503": "a third label of one stack",
    "PF0609": "a third tunnel, one in another",
    "PF0620": "a word of another link layer or program",
}
"""Every code with which a text may be refused that libpcap compiles, and why."""

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        1,
        "Tags and labels are looked through",
        "Every test but `ether ...`, `ether[...]` and `vlan` reads behind up to two tags, and what follows `mpls`\n"
        "behind a stack of up to four labels, however many of them are asked for.",
        "tcp dst port 22",
        "vlan 9 / ip 192.0.2.1 > 192.0.2.9 / tcp 1 > 22",
        ours=True,
        theirs=False,
    ),
    Difference(
        3,
        "Transport is found behind extension headers, and over both families",
        "libpcap looks at IPv6's own next header, and reads `tcp[...]` over IPv4 only. Its `ip6 protochain` walks\n"
        "five of the eight types, and on through the data of later fragments. `geneve` too is found behind extension\n"
        "headers.",
        "tcp[tcpflags] & tcp-syn != 0",
        "ip6 2001:db8::1 > 2001:db8::2 / hopopts / tcp 1 > 80 flags=S",
        ours=True,
        theirs=False,
    ),
    Difference(
        4,
        "A missing byte makes a test unknown",
        "libpcap rejects a packet at the first byte that is missing. Here `or` goes on with what is known, and a\n"
        "protocol that is known to be absent makes a relation false. A version or a header length that cannot be\n"
        "right leaves unknown where the transport starts.",
        "tcp dst port 80 or src host 192.0.2.1",
        "ip 192.0.2.1 > 192.0.2.9 / tcp 1 > 80 / cut 35",
        ours=True,
        theirs=False,
    ),
    Difference(
        5,
        "Encapsulation has a scope",
        "In libpcap `vlan` moves all of the rest of the text, to the right of an `or` too; so do `mpls`, `pppoes` and\n"
        "`geneve`. Inside MPLS and PPPoE there is an IPv4 or IPv6 packet alone, and every test of Ethernet is false;\n"
        "to libpcap `ether ...` is the outer header there, and `pppoes and arp` a PPP protocol of ARP's number.",
        "vlan 5 or src host 192.0.2.1",
        "ip 192.0.2.1 > 192.0.2.9 / udp 1 > 53",
        ours=True,
        theirs=False,
    ),
)
"""The second, `and` beside `or`, is no difference in meaning: such a text is refused."""

LIBPCAP_ERRORS: tuple[tuple[str, str], ...] = (
    (
        "A protocol to the right of an operator",
        """\
libpcap does not ask whether the packet has it: `len + sctp[0] > 0` reads bytes of TCP. Here the relation is false of a
packet without SCTP, as it is when `sctp[0]` stands on the left.""",
    ),
    (
        "The optimiser",
        """\
After it, `src net 2001:db8::/48 and not src net 2001:db8::/48` matches (1.10.3). The comparison is with the filter
before it.""",
    ),
    (
        "Authentication headers on a chain",
        """\
`protochain` goes on behind one at the wrong place, and may never end there. Here a chain over IPv4 ends behind the
first, and over IPv6 each header has its own length.""",
    ),
    (
        "MPLS",
        """\
Of its two EtherTypes libpcap knows 0x8847; here `mpls` is 0x8848 too (RFC 5332). And libpcap reads a packet inside a
tunnel that is behind a label as if it were behind that label: `mpls and geneve and ip` misses IPv4 in the tunnel.""",
    ),
    (
        "An offset that wraps",
        "`ip[0xfffffff2:2]` reads the Ethernet header there. Here no byte is at such an offset.",
    ),
)

SERVICE_NAMES = (
    "A service's name is its number: `port ssh` is `port 22`, of TCP, UDP and SCTP. tcpdump also asks for the\n"
    "protocol that the machine's `/etc/services` gives the name; write `tcp port ssh`.\n\n"
    "`gre`, `gtp` and `ipip` alone are encapsulations. In `proto 6 or gre`, where tcpdump takes `gre` for the\n"
    "protocol's name, write `proto 6 or \\gre`."
)
