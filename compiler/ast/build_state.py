"""Nodes of tables, limiters, guards, and the actions on them in the parse tree → AST nodes.

In: what the nodes below were made into. Out: records of `state.py` with times in ns and sizes as numbers, each within
its bounds, or a diagnostic at the option that is not. Leaves to `sema`: names, and whether a field can be a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import read_number, read_prefix_length, read_string, token_span
from ebpfc.compiler.ast.nodes import (
    Add,
    ConnectionsGuard,
    Delete,
    FieldRef,
    Key,
    KeyField,
    Limit,
    Limiter,
    Log,
    Number,
    RateGuard,
    Span,
    Table,
)
from ebpfc.compiler.ast.rates import check_burst, read_duration, read_rate
from ebpfc.compiler.ast.state import DEFAULT_LOG_SIZE, LARGEST_LOG_SIZE, LARGEST_SIZE, MOST_CONNECTIONS

_SIZES = {"k": 1 << 10, "M": 1 << 20}


@dataclass(frozen=True, slots=True)
class Option:
    """`size 64k`, `per src/24`: what it sets, and to what."""

    word: str
    value: Any  # int | str | Key
    span: Span


@dataclass(slots=True)
class Options:
    """Options by their words; one that stands twice is refused where it stands again."""

    context: Context
    given: dict[str, Option] = field(default_factory=dict)

    def add(self, option: Option) -> None:
        if option.word in self.given:
            hint = "leave one of them out"
            message = f"`{option.word}` stands twice"
            self.context.sink.error("PF0215", message, option.span, "given before", (hint,))
        self.given.setdefault(option.word, option)

    def fields(self, *words: str) -> dict[str, Any]:
        """The options of these words, as arguments of a record."""
        return {word: self.given[word].value for word in words if word in self.given}


def options_of(context: Context, kids: Kids) -> Options:
    options = Options(context)
    for kid in kids:
        if isinstance(kid, Option):
            options.add(kid)
    return options


# ------------------------------------------------------------------------------------------------------------ keys


def _keys(context: Context, kids: Kids, span: Span) -> Key:
    return Key(tuple(kid for kid in kids if isinstance(kid, KeyField | FieldRef)), span=span)


def without_net(context: Context, key: Key, hint: str) -> Key:
    """The key; `src net` in it is refused, as only a table's own line has that word."""
    for part in key.fields:
        if is_net(part):
            message = "`net` stands behind a field only where a table is declared"
            context.sink.error("PF0441", message, part.span, "no field", (hint,))
    return key


def is_net(part: object) -> bool:
    return isinstance(part, KeyField) and part.text.split()[-1] == "net"


def _mask(context: Context, kids: Kids, span: Span) -> tuple[int, int | None]:
    first, _, second = str(kids[-1]).partition("/")
    place = token_span(kids[-1], context.file)
    mask4 = read_prefix_length(first, 32, place, context.sink)
    return mask4, read_prefix_length(second, 128, place, context.sink) if second else None


# --------------------------------------------------------------------------------------------------------- options


def _number(context: Context, kids: Kids, span: Span) -> Number:
    text = str(kids[0])
    letter = text[-1] if text[-1] in _SIZES else ""
    errors = len(context.sink.items)
    value = read_number(text.removesuffix(letter), span, context.sink)
    return Number(value * _SIZES.get(letter, 1) if len(context.sink.items) == errors else 1, span)


def checked_size(context: Context, number: Number) -> int:
    if 1 <= number.value <= LARGEST_SIZE:
        return number.value
    message = f"a size is from 1 to {LARGEST_SIZE} (16M) entries"
    label = "no room for an entry" if number.value == 0 else "too many entries"
    context.sink.error("PF0420", message, number.span, label, ("write a size such as `size 64k`",))
    return 1


def _table_option(context: Context, kids: Kids, span: Span) -> Option:
    word, value = str(kids[0]), kids[1]
    match word:
        case "timeout":
            return Option(word, read_duration(value, context.file, context.sink), span)
        case "size":
            return Option(word, checked_size(context, value), span)
        case _:
            if (word, str(value)) != ("evict", "no"):
                hint = "a table has `timeout D`, `size N` and `evict no`"
                message = f"`{word} {value}` is no option of a table"
                context.sink.error("PF0213", message, span, "unknown option", (hint,))
            return Option(word, False, span)


def _guard_option(context: Context, kids: Kids, span: Span) -> Option:
    word, value = str(kids[0]), kids[1]
    match word:
        case "per":
            key = without_net(context, value, "write how many bits count: `per src/24/64`")
            mask4, mask6 = kids[2] if len(kids) > 2 else (None, None)
            return Option(word, Key(key.fields, mask4, mask6, span=Span(span.file, key.span.start, span.end)), span)
        case "burst":
            place = token_span(value, context.file)
            burst = read_number(str(value), place, context.sink)
            if burst == 0:
                hint = "leave it out for what the rate gives in 100 ms"
                context.sink.error("PF0420", "a burst is at least 1", place, "lets nothing through", (hint,))
            return Option(word, max(burst, 1), span)
        case "size":
            return Option(word, checked_size(context, value), span)
        case _:
            return Option(word, str(value), span)


# -------------------------------------------------------------------------------------------- tables, limiters, guards


def _table(context: Context, kids: Kids, span: Span) -> Table:
    name, key = kids[1], kids[3]
    options = options_of(context, kids[4:])
    *before, last = key.fields
    for part in before:
        if is_net(part):
            hint = "put it last: `key (dst port, src net)`"
            context.sink.error("PF0441", "`net` stands behind the last field only", part.span, "not last", (hint,))
    net = is_net(last)
    if net:
        key = Key((*before, KeyField(last.text.removesuffix(" net"), last.outer, last.span)), span=key.span)
    return Table(
        str(name),
        key,
        net,
        **options.fields("timeout", "size", "evict"),
        span=span,
        name_span=token_span(name, context.file),
    )


def _limit(context: Context, kids: Kids, span: Span) -> Limit:
    limiter = _limiter(context, kids[2], kids[3:], span)
    return Limit(str(kids[1]), limiter, span, token_span(kids[1], context.file))


def _limiter(context: Context, rate: Any, kids: Kids, span: Span) -> Limiter:
    options = options_of(context, kids)
    read = read_rate(rate, context.file, context.sink)
    if "burst" in options.given:
        burst = options.given["burst"]
        check_burst(read, burst.value, burst.span, context.sink)
    values = options.fields("burst", "size", "full")
    key = options.fields("per").get("per")
    place = Span(span.file, token_span(rate, context.file).start, span.end)
    return Limiter(read, key, **values, span=place)


def _guard(context: Context, kids: Kids, span: Span) -> RateGuard:
    kind, rate = str(kids[0]), kids[1]
    if rate.type == "RATE":
        return RateGuard(kind, _limiter(context, rate, kids[2:], span), span)  # type: ignore[arg-type]
    for kid in kids[2:]:
        message = f"`{kid.word}` belongs to the line that declares `{rate}`"
        hint = f"write it there: `limit {rate} RATE {kid.word} ...`"
        context.sink.error("PF0213", message, kid.span, "not behind a name", (hint,))
    return RateGuard(kind, str(rate), span)  # type: ignore[arg-type]


def _connections(context: Context, kids: Kids, span: Span) -> ConnectionsGuard:
    """Of the options of a guard it has those that say whose connections are counted, and of how many."""
    options = options_of(context, kids)
    for word, option in options.given.items():
        if word not in ("per", "size"):
            message = f"`{word}` is no option of `connections`"
            hint = "connections have no rate: leave it out; here may stand `per KEY` and `size N`"
            context.sink.error("PF0213", message, option.span, "unknown option", (hint,))
    place = token_span(kids[2], context.file)
    most = read_number(str(kids[2]), place, context.sink)
    if most > MOST_CONNECTIONS:
        message = f"at most {MOST_CONNECTIONS} connections of a key are counted"
        hint = f"write `connections > {MOST_CONNECTIONS}`, or less"
        context.sink.error("PF0420", message, place, f"at most {MOST_CONNECTIONS}", (hint,))
        most = MOST_CONNECTIONS
    return ConnectionsGuard(most, options.fields("per").get("per"), **options.fields("size"), span=span)


# --------------------------------------------------------------------------------------------------------- actions


def _add(context: Context, kids: Kids, span: Span) -> Add:
    key = without_net(context, kids[1], "leave it out: a whole address is added")
    duration = read_duration(kids[5], context.file, context.sink) if len(kids) > 4 else None
    return Add(key, str(kids[3]), duration, span, token_span(kids[3], context.file))


def _delete(context: Context, kids: Kids, span: Span) -> Delete:
    key = without_net(context, kids[1], "leave it out: a whole address is deleted")
    return Delete(key, str(kids[3]), span, token_span(kids[3], context.file))


def _log(context: Context, kids: Kids, span: Span) -> Log:
    text, size = "", DEFAULT_LOG_SIZE
    for kid in kids[1:]:
        if kid.type == "STRING":
            text = read_string(kid, context.file, context.sink)
        elif kid.type == "INT":
            place = token_span(kid, context.file)
            size = read_number(str(kid), place, context.sink)
            if size > LARGEST_LOG_SIZE:
                hint = f"write `log {LARGEST_LOG_SIZE} bytes`"
                message = f"an event holds at most {LARGEST_LOG_SIZE} bytes of the frame"
                context.sink.error("PF0420", message, place, f"at most {LARGEST_LOG_SIZE}", (hint,))
                size = LARGEST_LOG_SIZE
    return Log(text, size, span)


STATE_HANDLERS: dict[str, Handler] = {
    "keys": _keys,
    "mask": _mask,
    "number": _number,
    "table_option": _table_option,
    "guard_option": _guard_option,
    "table": _table,
    "limit": _limit,
    "guard": _guard,
    "connections": _connections,
    "add": _add,
    "delete": _delete,
    "log": _log,
}
