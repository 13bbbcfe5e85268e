"""The templates' text → their code, in 2 ms from the user's cache folder, else compiled by Jinja in 0.1 s.

In: `templates/*.j2`. Out: a loader for a Jinja environment, the same templates either way. All of them are kept as
one file whose name is a digest of every text, of how the environment reads them, of Jinja and of Python. It is code
that this process runs, as Python's own `__pycache__` is: the folder is the user's alone (`ebpfc/cache_folder.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from jinja2 import BaseLoader, Environment, Template, TemplateNotFound

from ebpfc import templates
from ebpfc.cache_folder import read_cached, write_cached


class CompiledTemplates(BaseLoader):
    """One environment's loader: every template is compiled for the first that asks."""

    def __init__(self) -> None:
        self._codes: Mapping[str, CodeType] = {}

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's word
    ) -> Template:
        self._codes = self._codes or _load_codes(environment)
        if name not in self._codes:
            raise TemplateNotFound(name)
        return environment.template_class.from_code(environment, self._codes[name], globals or {})


def _load_codes(environment: Environment) -> Mapping[str, CodeType]:
    folder = Path(templates.__file__).parent
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.j2"))}
    file = f"templates-{_digest(environment, texts)}.bin"
    content = read_cached(file)
    if content is not None:
        with contextlib.suppress(EOFError, TypeError, ValueError):
            kept = marshal.loads(content)  # noqa: S302 - whole, made of these texts, in a private folder
            if isinstance(kept, dict) and kept.keys() == texts.keys():
                return kept
    codes = {name: environment.compile(text, name, name) for name, text in texts.items()}
    write_cached(file, marshal.dumps(codes))
    return codes


def _digest(environment: Environment, texts: Mapping[str, str]) -> str:
    """Templates are the same code when these are the same."""
    options = (environment.trim_blocks, environment.lstrip_blocks, environment.keep_trailing_newline)
    parts = (jinja2.__version__, sys.version, options, environment.undefined.__name__, sorted(texts.items()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
