"""Random texts in the rule language's syntax, all of it, whatever they mean. In: nothing. Out: Hypothesis strategies.

`policy_texts` and `match_texts` always parse; most of them the checker refuses. `token_soup` and `damaged` mostly do
not parse. For policies that mean something see `random_policies`.
"""

from __future__ import annotations

from hypothesis import strategies as st

from ebpfc.grammar import RESERVED_WORDS

_NUMBERS = st.sampled_from((0, 1, 5, 22, 80, 255, 256, 65535, 65536, 2**32 - 1))
_NAMES = st.sampled_from(("a", "web", "http", "x_1", "established", "ef"))
_ADDRESSES = st.sampled_from((
    "10.0.0.1", "10.0.0.0/8", "10.1", "0.0.0.0/0", "10.0.0.5-10.0.0.9", "::", "2001:db8::1", "2001:db8::/32",
    "::ffff:10.0.0.1", "fe80::1-fe80::9", "1:2:3:4:5:6:7:8", "aa:bb:cc:dd:ee:ff", "1:2:3:4:5:6", "deadbeefcafe",
    "10.0.0.0 / 8", "10.0.0.0 mask 255.0.0.0",
))  # fmt: skip
_SCALARS = st.one_of(_NUMBERS.map(str), _NUMBERS.map(hex), _NAMES, st.just("tcp-syn"))
_PLAIN = st.one_of(_SCALARS, _ADDRESSES, st.sampled_from(("80-90", "0x10-0x20", "20-http", "ftp-data", "\\tcp", "tcp")))
_SETS = st.lists(_PLAIN, min_size=1, max_size=3).map(lambda items: "{" + ", ".join(items) + "}")
_VALUES = st.one_of(_PLAIN, _SETS)
_PROTOCOLS = st.sampled_from(("ether", "link", "ip", "ip6", "arp", "tcp", "udp", "sctp", "icmp", "icmp6", "outer ip"))
_DIRECTIONS = st.sampled_from(("src", "dst", "src or dst", "dst and src"))
_TYPES = st.sampled_from(("host", "net", "port", "portrange"))
_STRINGS = st.sampled_from(('"x"', '"a b"', '"\\"\\\\\\x00\\n"', '"ümläut"', '"*/"', '"// \\t"'))
_FIELDS = st.sampled_from(("ip.ttl", "tcp.window", "vlan.pcp", "meta.length", "outer ip.saddr"))
_KEYS = st.sampled_from(("src", "dst port", "tcp src port", "ether dst", "proto", "ip6 proto", "vlan", "outer src"))


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda texts: " ".join(text for text in texts if text))


def _maybe(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), part)


def _values_in_brackets(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        values.map(lambda text: f"({text})"),
        values.map(lambda text: f"not {text}"),
        st.tuples(values, values).map(lambda pair: f"({pair[0]} or {pair[1]})"),
        st.tuples(values, values).map(lambda pair: f"({pair[0]} and not {pair[1]})"),
    )


_QUALIFIED = st.one_of(
    _joined(_maybe(_PROTOCOLS), _DIRECTIONS, _maybe(_TYPES), st.recursive(_VALUES, _values_in_brackets, max_leaves=4)),
    _joined(_maybe(_PROTOCOLS), _TYPES, _VALUES),
    _joined(_maybe(_PROTOCOLS), st.sampled_from(("proto", "protochain")), _VALUES),
)
_ATOMS = st.one_of(
    _QUALIFIED,
    _PROTOCOLS,
    _VALUES.filter(lambda text: text[0] not in "\\" and text != "tcp"),
    st.sampled_from((
        "fragment", "outer first fragment", "last fragment", "malformed", "inbound", "outbound", "ifindex 3", "less 64",
        "greater 100", "broadcast", "ip multicast", "ether broadcast", "tcp flags S/SA", "tcp flags /SAFR", "state new",
        'payload starts "GET "', 'sni "x"', 'http host "x"', "vlan", "vlan 5", "vlan {1, 2-5}", "vxlan 7 port 4790",
        "geneve port 6081", "gre 1", "ipip", "gtp 5", "mpls", "pppoes 3", "pppoed", "stp",
    )),
    _joined(_KEYS, st.just("in"), st.one_of(_NAMES, _SETS)),
    st.lists(_KEYS, min_size=2, max_size=3).map(lambda keys: f"({', '.join(keys)}) in t"),
)  # fmt: skip

_OPERANDS = st.one_of(_SCALARS, _FIELDS, st.sampled_from(("len", "length", "ip[0]", "ether[12:2]", "payload[0:4]")))
_ARITH = st.recursive(
    _OPERANDS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("+", "-", "*", "/", "&", "|", "<<", ">>")), inner).map(" ".join),
        st.tuples(inner, inner).map(lambda pair: f"(({pair[0]}) % ({pair[1]}))"),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"tcp[{text}]"),
        inner.map(lambda text: f"outer ip[{text}:2]"),
    ),
    max_leaves=5,
)
_RELATIONS = st.one_of(
    _joined(_ARITH, st.sampled_from(("=", "==", "!=", "<", "<=", ">", ">=")), _ARITH),
    _joined(_FIELDS, st.sampled_from(("==", "!=")), st.sampled_from(("10.0.0.1", "::1", "aa:bb:cc:dd:ee:ff", "tcp"))),
    _joined(_ARITH.map(lambda text: f"({text} + ip[0])"), st.just("in"), _SETS),
)


def _chains(match: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    alone = match.map(lambda text: f"({text})")
    return st.one_of(
        alone,
        alone.map(lambda text: f"not {text}"),
        alone.map(lambda text: f"!{text}"),
        st.lists(alone, min_size=2, max_size=4).map(" and ".join),
        st.lists(alone, min_size=2, max_size=4).map(" || ".join),
        st.tuples(alone, alone, alone).map(lambda three: f"{three[0]} && {three[1]} or {three[2]}"),
    )


_MATCHES = st.recursive(st.one_of(_ATOMS, _RELATIONS), _chains, max_leaves=6)


@st.composite
def match_texts(draw: st.DrawFn) -> str:
    """Matches of every form."""
    return draw(_MATCHES)


_LEADS = st.one_of(
    st.sampled_from(("pass", "drop", "reject", "tx", "decap", "log", 'count "n"', 'redirect to "eth1"')),
    _STRINGS.map(lambda text: f"log {text}"),
)
_GUARDS = st.sampled_from(("over 100/s", "within 2MB/s per src/24/64 burst 5", "connections > 5 per (src, dst)"))
_LATER = st.sampled_from((
    "log 5 bytes", "mark 7", "sample 1/100", "add src to t for 1h", "delete (src, dst port) from t", "set ip.ttl 5",
    "push vlan 5", "pop vlan", "encap vxlan vni 5 to 10.0.0.1", "count per src", 'count "n"',
))  # fmt: skip
_RULES = st.one_of(
    _joined(
        _maybe(st.just("name:")), _LEADS, _maybe(match_texts()), _maybe(_GUARDS), _maybe(_LATER.map("then {}".format))
    ),
    _joined(match_texts(), _maybe(_GUARDS), _LATER.map(lambda text: f"then {text}, drop")),
)
_STATEMENTS = st.one_of(
    _RULES,
    st.sampled_from(("hook xdp, tc ingress", "default drop", "default pass outbound", "track loose size 1M udp 5s")),
    match_texts().map(lambda text: f"let a = {text}"),
    _SETS.map(lambda text: f"let s = {text}"),
    _STRINGS.map(lambda text: f"let f = file {text}"),
    _STRINGS.map(lambda text: f"include {text}"),
    st.sampled_from(
        ("table t key (src, dst port) timeout 5m size 1k evict no", "limit l 5/s per src", "pool p = {::1}")
    ),
    match_texts().map(lambda text: f"assert drop {text}"),
)


def _blocks(rule: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bodies = st.lists(rule, max_size=2).map(lambda rules: "".join(f"\n    {text}" for text in rules) + "\n}")
    heads = match_texts().map(lambda text: f"if {text} {{ # a comment")
    return st.one_of(
        st.tuples(heads, bodies).map("".join),
        st.tuples(heads, bodies, bodies).map(lambda three: f"{three[0]}{three[1]} else {{{three[2]}"),
        st.tuples(heads, bodies, heads, bodies).map(lambda four: f"{four[0]}{four[1]} else {four[2]}{four[3]}"),
    )


_POLICIES = st.lists(st.one_of(_STATEMENTS, st.recursive(_RULES, _blocks, max_leaves=5)), max_size=6)


@st.composite
def policy_texts(draw: st.DrawFn) -> str:
    """Whole policies of every statement."""
    return "".join(text + "\n" for text in draw(_POLICIES))


_SIGNS = (
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    "!=",
    "<",
    "<<",
    "&",
    "&&",
    "|",
    "-",
    "/",
    "!",
    "\n",
    "{\n",
    "#",
    '"',
)
_ODD = (
    "\\",
    "\\\n",
    "\0",
    "\u2028",
    "\ufeff",
    "é",
    "/24",
    "010",
    "1.2.3",
    "::",
    "1:2",
    "9" * 40,
    "a-b",
    "a.b",
    "10/s",
    "5m",
)


def token_soup() -> st.SearchStrategy[str]:
    """Words and signs of the language in any order."""
    words = st.sampled_from(
        (*sorted(RESERVED_WORDS), *_SIGNS, *_ODD, "80", "10.0.0.1", "web", "saddr", "accept", "--dport")
    )
    return st.lists(st.tuples(words, st.sampled_from((" ", " ", "")))).map(lambda parts: "".join(map("".join, parts)))


@st.composite
def damaged(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with a few of its characters taken out, doubled or replaced."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 5)))
        text = text[:start] + draw(st.one_of(st.just(""), token_soup(), st.just(text[start:end] * 2))) + text[end:]
    return text
