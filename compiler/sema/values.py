"""A value as written → the value that its place takes: words become numbers, sets become flat, bounds are checked.

In: a `Value` of the tree, the `Domain` of its place, the names defined so far. Out: a value without Word, WordRange or
nested set, every number within the domain and every IPv4 net spelled as a prefix or a mask with no bits outside it; or
None, with a diagnostic at the entry that is wrong. A set that came from a `let` is refused at its use, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    IPv4,
    IPv4Range,
    IPv6,
    IPv6Range,
    Mac,
    Number,
    NumberRange,
    SetLiteral,
    Span,
    Value,
    Word,
    WordRange,
)
from ebpfc.compiler.diagnostics.model import Related, Sink
from ebpfc.compiler.sema.definitions import Definitions, NamedLimit, NamedMatch, NamedSet, NamedTable
from ebpfc.compiler.sema.domains import Domain
from ebpfc.compiler.sema.problems import WrongValueError, kind_hints, unknown_word, wrong_kind, wrong_name
from ebpfc.compiler.sema.size import Budget

Plain = Number | NumberRange | IPv4 | IPv4Range | IPv6 | IPv6Range | Mac
_ALL_ONES = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _BadSet:
    """The first entry of a named set that a place does not take."""

    problem: WrongValueError
    span: Span


class ValueResolver:
    """Resolves values; a named set is converted once for each domain that it is used in."""

    def __init__(self, definitions: Definitions, sink: Sink) -> None:
        self.definitions = definitions
        self.sink = sink
        self.budget = Budget(sink)
        self._converted: dict[tuple[str, Domain], tuple[Plain, ...] | _BadSet] = {}

    def resolve(self, value: Value, domain: Domain) -> Plain | SetLiteral | None:
        match value:
            case SetLiteral():
                return self._literal(value, domain)
            case Word() if not value.escaped and self._is_defined(value.text):
                return self._named(value, domain)
            case _:
                return self._entry(value, domain)

    def _is_defined(self, name: str) -> bool:
        d = self.definitions
        return name in d.made or name in d.broken

    def _entry(self, value: Value, domain: Domain) -> Plain | None:
        try:
            return convert(value, domain, self.definitions)
        except WrongValueError as problem:
            self.sink.error(problem.code, problem.message, value.span, problem.label, problem.hints)
            return None

    def _literal(self, literal: SetLiteral, domain: Domain) -> SetLiteral | None:
        flat: list[Value] = []
        whole = True
        for item in literal.items:
            resolved = self.resolve(item, domain)
            if resolved is None:
                whole = False
            elif isinstance(resolved, SetLiteral):
                if not self.budget.take_entries(len(resolved.items), item.span):
                    return None
                flat.extend(resolved.items)
            else:
                flat.append(resolved)
        return SetLiteral(tuple(flat), literal.name, literal.span) if whole else None

    def _named(self, word: Word, domain: Domain) -> SetLiteral | None:
        found = self.definitions.look_up(word.text)
        if found is None:
            return None
        if isinstance(found, NamedMatch):
            self.sink.error(
                "PF0307",
                f"`{word.text}` is a match, and {domain.what} is wanted here",
                word.span,
                "a match cannot stand for a value",
                (f"join it with `and`: `{word.text} and ...`",),
                (Related(found.span, "made here"),),
            )
            return None
        if isinstance(found, NamedTable | NamedLimit):
            wrong_name(found, f"{domain.what} is wanted here", word.span, self.sink)
            return None
        key = (found.name, domain)
        if key not in self._converted:
            if not self.budget.take_entries(len(found.items), word.span):
                return None
            self._converted[key] = _convert_all(found, domain, self.definitions)
        result = self._converted[key]
        if isinstance(result, tuple):
            return SetLiteral(result, found.name, word.span)
        problem = result.problem
        related = (Related(result.span, "this entry"), Related(found.span, f"`{found.name}` is made here"))
        message = f"`{found.name}`: {problem.message}"
        self.sink.error(problem.code, message, word.span, problem.label, problem.hints, related)
        return None


def _convert_all(found: NamedSet, domain: Domain, definitions: Definitions) -> tuple[Plain, ...] | _BadSet:
    out: list[Plain] = []
    for item in found.items:
        try:
            out.append(convert(item, domain, definitions, through_name=True))
        except WrongValueError as problem:
            return _BadSet(problem, item.span)
    return tuple(out)


def convert(value: Value, domain: Domain, definitions: Definitions, *, through_name: bool = False) -> Plain:
    """One entry in its domain. Raises WrongValueError."""
    match value:
        case Number():
            return _number(value, domain, through_name)
        case NumberRange():
            _range(value.low, value.high, domain)
            return value
        case IPv4():
            return _ipv4(value, domain)
        case IPv6():
            _address_place(value, domain, 6)
            if value.length is not None and value.length < 128:
                _prefix_place(domain, "an IPv6 net")
            return value
        case IPv4Range() | IPv6Range():
            _address_place(value, domain, 4 if isinstance(value, IPv4Range) else 6)
            _in_order(value.low, value.high)
            return value
        case Mac():
            if domain.kind != "mac":
                raise wrong_kind(value, domain)
            return value
        case Word():
            return Number(_word(value.text, domain, definitions), value.span)
        case WordRange():
            return _word_range(value, domain, definitions)
        case SetLiteral():
            raise AssertionError("sets are flattened before their entries are converted")
        case _:
            assert_never(value)


# --- numbers


def _number(value: Number, domain: Domain, through_name: bool) -> Plain:
    if domain.short_nets and not through_name and 1 <= value.value <= 255:
        return IPv4(value.value << 24, 8, span=value.span)
    if domain.kind == "address" and domain.prefixes and not through_name:
        raise WrongValueError(
            "PF0426",
            f"`{value.value}` is no net",
            "a bare number is a net only from 1 to 255",
            ("write the net with its length: `net 10.0.0.0/8`",) if domain.short_nets else kind_hints(value, domain),
        )
    if domain.kind == "address" and through_name and domain.short_nets:
        raise WrongValueError(
            "PF0426",
            f"a bare number ({value.value}) through a name is no net",
            "holds a bare number",
            ("write the net with its length in the set: `10.0.0.0/8`",),
        )
    _range(value.value, value.value, domain)
    return value


def _range(low: int, high: int, domain: Domain) -> None:
    """Raises WrongValueError unless the numbers are in order and within the domain."""
    if domain.kind != "number":
        raise wrong_kind(NumberRange(low, high) if low != high else Number(low), domain)
    _in_order(low, high)
    if domain.low <= low and high <= domain.high:
        return
    wrong = low if low < domain.low else high
    if wrong < domain.low:
        raise WrongValueError(
            "PF0438",
            f"{wrong} is no EtherType",
            "up to 1500 this field is a length (802.3), and LLC is not filtered",
            ("write an EtherType from 0x0600 on, or compare the bytes: `ether[12:2]`",),
        )
    raise WrongValueError(
        "PF0420",
        f"{wrong} is no {domain.what.split(' ', 1)[1]}: {domain.low} to {domain.high}",
        f"at most {domain.high}",
        (f"write a number from {domain.low} to {domain.high}",),
    )


def _in_order(low: int, high: int) -> None:
    if low > high:
        raise WrongValueError(
            "PF0407", "the range ends before it begins", "the larger end comes last", ("swap the ends",)
        )


def _word_range(value: WordRange, domain: Domain, definitions: Definitions) -> Plain:
    if domain.kind == "number":
        if value.text in domain.words:
            return Number(domain.words[value.text], value.span)
        for at, letter in enumerate(value.text):
            if letter == "-":
                low, high = _side(value.text[:at], domain), _side(value.text[at + 1 :], domain)
                if low is not None and high is not None:
                    _range(low, high, domain)
                    return NumberRange(low, high, value.span)
    return Number(_word(value.text, domain, definitions), value.span)


def _side(text: str, domain: Domain) -> int | None:
    """One end of a dashed range; `int` alone would take `1_0` and other scripts' digits."""
    if text.isascii() and text.isdigit():
        return int(text)
    return domain.words.get(text)


def _word(text: str, domain: Domain, definitions: Definitions) -> int:
    """Raises WrongValueError when `text` is no number here."""
    if domain.kind == "number" and text in domain.words:
        return domain.words[text]
    raise unknown_word(text, domain, definitions)


# --- addresses


def _ipv4(value: IPv4, domain: Domain) -> IPv4:
    """The address with its length or mask written out; whole addresses have neither."""
    _address_place(value, domain, 4)
    if value.mask is not None:
        _prefix_place(domain, "a mask")
        length = value.mask.bit_count()
        if value.address & ~value.mask & _ALL_ONES:
            raise WrongValueError(
                "PF0405",
                "the net has bits set outside its mask",
                "bits set where the mask is 0",
                ("clear them, or write `host` for one address",),
            )
        if value.mask == (_ALL_ONES << (32 - length)) & _ALL_ONES:
            return IPv4(value.address, length, span=value.span)
        return IPv4(value.address, None, 4, value.mask, span=value.span)
    if value.length is None and value.parts == 4:
        return value
    length = 8 * value.parts if value.length is None else value.length
    if length < 32:
        _prefix_place(domain, "an IPv4 net")
    if value.length is None and not domain.short_nets:
        raise WrongValueError(
            "PF0425",
            "an address of fewer than four numbers is a net",
            f"reads as a net of /{length}",
            ("write all four numbers, or `net` before it",),
        )
    if not 0 <= length <= 32:
        hint = "write a length from /0 to /32"
        raise WrongValueError("PF0420", f"/{length} is no length of an IPv4 net: 0 to 32", "at most 32", (hint,))
    if value.address & (_ALL_ONES >> length if length < 32 else 0):
        raise WrongValueError(
            "PF0405",
            "the net has host bits set",
            f"bits set beyond /{length}",
            ("clear them, or write `host` and the address",),
        )
    return IPv4(value.address, length, span=value.span)


def _address_place(value: IPv4 | IPv6 | IPv4Range | IPv6Range, domain: Domain, family: int) -> None:
    if domain.kind != "address":
        raise wrong_kind(value, domain)
    if family not in domain.families:
        raise WrongValueError(
            "PF0424",
            f"an IPv{family} address where only IPv{domain.families[0]} can stand",
            f"IPv{family}, and the place takes {domain.what}",
            (f"write `src` or `dst` without a family before it, or keep only IPv{domain.families[0]} addresses here",),
        )


def _prefix_place(domain: Domain, what: str) -> None:
    if not domain.prefixes:
        raise WrongValueError(
            "PF0425",
            f"a whole address is wanted here, not {what}",
            what,
            ("write `net` instead of `host`, or `in` instead of a comparison",),
        )
