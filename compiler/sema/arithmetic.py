"""Relations and memberships: names become numbers, sides are of one kind, no constant fault stays.

In: `Relation` and `Member` of the tree. Out: the same without ConstName and Word, `Const` within 32 bits, accessors and
fields that exist; or None, with diagnostics. Where one side is a field, the words of nft(8) for it stand for numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ebpfc.compiler.ast.nodes import (
    Access,
    Arith,
    Binary,
    Const,
    ConstName,
    FieldRef,
    FrameLength,
    Group,
    IPv4,
    IPv6,
    KeyField,
    Mac,
    Member,
    Negate,
    Number,
    Relation,
    SetLiteral,
    Span,
    TableName,
    Value,
    Word,
)
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.fields import ACCESSORS, FIELDS
from ebpfc.compiler.sema import refused, wide_fields
from ebpfc.compiler.sema.constants import fold
from ebpfc.compiler.sema.domains import (
    WORD32,
    Domain,
    bytes_domain,
    encap_field,
    field_domain,
    key_domain,
    operand_domain,
)
from ebpfc.compiler.sema.known_fields import known_field
from ebpfc.compiler.sema.tables import TableResolver
from ebpfc.compiler.sema.values import ValueResolver

_ARITH = Const | ConstName | FrameLength | FieldRef | Access | Binary | Negate | Group


class ArithmeticResolver:
    def __init__(self, values: ValueResolver, sink: Sink) -> None:
        self.values = values
        self.sink = sink
        self.tables = TableResolver(values.definitions, sink)

    # --- relations and memberships

    def relation(self, node: Relation) -> Relation | None:
        plain = _bare(node.left)
        if isinstance(plain, FieldRef) and _row_kind(plain) != "number":
            return self._address_relation(node, plain)
        if not isinstance(node.right, _ARITH):
            return self._value_relation(node, plain)
        right_plain = _bare(node.right)
        if isinstance(right_plain, FieldRef) and _row_kind(right_plain) not in ("number", "ipv4"):
            wide_fields.operand(self.sink, right_plain)
            return None
        domain = _words_domain(node.left) or _words_domain(node.right) or WORD32
        left, right = self.arith(node.left, domain), self.arith(node.right, domain)
        return None if left is None or right is None else replace(node, left=left, right=right)

    def _address_relation(self, node: Relation, plain: FieldRef) -> Relation | None:
        """The left side is an address field: an address stands on the right, or (of IPv4) another number of 32 bits."""
        left = self.arith(node.left, WORD32, wide=True)
        kind = _row_kind(plain)
        if kind != "ipv4" and node.op not in ("==", "!="):
            self.sink.error(
                "PF0431",
                f"`{plain.proto}.{plain.name}` is wider than 32 bits and has no `{node.op}`",
                node.span,
                "only `==`, `!=` and `in`",
                ("write `in` with a net or a range: `in {2001:db8::/32}`",),
            )
            return None
        domain = field_domain(plain.proto, plain.name, in_set=False)
        right: Arith | Value = node.right
        if isinstance(right, ConstName):
            right = Word(right.text, span=right.span)
        if isinstance(right, Const):
            right = Number(right.value, right.span)
        if isinstance(right, _ARITH):
            inner = _bare(right)
            if isinstance(inner, FieldRef) and _row_kind(inner) in wide_fields.KINDS:
                if kind in wide_fields.KINDS:
                    wide_fields.two_fields(self.sink, node, plain, inner)
                else:
                    wide_fields.operand(self.sink, inner)
                return None
            if kind in wide_fields.KINDS:
                wide_fields.operand(self.sink, plain, "compared with an address only")
                return None
            resolved = self.arith(right, WORD32)
            return None if left is None or resolved is None else replace(node, left=left, right=resolved)
        value = self._single(right, domain)
        if left is None or not isinstance(value, IPv4 | IPv6 | Mac):
            return None
        return replace(node, left=left, right=value)

    def _value_relation(self, node: Relation, plain: Arith) -> Relation | None:
        """A value stands on the right that is no arithmetic: a dashed word, an address, a keyword."""
        assert not isinstance(node.right, _ARITH)
        left = self.arith(node.left, WORD32)
        value = self._single(node.right, _words_domain(plain) or WORD32)
        if left is None or not isinstance(value, Number):
            return None
        return replace(node, left=left, right=Const(value.value, value.span))

    def _single(self, value: Value, domain: Domain) -> Value | None:
        """One plain value; a set of several is refused with the way to write membership."""
        resolved = self.values.resolve(value, domain)
        if isinstance(resolved, SetLiteral):
            if len(resolved.items) == 1 and not hasattr(resolved.items[0], "high"):
                return resolved.items[0]
            self._several(value.span, len(resolved.items))
            return None
        if hasattr(resolved, "high"):
            self._several(value.span, 2)
            return None
        return resolved

    def _several(self, span: Span, count: int) -> None:
        self.sink.error(
            "PF0440",
            "a comparison takes one value",
            span,
            "holds no value" if count == 0 else "stands for several values",
            ("write `in` instead of the comparison: `ip.ttl in {1, 2}`",),
        )

    def member(self, node: Member) -> Member | None:
        table = self.tables.table_of(node.items)
        if table is not None:
            return self.tables.member(node, table)
        if len(node.keys) != 1:
            self.tables.no_table(node)
            return None
        assert not isinstance(node.items, TableName), "no name is looked up before"
        key = node.keys[0]
        if isinstance(key, KeyField):
            key = encap_field(key) or key
        domain: Domain | None
        if isinstance(key, KeyField):
            domain = key_domain(key.text)
            if domain is None:
                self.sink.error(
                    "PF0428",
                    f"`{key.text}` is no field that can be in a set",
                    key.span,
                    "makes no sense before `in`",
                    ("write a field (`src`, `tcp dst port`, `ip.ttl`), or no `in`: `src net SET`",),
                )
                return None
        else:
            resolved = self.arith(key, WORD32, wide=True)
            if resolved is None:
                return None
            assert isinstance(resolved, FieldRef | Access | Binary | Group)
            key, domain = resolved, _whole_domain(resolved)
        if isinstance(node.items, Word) and self.tables.is_unknown(node.items, domain):
            return None
        items = self.values.resolve(node.items, domain)
        if items is None:
            return None
        if not isinstance(items, SetLiteral):
            items = SetLiteral((items,), span=node.items.span)
        return replace(node, keys=(key,), items=items)

    # --- arithmetic

    def arith(self, node: Arith, words: Domain, *, wide: bool = False) -> Arith | None:
        """`wide`: a field over 32 bits may stand here, alone."""
        match node:
            case Const() | FrameLength():
                return node
            case ConstName():
                return self._constant(node, words)
            case FieldRef():
                return self._field(node, wide)
            case Access():
                return self._access(node)
            case Group():
                inner = self.arith(node.operand, words, wide=wide)
                return None if inner is None else replace(node, operand=inner)
            case Negate():
                inner = self.arith(node.operand, words)
                return None if inner is None else replace(node, operand=inner)
            case Binary():
                left, right = self.arith(node.left, words), self.arith(node.right, words)
                if left is None or right is None:
                    return None
                return self._faultless(replace(node, left=left, right=right))
            case _:
                assert_never(node)

    def _constant(self, node: ConstName, words: Domain) -> Const | None:
        value = self.values.resolve(Word(node.text, span=node.span), words)
        if isinstance(value, SetLiteral):
            if len(value.items) != 1 or not isinstance(value.items[0], Number):
                self._several(node.span, len(value.items))
                return None
            value = value.items[0]
        return Const(value.value, node.span) if isinstance(value, Number) else None

    def _field(self, node: FieldRef, wide: bool) -> FieldRef | None:
        row = known_field(node, self.sink)
        if row is None:
            return None
        if row.bits > 32 and not wide:
            wide_fields.operand(self.sink, node)
            return None
        return node

    def _access(self, node: Access) -> Access | None:
        offset = self.arith(node.offset, WORD32)
        if node.proto == "stp":
            self.sink.error(
                "PF0428", "`stp[...]` makes no sense", node.span, "no header of its own is read",
                ("count from the Ethernet header: `ether[14]`",),
            )  # fmt: skip
            return None
        if node.proto not in ACCESSORS:
            refused.not_built(self.sink, "PF0605", node.proto, node.span)
            return None
        return None if offset is None else replace(node, offset=offset)

    def _faultless(self, node: Binary) -> Binary | None:
        divisor = fold(node.right)
        if divisor is None:
            return node
        if node.op in ("/", "%") and divisor == 0:
            self.sink.error("PF0429", "division by zero", node.right.span, "is 0")
            return None
        if node.op in ("<<", ">>") and divisor >= 32:
            self.sink.error("PF0430", f"a shift by {divisor} leaves nothing of 32 bits", node.right.span, "at most 31")
            return None
        return node


def _bare(node: Arith) -> Arith:
    while isinstance(node, Group):
        node = node.operand
    return node


def _row_kind(node: FieldRef) -> str:
    row = FIELDS.get((node.proto, node.name))
    return "number" if row is None else row.kind


def _words_domain(node: Arith) -> Domain | None:
    """The domain of the field that arithmetic reads, for the words beside it (`tcp.flags & syn != 0`)."""
    match node:
        case FieldRef():
            return operand_domain(node.proto, node.name) if _known_number(node) else None
        case Group() | Negate():
            return _words_domain(node.operand)
        case Binary():
            return _words_domain(node.left) or _words_domain(node.right)
        case Const() | ConstName() | FrameLength() | Access():
            return None
        case _:
            assert_never(node)


def _known_number(node: FieldRef) -> bool:
    return (node.proto, node.name) in FIELDS and _row_kind(node) == "number"


def _whole_domain(node: Arith) -> Domain:
    """What the members of `node in {...}` are."""
    plain = _bare(node)
    if isinstance(plain, FieldRef):
        return field_domain(plain.proto, plain.name)
    if isinstance(plain, Access):
        return bytes_domain(plain.size)
    return WORD32
