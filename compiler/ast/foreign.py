"""Words of nftables, iptables, pf and others in a statement that does not parse → what to write here instead.

In: the text of the statement, and where the parser stopped in it. Out: the phrase that is meant, why it is none of this
language, and its translation; None when nothing is recognised. Only asked when a statement does not parse: a name that
reads `accept` is fine where a name may stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ebpfc.compiler.fields import FIELDS
from ebpfc.grammar import RESERVED_WORDS


@dataclass(frozen=True, slots=True)
class Foreign:
    """Characters start..end of the statement, what is wrong with them, and what to write."""

    start: int
    end: int
    message: str
    hint: str


_Advice = Callable[[re.Match[str]], tuple[str, str] | None]

_DIRECTIONS = {
    "saddr": "src", "daddr": "dst", "sport": "src port", "dport": "dst port", "source": "src", "destination": "dst",
    "src_port": "src port", "dst_port": "dst port", "src_ip": "src", "dst_ip": "dst",
}  # fmt: skip
_VERDICTS = dict.fromkeys(("accept", "allow", "permit", "XDP_PASS", "TC_ACT_OK"), "pass") | dict.fromkeys(
    ("block", "deny", "discard", "refuse", "XDP_DROP", "TC_ACT_SHOT", "blackhole"), "drop"
)
_SPELLINGS = {"ipv4": "ip", "ipv6": "ip6", "icmpv6": "icmp6", "icmp4": "icmp", "ports": "port", "protocol": "proto"}
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "d"}
_OWNERS = {"icmpv6": "icmp6"}

_VALUE = r"(?P<value>\{[^}]*\}?|[^\s,;{}]+)"
_NOT = r"(?:(?P<not>!=?|not\b)|==?)?\s*"


_BEFORE, _AFTER = 400, 200
"""How many characters round the place are looked at: a statement may be megabytes long, a phrase is not."""


def find_foreign(statement: str, at: int) -> Foreign | None:
    """The first phrase of the table that touches offset `at`, where parsing stopped."""
    first = max(0, at - _BEFORE)
    window = statement[first : at + _AFTER]
    for pattern, advice in _PHRASES:
        for match in re.finditer(pattern, window):
            # The parser stops inside a phrase, right after it, or at its first word.
            if match.start() <= at - first <= match.end() + _blanks(window, match.end()):
                said = advice(match)
                if said is not None:
                    return Foreign(first + match.start(), first + match.end(), *said)
    return None


def _blanks(text: str, start: int) -> int:
    return len(text) - start - len(text[start:].lstrip(" \t"))


def _kind(value: str) -> str:
    return "net" if "/" in value else "host"


def _negated(match: re.Match[str]) -> str:
    return "not " if match["not"] else ""


def _address(match: re.Match[str]) -> tuple[str, str]:
    where, value = _DIRECTIONS[match["word"]], match["value"].lstrip("@")
    proto = match["proto"]
    written = f"ether {where} {value}" if proto == "ether" else f"{where} {_kind(value)} {value}"
    return f"`{proto} {match['word']}` is nftables' word", f"write `{_negated(match)}{written}`"


def _port(match: re.Match[str]) -> tuple[str, str]:
    proto = "" if match["proto"] == "th" else match["proto"] + " "
    written = f"{proto}{_DIRECTIONS[match['word']]} {match['value'].lstrip('@')}"
    return f"`{match['proto']} {match['word']}` is nftables' word", f"write `{_negated(match)}{written}`"


def _field(match: re.Match[str]) -> tuple[str, str] | None:
    proto = _OWNERS.get(match["proto"], match["proto"])
    name = match["field"].replace("-", "_")
    if (proto, name) not in FIELDS:
        return None
    value = match["value"].lstrip("@")
    relation = f"in {value}" if value.startswith("{") else f"{'!=' if match['not'] else '=='} {value}"
    said = f"`{match['proto']} {match['field']}` is nftables' way to name a field"
    return said, f"write `{proto}.{name} {relation}`"


def _tag(match: re.Match[str]) -> tuple[str, str]:
    return f"`{match['proto']} {match['word']}` is nftables' word", f"write `{match['proto']} {match['value']}`"


def _state(match: re.Match[str]) -> tuple[str, str]:
    written = " or ".join(f"state {word}" for word in _words(match["value"]))
    return f"`{match['word']}` is another firewall's word", f"write `{written}`"


def _several_states(match: re.Match[str]) -> tuple[str, str] | None:
    """`state {new, related}`, `state != new`."""
    states, sign = _words(match["value"]), match["sign"] or ""
    if not states or not (sign or states[1:] or "{" in match["value"]):
        return None
    written = " or ".join(f"state {word}" for word in states)
    written = f"({written})" if states[1:] else written
    return "`state` asks for one state, without a sign", f"write `{'not ' if sign[:1] == '!' else ''}{written}`"


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,{}]+", text.lower()) if word]


def _option(match: re.Match[str]) -> tuple[str, str]:
    """An iptables option with its value."""
    option, value = match["option"], (match["value"] or "").strip()
    written = {
        "s": f"src {_kind(value)} {value}", "source": f"src {_kind(value)} {value}",
        "d": f"dst {_kind(value)} {value}", "destination": f"dst {_kind(value)} {value}",
        "dport": f"dst port {value.replace(':', '-')}", "sport": f"src port {value.replace(':', '-')}",
        "dports": f"dst port {{{value.replace(':', '-')}}}", "sports": f"src port {{{value.replace(':', '-')}}}",
        "p": value or "tcp",
        "j": {"ACCEPT": "pass", "DROP": "drop", "REJECT": "reject", "LOG": "log"}.get(value, "drop"),
    }.get(option)  # fmt: skip
    said = f"`{match.group().strip()}` is iptables' way to write"
    if written is None:
        return said, "write a rule: a verdict, then a match: `drop tcp dst port 22`"
    return said, f"write `{written}`" + (" at the front of the rule" if option == "j" else "")


def _from_to(match: re.Match[str]) -> tuple[str, str]:
    parts: list[str] = []
    for word, value, port in (("src", match["a"], match["ap"]), ("dst", match["b"], match["bp"])):
        if value not in ("any", "all", None):
            parts.append(f"{word} {_kind(value)} {value}")
        if port:
            parts.append(f"{word} port {port}")
    written = f"write `{' and '.join(parts)}`" if parts else "leave it out: a rule without a match is for every packet"
    return "`from ... to ...` is pf's way to name the two ends", written


def _interface(match: re.Match[str]) -> tuple[str, str]:
    said = f"`{match.group().split()[0]}` names an interface, and a policy is attached to its own"
    return said, "leave it out, and attach the object: `ebpfctl attach out.o DEV`; `ifindex N` tests the number"


def _comparison(match: re.Match[str]) -> tuple[str, str]:
    word, value = match["word"], match["value"]
    not_ = "not " if match["op"] == "!=" else ""
    if match["op"] in ("==", "=", "!="):
        return f"`{word}` takes its value without `{match['op']}`", f"write `{not_}{match['head']}{word} {value}`"
    if word not in ("port", "portrange") or not value.isdecimal() or len(value) > 5:
        return f"`{word}` is not compared", f"write `{match['head']}{word}` and a value, a range or a set"
    strict = 0 if match["op"].endswith("=") else 1
    low, high = (0, int(value) - strict) if match["op"].startswith("<") else (int(value) + strict, 65535)
    return f"`{word}` takes a range, no comparison", f"write `{match['head']}port {low}-{high}`"


def _flow(match: re.Match[str]) -> tuple[str, str]:
    return f"`{match.group()}` is pf's word for a direction", f"write `{match.group()}bound`"


def _list(match: re.Match[str]) -> tuple[str, str]:
    items = ", ".join(item for item in re.split(r"[\s,]+", match["items"]) if item)
    return "several values stand in braces", f"write `{match['head']}{{{items}}}`"


def _lower(match: re.Match[str]) -> tuple[str, str] | None:
    word = match["word"]
    if word in RESERVED_WORDS or word.lower() not in RESERVED_WORDS:
        return None
    return f"`{word}`: the words of the language are in lower case", f"write `{word.lower()}`"


def _say(message: str, hint: str) -> _Advice:
    """The same words whatever was matched; `{}` in them is the matched text."""
    return lambda match: (message.replace("{}", match.group().strip()), hint)


def _translate(words: dict[str, str], message: str) -> _Advice:
    return lambda match: (message.replace("{}", match.group()), f"write `{words[match.group()]}`")


def _any_of(words: dict[str, str]) -> str:
    return r"(?<![\w.\-])(?:" + "|".join(words) + r")(?![\w.\-])"


_PHRASES: tuple[tuple[str, _Advice], ...] = (
    (rf"\b(?P<proto>ip6?|ether|arp)\s+(?P<word>[sd]addr)\s+{_NOT}{_VALUE}", _address),
    (rf"\b(?P<proto>tcp|udp|sctp|th)\s+(?P<word>[sd]port)\s+{_NOT}{_VALUE}", _port),
    (rf"\b(?P<proto>vlan|vxlan)\s+(?P<word>id|vid|vni)\s+{_VALUE}", _tag),
    (r"(?:\bct|--|-m\s+\w+\s+--)\s*(?P<word>state|ctstate)\s+(?P<value>\{[^}]*\}?|[\w,]+)", _state),
    (r"\bstate\s*(?P<sign>\bin\s+|[!=]=?\s*)?(?P<value>\{[^}]*\}?|\w+(?:\s*,\s*\w+)*)", _several_states),
    (r"\b(?:keep|modulate|synproxy)\s+(?P<word>state)\b", _say("`{}` is pf's", "write `track`, and `state new`")),
    (
        (
            r"\b(?P<proto>ether|vlan|arp|ip6?|tcp|udp|sctp|icmp(?:v?6)?|vxlan|meta)\s+"
            rf"(?P<field>[a-z][a-z0-9_-]*)\s+{_NOT}{_VALUE}"
        ),
        _field,
    ),
    (r"\bmeta\s+(?:l4proto|nfproto|protocol)\b", _say("`{}` is nftables' word", "write `proto tcp`, or `tcp`")),
    (
        (
            r"(?<![\w-])--?(?P<option>dports?|sports?|source|destination|s|d|p|j|A|I|D|i|o|m|t)(?!\w)"
            r"(?:\s+(?P<value>[^\s-]\S*))?"
        ),
        _option,
    ),
    (
        (
            r"\bfrom\s+(?P<a>\S+)(?:\s+port\s+=?\s*(?P<ap>\S+))?"
            r"(?:\s+to\s+(?P<b>\S+)(?:\s+port\s+=?\s*(?P<bp>\S+))?)?"
        ),
        _from_to,
    ),
    (r"\b(?<=pass )(?:in|out)\b|\b(?<=block )(?:in|out)\b|\b(?<=drop )(?:in|out)\b", _flow),
    (r"\bquick\b", _say("`quick` is pf's: here the first rule that decides is the last one read", "leave it out")),
    (r"(?<![\w.-])(?:[io]if(?:name)?|(?:in |out )?on|dev)\s+\S+", _interface),
    (
        (
            r"(?P<head>(?:(?:src|dst)\s+)?)\b(?P<word>host|net|port|portrange)\s*(?P<op>==?|!=|[<>]=?)\s*"
            r"(?P<value>[^\s,;]+)"
        ),
        _comparison,
    ),
    (
        r"(?P<head>\b(?:port|host|net|vlan|vxlan|proto|src|dst)\s+)(?P<items>[\w.:/-]+(?:\s*,\s*[\w.:/-]+)+)",
        _list,
    ),
    (
        r"(?<![\w.])(?P<host>\d+\.\d+\.\d+\.\d+):(?P<port>\d+)",
        lambda m: (f"an address with a port: `{m.group()}`", f"write `host {m['host']} and port {m['port']}`"),
    ),
    (
        r"(?<![\w:.\-])(?P<low>\d+):(?P<high>\d+)(?![\w:.\-])",
        lambda m: ("a range is written with `-`", f"write `{m['low']}-{m['high']}`"),
    ),
    (_any_of(_VERDICTS), _translate(_VERDICTS, "`{}` is no verdict of this language")),
    (_any_of(_DIRECTIONS), _translate(_DIRECTIONS, "`{}` is no word of this language")),
    (_any_of(_SPELLINGS), _translate(_SPELLINGS, "`{}` is no word of this language")),
    (r"\bcounter\b", _say("`counter` is nftables' word", 'write `then count "name"`; each rule is counted anyway')),
    (r"\blimit\s+rate\s+\S+", _say("`{}` is nftables' way to limit", "write `over 100/s` after the match")),
    (
        r"\b(?P<n>\d+)\s*/\s*(?P<unit>seconds?|secs?|minutes?|mins|m|hours?|hrs?|days?)\b",
        lambda m: ("rates are per `s`, `min`, `h` or `d`", f"write `{m['n']}/{_UNITS[m['unit'][0]]}`"),
    ),
    (r"\b(?:[sd]nat|masquerade|rdr|nat)\b", _say("`{}`: addresses are not translated here", "filter only")),
    (r"\b(?:jump|goto|chain|queue)\b", _say("`{}`: there are no chains here", "write a block: `if MATCH {`")),
    (r"\b(?:policy|type)\s+\w+", _say("`{}` is nftables' way to head a chain", "write `hook xdp`, `default drop`")),
    (r"\b(?:elif|elsif|elseif)\b", _say("`{}` is no word of this language", "write `} else if ... {`")),
    (r"\b(?:any|all)\b", _say("`{}`: every packet is meant without a word", "leave it out")),
    (r"(?:&&|\band\b)\s*(?:&&|\band\b)", _say("an operand is missing between two `and`", "write a match there")),
    (r"[@$](?P<name>[A-Za-z_]\w*)", lambda m: (f"a name stands without `{m.group()[0]}`", f"write `{m['name']}`")),
    (r"(?<![\w.\-])(?P<word>[A-Za-z]\w*)(?![\w.\-])", _lower),
)
