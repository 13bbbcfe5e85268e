"""Tables and limiters: their declarations, and the matches, guards and actions that use them, each checked in place.

In: `Table`, `Limit`, guards, `Add`, `Delete` and memberships of the tree, in reading order. Out: the same with keys
resolved, every name known to be of the right kind, and every key known to fit its table; or diagnostics.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeVar

from ebpfc.compiler.ast.nodes import (
    Add,
    ConnectionsGuard,
    Delete,
    Key,
    Limit,
    Limiter,
    Member,
    RateGuard,
    Span,
    Table,
    TableName,
    Word,
)
from ebpfc.compiler.ast.printer import print_key
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.sema import refused
from ebpfc.compiler.sema.definitions import Definitions, NamedLimit, NamedTable
from ebpfc.compiler.sema.domains import Domain
from ebpfc.compiler.sema.keys import fits, resolve_fields, resolve_key, slot
from ebpfc.compiler.sema.problems import closest_name, wrong_name

_Kind = TypeVar("_Kind", NamedTable, NamedLimit)
_LINES = {"table": "table {} key src", "limiter": "limit {} 100/s"}


class TableResolver:
    def __init__(self, definitions: Definitions, sink: Sink) -> None:
        self.definitions = definitions
        self.sink = sink
        self.tables: list[Table] = []
        self.limits: list[Limit] = []

    # --- declarations

    def declare_table(self, table: Table) -> None:
        if not self.definitions.claim(table.name, table.name_span, self.sink):
            return
        key = resolve_key(table.key, self.sink)
        if key is None:
            self.definitions.broken.add(table.name)
            return
        resolved = replace(table, key=key)
        if table.net and not self._takes_net(resolved):
            self.definitions.broken.add(table.name)
            return
        self.tables.append(resolved)
        self.definitions.make(NamedTable(table.name, resolved, table.name_span))

    def _takes_net(self, table: Table) -> bool:
        last = table.key.fields[-1]
        if slot(last).kind == "address":
            return True
        text = print_key(Key((last,)))
        self.sink.error(
            "PF0443", "`net` stands behind an address", last.span, f"`{text}` is none", ("leave `net` out",)
        )
        return False

    def declare_limit(self, limit: Limit) -> None:
        if not self.definitions.claim(limit.name, limit.name_span, self.sink):
            return
        limiter = self._limiter(limit.limiter)
        if limiter is None:
            self.definitions.broken.add(limit.name)
            return
        resolved = replace(limit, limiter=limiter)
        self.limits.append(resolved)
        self.definitions.make(NamedLimit(limit.name, resolved, limit.name_span))

    def _limiter(self, limiter: Limiter) -> Limiter | None:
        if limiter.key is None:
            return limiter
        key = resolve_key(limiter.key, self.sink)
        return None if key is None else replace(limiter, key=key)

    # --- uses

    def table_of(self, items: object) -> NamedTable | None:
        """The table that stands behind `in`, if what stands there is one's name."""
        found = self.definitions.made.get(items.text) if isinstance(items, Word) else None
        return found if isinstance(found, NamedTable) else None

    def member(self, node: Member, found: NamedTable) -> Member | None:
        """`FIELD in TABLE`, `(F1, F2) in TABLE`."""
        self.definitions.look_up(found.name)
        fields = resolve_fields(node.keys, node.span, self.sink)
        if fields is None or not fits(found.table, fields, node.span, self.sink):
            return None
        return replace(node, keys=fields, items=TableName(found.name, node.items.span))

    def no_table(self, node: Member) -> None:
        """Several fields before `in`, and behind it something other than a table."""
        if isinstance(node.items, Word) and node.items.text not in self.definitions.made:
            self._named(node.items.text, node.items.span, NamedTable, "table")
            return
        self.sink.error(
            "PF0439", "several fields at once are members of tables only", node.span, "more than one field",
            ("write one `in` for each field, joined by `and`",),
        )  # fmt: skip

    def is_unknown(self, word: Word, domain: Domain) -> bool:
        """Whether nothing goes by the name behind `in`; then a diagnostic that says how to declare it."""
        text, definitions = word.text, self.definitions
        if text in domain.words or text in definitions.made or text in definitions.later or text in definitions.broken:
            return False
        if refused.word(text) is not None:
            return False
        close = closest_name(text, [*domain.words, *definitions.made])
        hint = (
            f"did you mean `{close}`?" if close else f"declare it above: `let {text} = {{...}}`, or `table {text} ...`"
        )
        self.sink.error("PF0302", f"nothing is named `{text}`", word.span, "unknown name", (hint,))
        return True

    def guard(self, guard: RateGuard | ConnectionsGuard) -> RateGuard | ConnectionsGuard | None:
        if isinstance(guard, ConnectionsGuard):
            key = None if guard.key is None else resolve_key(guard.key, self.sink)
            return replace(guard, key=key) if (key is None) == (guard.key is None) else None
        if isinstance(guard.limiter, str):
            place = Span(guard.span.file, guard.span.end - len(guard.limiter), guard.span.end)
            return guard if self._named(guard.limiter, place, NamedLimit, "limiter") is not None else None
        limiter = self._limiter(guard.limiter)
        return None if limiter is None else replace(guard, limiter=limiter)

    def action(self, action: Add | Delete) -> Add | Delete | None:
        found = self._named(action.table, action.table_span, NamedTable, "table")
        key = resolve_key(action.key, self.sink)
        if found is None or key is None or not fits(found.table, key.fields, key.span, self.sink):
            return None
        return replace(action, key=key)

    def _named(self, name: str, span: Span, kind: type[_Kind], what: Literal["table", "limiter"]) -> _Kind | None:
        """The table or limiter of this name; None after a diagnostic, here or at its declaration."""
        definitions = self.definitions
        found = definitions.look_up(name)
        if isinstance(found, kind):
            return found
        if found is not None:
            wrong_name(found, f"a {what} is wanted here", span, self.sink)
        elif name in definitions.later and name not in definitions.broken:
            self.sink.error(
                "PF0301", f"`{name}` is used before it is defined", span, "not defined yet here",
                (definitions.moved(name),),
            )  # fmt: skip
        elif name not in definitions.broken:
            close = closest_name(name, [made for made, other in definitions.made.items() if isinstance(other, kind)])
            hint = f"did you mean `{close}`?" if close else f"declare it above: `{_LINES[what].format(name)}`"
            self.sink.error("PF0302", f"no {what} is named `{name}`", span, "unknown name", (hint,))
        return None
