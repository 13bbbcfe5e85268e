"""The text of the grammar → its parser, in 15 ms from the user's cache folder, else built in 0.4 s.

In: the grammar's text and its version. Out: a `lark.Lark`, the same either way. The cache is JSON (reading it can run
nothing). Whatever goes wrong with it (unreadable, unwritable, cut short, another version) only costs the time to build
the parser again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
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
    name = f"grammar-{digest}.json"
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
        saved = json.loads(content, object_pairs_hook=_with_numbers)
        parser: lark.Lark = lark.Lark._load_from_dict(saved["data"], saved["memo"])  # type: ignore[no-untyped-call]
        return parser
    except Exception:  # whatever a broken cache makes of lark, building anew is the answer
        return None


def _with_numbers(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    """JSON has only strings as keys; lark's tables are keyed by numbers (states) and by names (everything else)."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}


def _write(name: str, parser: lark.Lark) -> None:
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    for option in ("source_path", "import_paths"):
        data["options"].pop(option, None)
    with contextlib.suppress(TypeError, ValueError):
        write_cached(name, json.dumps({"data": data, "memo": memo}, separators=(",", ":")).encode())
