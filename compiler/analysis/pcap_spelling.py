"""A match → an expression that means the same to tcpdump, as far as tags and the scope of `vlan` go.

In: the match of a checked policy. Out: text, or None where tcpdump has no way to say it (tunnels, forms of ours alone).

tcpdump reads one place of a frame, and each `vlan` moves that place for all of the rest of the text. So the frames are
taken apart by how many tags they have, none first:

    E0 or (vlan and (E1 or (vlan and E2)))

where Ek is the match with each question about tags answered for k tags: true, false, or a VID compared by its bytes
(`ether[...]` is never moved). Where a `not` could make Ek true of a frame with more tags, the EtherType is asked too.
"""

from __future__ import annotations

from dataclasses import replace

from ebpfc.compiler.analysis.atoms import atoms
from ebpfc.compiler.analysis.elision import without_elisions
from ebpfc.compiler.analysis.pcap_forms import either, ethertype_test, in_pcap_forms, vid_test
from ebpfc.compiler.analysis.seeing_through import sees_through
from ebpfc.compiler.ast.nodes import (
    Access,
    And,
    Const,
    Encap,
    Match,
    Named,
    Not,
    Number,
    Or,
    Paren,
    Primitive,
    Relation,
)
from ebpfc.compiler.ast.printer import print_match
from ebpfc.compiler.fields import ETH_VLAN, MAX_TAGS

_LONGEST = 1_000
"""Characters of a spelling that is worth showing."""


def tcpdump_spelling(match: Match) -> str | None:
    match = without_elisions(match)
    return _printed(_in_a_session(match) or _behind_one_tag(match) or _by_tags(match))


def plain_spelling(match: Match) -> str | None:
    """The match in tcpdump's forms, which tcpdump reads in its own way."""
    return _printed(_plain(without_elisions(match)))


def _printed(match: Match | None) -> str | None:
    while isinstance(match, Paren):
        match = match.match
    text = None if match is None else print_match(match)
    return None if text is None or len(text) > _LONGEST else text


class _NoSpellingError(Exception):
    """A form that tcpdump does not have."""


def _by_tags(match: Match) -> Match | None:
    try:
        levels = [_for_tags(match, count, 0)[0] for count in range(MAX_TAGS + 1)]
    except _NoSpellingError:
        return None
    guarded = _has_not(match)
    rest: Match | bool = False
    for count in range(MAX_TAGS, -1, -1):
        level = _guard(levels[count], count) if guarded else levels[count]
        if level is True or (level == rest and not isinstance(level, bool) and not _looks_behind_tags(level)):
            rest = level  # more tags change nothing
        else:
            rest = _or_one_more(level, rest)
    return None if isinstance(rest, bool) else rest


def _or_one_more(level: Match | bool, rest: Match | bool) -> Match | bool:
    """`level or (vlan and rest)`, but for what is never true."""
    parts: list[Match] = [] if isinstance(level, bool) else [level]
    if rest is True:
        parts.append(Encap("vlan"))
    elif rest is not False:
        parts.append(And((Encap("vlan"), Paren(rest) if isinstance(rest, And) else rest)))
    return either(parts) if parts else False


def _in_a_session(match: Match) -> Match | None:
    """`not vlan and pppoes and E`: `pppoes` moves all that follows, so that only frames of one depth can be said."""
    items = match.items if isinstance(match, And) else ()
    at = next((at for at, item in enumerate(items) if isinstance(item, Encap) and item.kind == "pppoes"), 0)
    if at == 0 or any(isinstance(atom, Encap) for item in items[at + 1 :] for atom in atoms(item)):
        return None
    try:
        before = [_for_tags(And(items[:at]), count, 0)[0] for count in range(MAX_TAGS + 1)]
    except _NoSpellingError:
        return None
    inside = _plain(And(items[at:]))
    if any(level is not False for level in before[1:]) or not isinstance(inside, And):
        return None
    return inside if before[0] is True else None if before[0] is False else And((_grouped(before[0]), *inside.items))


def _behind_one_tag(match: Match) -> Match | None:
    """`vlan 5 and E`, nothing about tags in E: `vlan 5 and (E or (vlan and E))` reads better."""
    match match:
        case And((Encap("vlan", None | Number()) as tag, *others)) if others:
            inside = others[0] if len(others) == 1 else And(tuple(others))
            plain = None if _has_not(inside) or _asks_tags(inside) else _plain(inside)
            return None if plain is None else And((tag, either([plain, And((Encap("vlan"), plain))])))
        case _:
            return None


def _for_tags(match: Match, count: int, opened: int) -> tuple[Match | bool, int]:
    """What is left of the match for a frame with `count` tags, and how many its chain has opened at the end."""
    match match:
        case Encap("vlan", values):
            if opened >= count:
                return False, opened + 1
            return True if values is None else _sure(vid_test(opened, values)), opened + 1
        case And(items):
            kept: list[Match] = []
            truth = True
            for item in items:
                one, opened = _for_tags(item, count, opened)
                truth = truth and one is not False
                if not isinstance(one, bool):
                    kept.append(Paren(one) if isinstance(one, And) else one)
            return _chain(kept) if truth else False, opened
        case Or(items):
            parts = [_for_tags(item, count, opened)[0] for item in items]
            if any(part is True for part in parts):
                return True, opened
            left: list[Match] = [part for part in parts if not isinstance(part, bool)]
            return either(left) if left else False, opened
        case Not(inside):
            one = _for_tags(inside, count, opened)[0]
            return not one if isinstance(one, bool) else Not(one), opened
        case Paren(inside) | Named(_, inside):
            one = _for_tags(inside, count, opened)[0]
            return one if isinstance(one, bool) else _parentheses(one), opened
        case Primitive("ether", _, "proto", values):
            return _sure(ethertype_test(opened, values)), opened
        case Encap(kind) if kind != "pppoed":
            raise _NoSpellingError
        case _:
            return _sure(in_pcap_forms(match)), opened


def _chain(items: list[Match]) -> Match | bool:
    return True if not items else items[0] if len(items) == 1 else And(tuple(items))


def _grouped(match: Match) -> Match:
    return Paren(match) if isinstance(match, And | Or) else match


def _parentheses(match: Match) -> Match:
    return Paren(match) if isinstance(match, And | Or | Not) else match


def _sure(match: Match | None) -> Match:
    if match is None:
        raise _NoSpellingError
    return match


def _guard(level: Match | bool, count: int) -> Match | bool:
    """The level, and no further tag where the level alone does not say so."""
    if level is False:
        return False
    kinds: list[Match] = [Relation("!=", Access("ether", Const(12 + 4 * count), 2), Const(kind)) for kind in ETH_VLAN]
    if level is True:
        return And(tuple(kinds))
    if _tells_the_type(level):
        return level
    return And((Paren(level) if isinstance(level, Or) else level, *kinds))


def _tells_the_type(match: Match) -> bool:
    """Is it only true where the EtherType at the place read is that of a protocol?"""
    match match:
        case And(items):
            return any(_tells_the_type(item) for item in items)
        case Or(items):
            return all(_tells_the_type(item) for item in items)
        case Paren(inside):
            return _tells_the_type(inside)
        case Not():
            return False
        case _:
            return sees_through(match)


def _has_not(match: Match) -> bool:
    match match:
        case Not():
            return True
        case And(items) | Or(items):
            return any(_has_not(item) for item in items)
        case Paren(inside) | Named(_, inside):
            return _has_not(inside)
        case _:
            return False


def _looks_behind_tags(match: Match) -> bool:
    return any(sees_through(atom) for atom in atoms(match))


def _asks_tags(match: Match) -> bool:
    return any(
        (isinstance(atom, Encap) and atom.kind != "pppoed")
        or (isinstance(atom, Primitive) and (atom.proto, atom.type) == ("ether", "proto"))
        for atom in atoms(match)
    )


def _plain(match: Match) -> Match | None:
    match match:
        case And(items) | Or(items):
            parts = [part for item in items if (part := _plain(item)) is not None]
            return replace(match, items=tuple(parts)) if len(parts) == len(items) else None
        case Not(inside):
            one = _plain(inside)
            return None if one is None else Not(one)
        case Paren(inside) | Named(_, inside):
            one = _plain(inside)
            return None if one is None else _parentheses(one)
        case _:
            return in_pcap_forms(match)
