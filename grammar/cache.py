"""The text of the grammar → its parser, in 15 ms from a file of the user's cache folder, else built in 0.4 s.

In: the grammar's text and its version. Out: a `lark.Lark`, the same either way. The cache is JSON (reading it can run
nothing), lies in a folder that belongs to the user alone, and is written aside and renamed. Whatever goes wrong with it
(unreadable, unwritable, cut short, another version) only costs the time to build the parser again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

_FOLDER = Path(__file__).parent


def load_parser() -> lark.Lark:
    """The parser of `rules.lark` with the start symbols `start` and `expression`."""
    rules, terminals = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("rules.lark", "terminals.lark"))
    key = "\0".join((rules, terminals, lark.__version__, sys.version, Path(__file__).read_text(encoding="utf-8")))
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    folder = _cache_folder()
    file = folder / f"grammar-{digest}.json" if folder else None
    if file is not None and (parser := _read(file)) is not None:
        return parser
    parser = build_parser(strict=False)
    if file is not None:
        _write(file, parser)
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


def _cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/ebpfc` (`~/.cache/ebpfc`), made if need be; None unless it is the user's and no one else's."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        folder = (base if base.is_absolute() else Path.home() / ".cache") / "ebpfc"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except (OSError, RuntimeError):
        return None
    safe = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return folder if safe else None


def _read(file: Path) -> lark.Lark | None:
    try:
        saved = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_with_numbers)
        parser: lark.Lark = lark.Lark._load_from_dict(saved["data"], saved["memo"])  # type: ignore[no-untyped-call]
        return parser
    except Exception:  # whatever a broken cache makes of lark, building anew is the answer
        return None


def _with_numbers(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    """JSON has only strings as keys; lark's tables are keyed by numbers (states) and by names (everything else)."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}


def _write(file: Path, parser: lark.Lark) -> None:
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    for name in ("source_path", "import_paths"):
        data["options"].pop(name, None)
    with contextlib.suppress(OSError, TypeError, ValueError):
        text = json.dumps({"data": data, "memo": memo}, separators=(",", ":"))
        handle, aside = tempfile.mkstemp(dir=file.parent, prefix=file.stem)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(aside).replace(file)
        except BaseException:
            Path(aside).unlink()
            raise
