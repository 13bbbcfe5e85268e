"""Words of tcpdump, pf and iptables that this language refuses for good, and parts of it that are not built yet.

In: a word, or what was parsed. Out: why it is refused and what to write instead, as data; the caller reports it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.ast.nodes import Span
from ebpfc.compiler.diagnostics.model import Sink


@dataclass(frozen=True, slots=True)
class Reason:
    message: str
    label: str
    hints: tuple[str, ...] = ()


def _family(words: str, what: str, hint: str) -> dict[str, Reason]:
    return {
        word: Reason(f"`{word}` is refused: {what}", "not on an Ethernet device", (hint,)) for word in words.split()
    }


_BYTES_HINT = "compare bytes instead: `ether[off:size]`"

REFUSED_WORDS: dict[str, Reason] = {
    **_family(
        "wlan type subtype dir ra ta addr1 addr2 addr3 addr4 radio ppi prism",
        "802.11 headers are not seen by an Ethernet device",
        "write `ether src`, `ether dst` or `ether proto`",
    ),
    **_family(
        "vpi vci lane oamf4s oamf4e oamf4 oam oamf4ec oamf4sc metac bcc sc ilmic connectmsg metaconnect",
        "ATM cells are not seen by an Ethernet device",
        _BYTES_HINT,
    ),
    **_family(
        "fisu lssu lsu msu mtp2 hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls isup",
        "SS7 is not carried by an Ethernet device",
        _BYTES_HINT,
    ),
    **_family(
        "rnr rulenum reason rset ruleset srnr subrulenum action ifname on",
        "it reads pf's log, and this filter sees packets before any log",
        "write `ifindex N` for the interface",
    ),
    **_family("decnet", "DECnet is not filtered", "write `ether proto 0x6003`"),
    **_family("lat moprc mopdl sca atalk aarp", "only IP, ARP and RARP have a test of their own name",
              "write `ether proto` and the name"),
    **_family("iso clnp esis isis l1 l2 iih lsp snp csnp psnp es-is is-is", "OSI protocols ride on LLC, not filtered",
              _BYTES_HINT),
    **_family("llc netbeui ipx", "LLC types are not filtered", _BYTES_HINT),
    **_family("fddi tr slip ppp rif", "the device is Ethernet", "write `ether`"),
    "igrp": Reason("`igrp` is refused: it has no test of its own name", "not a test", ("write `ip proto 9`",)),
    "gateway": Reason(
        "`gateway` is refused: it needs host names, which are never looked up",
        "needs a host name",
        ("write `ether host MAC and not host ADDRESS`",),
    ),
}  # fmt: skip


def word(text: str) -> Reason | None:
    """Why a word of another link layer or program is refused; None when it is not one of those."""
    return REFUSED_WORDS.get(text)


_WAYS = {"in": "ingress", "inbound": "ingress", "input": "ingress", "ingress": "ingress"} | dict.fromkeys(
    ("out", "outbound", "output", "egress"), "egress"
)


def hook_hint(point: str) -> str:
    """What to write instead of a hook that does not exist: the one of its direction, where it names one."""
    way = next((_WAYS[word] for word in reversed(point.split()) if word in _WAYS), None)
    return "write `xdp`, `tc ingress` or `tc egress`" if way is None else f"write `tc {way}`"


_TEST_HINTS: dict[str, str] = {
    "payload": "read the bytes behind the header: `udp[8:4] = 0x47455420`",
    "payload starts": "read the bytes behind the header: `udp[8:4] = 0x47455420`",
    "tcp.mss": "match the segment that carries it: `tcp flags S/SA`",
    "tcp.wscale": "match the segment that carries it: `tcp flags S/SA`",
}


def not_built(sink: Sink, code: str, what: str, span: Span, hint: str | None = None) -> None:
    """Reports a part of the language that is parsed and understood, but not compiled yet."""
    hint = hint if hint is not None else _TEST_HINTS.get(what)
    sink.error(code, f"`{what}` is not built yet", span, "parsed, and cannot be compiled yet", (hint,) if hint else ())
