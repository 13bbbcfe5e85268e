"""The text of the grammar → its parser, in 15 ms from the user's cache folder, else built in 0.4 s.

In: the grammar's text and its version. Out: a `lark.Lark`, the same either way. What is kept is numbers, strings,
lists and dictionaries as marshal writes them: reading them runs nothing, in a quarter of JSON's time. Whatever goes
wrong with it (unreadable, unwritable, cut short, another version) only costs the time to build the parser again.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import sys
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from ebpfc.cache_folder import read_cached, write_cached

_FOLDER = Path(__file__).parent


def load_parser() -> lark.Lark:
    """The parser of `rules.lark` with the start symbols `start` and `expression`."""
    rules, terminals = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("rules.lark", "terminals.lark"))
    key = "\0".join((rules, terminals, lark.__version__, sys.version, Path(__file__).read_text(encoding="utf-8")))
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    name = f"grammar-{digest}.bin"
    if (parser := _read(name)) is not None:
        return parser
    parser = build_parser(strict=False)
    _write(name, parser)
    return parser


def build_parser(*, strict: bool) -> lark.Lark:
    """The parser from its text. `strict` refuses every conflict and collision of terminals (it needs interegular)."""
    file = _FOLDER / "rules.lark"
    return lark.Lark(
        file.read_text(encoding="utf-8"),
        parser="lalr",
        lexer="basic",
        strict=strict,
        start=["start", "expression"],
        keep_all_tokens=True,
        maybe_placeholders=False,
        source_path=str(file),
        import_paths=[str(_FOLDER)],
    )


def _read(name: str) -> lark.Lark | None:
    content = read_cached(name)
    if content is None:
        return None
    try:
        saved = marshal.loads(content)  # noqa: S302 - whole, made of this text, in a private folder
        parser: lark.Lark = lark.Lark._load_from_dict(saved["data"], saved["memo"])  # type: ignore[no-untyped-call]
        return parser
    except Exception:  # whatever a broken cache makes of lark, building anew is the answer
        return None


def _write(name: str, parser: lark.Lark) -> None:
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    for option in ("source_path", "import_paths"):
        data["options"].pop(option, None)
    with contextlib.suppress(TypeError, ValueError):
        write_cached(name, marshal.dumps(_plain({"data": data, "memo": memo})))


def _plain(value: Any) -> Any:
    """The same without lark's own kinds of string and mapping, which marshal does not take."""
    match value:
        case dict():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case str():
            return str(value)
        case _:
            return value
