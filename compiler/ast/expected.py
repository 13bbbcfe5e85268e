"""What the parser would take at a place → a few words for the author.

In: the names of the terminals that may stand next. Out: "a match, `then`, or the end of the line".
"""

from __future__ import annotations

from collections.abc import Iterable

_GROUPS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"HOOK", "LET", "PASS", "IF"}), "a statement"),
    (frozenset({"TCP", "HOST", "MALFORMED"}), "a match"),
    (frozenset({"IPV4", "IPV6", "INT", "NAME", "RANGE"}), "a value"),
    (frozenset({"INT", "NAME", "LEN", "FIELD"}), "a number or a field"),
    (frozenset({"SRC", "DST", "VLAN", "IFINDEX"}), "a field"),
    (frozenset({"IPV4", "IPV6"}), "an address"),
    (frozenset({"EQUAL", "LESSTHAN", "MORETHAN"}), "a comparison (`==`, `<` ...)"),
    (frozenset({"PLUS", "STAR", "CIRCUMFLEX"}), "an arithmetic operator"),
    (frozenset({"OVER", "WITHIN", "CONNECTIONS"}), "a guard (`over`, `within`, `connections`)"),
    (frozenset({"PASS", "DROP", "MARK"}), "an action"),
    (frozenset({"PASS", "DROP", "REJECT"}), "a verdict (`pass`, `drop`)"),
    (frozenset({"RATE", "NAME"}), "a rate (`100/s`)"),
    (frozenset({"RATE"}), "a rate (`100/s`)"),
    (frozenset({"AND", "OR"}), "`and`, `or`"),
    (frozenset({"BROADCAST", "MULTICAST"}), ""),
    (frozenset({"HOST", "NET", "PORT", "PORTRANGE"}), "`host`, `net`, `port`"),
    (frozenset({"INT", "AMOUNT"}), "a number or a size (`64k`)"),
    (frozenset({"NAME"}), "a name"),
    (frozenset({"INT"}), "a number"),
    (frozenset({"STRING"}), 'a text in quotes ("...")'),
    (frozenset({"FLAGS"}), "flags (`S/SA`)"),
    (frozenset({"DURATION"}), "a duration (`10m`)"),
    (frozenset({"BLOCK_OPEN"}), "`{` at the end of the line"),
    (frozenset({"_NL"}), "the end of the line"),
    (frozenset({"$END"}), "the end"),
)
"""The first group that is wholly among the terminals names them; its terminals, and those it implies, are done with."""

_IMPLIED = {
    "a statement": "everything",
    "a match": "match",
    "a value": "match",
    "a number or a field": "match",
    "a field": "match",
    "an action": "match",
    "an arithmetic operator": "operator",
    "a comparison (`==`, `<` ...)": "operator",
    "`and`, `or`": "operator",
}
_OPERATORS = frozenset({
    "AND", "OR", "AMPERSAND", "VBAR", "CIRCUMFLEX", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "EQUAL", "LESSTHAN",
    "MORETHAN", "IN",
})  # fmt: skip
_ENDS = frozenset({
    "AND", "OR", "THEN", "OVER", "WITHIN", "CONNECTIONS", "BLOCK_OPEN", "_NL", "$END", "RPAR", "RBRACE", "RSQB",
    "COMMA", "COLON", "EQUAL", "LESSTHAN", "MORETHAN", "IN", "MASK",
})  # fmt: skip
_MOST = 5


def describe(terminals: Iterable[str], literals: dict[str, str]) -> str:
    """The terminals in the field's words; "" when there is nothing short to say. `literals`: name → keyword or sign."""
    left = set(terminals)
    said: list[str] = []
    for group, words in _GROUPS:
        if group <= left:
            left -= group
            implied = _IMPLIED.get(words, "")
            if implied == "everything":
                left &= {"_NL", "$END", "RBRACE"}
            elif implied == "match":
                left &= _ENDS
            elif implied == "operator":
                left -= _OPERATORS
                left = {name for name in left if not name.startswith("__ANON")}
            if words:
                said.append(words)
    said += sorted(f"`{literals[name]}`" for name in left if name in literals)
    if len(said) > _MOST:
        return ""
    return " or ".join(([", ".join(said[:-1])] if said[1:] else []) + said[-1:])
