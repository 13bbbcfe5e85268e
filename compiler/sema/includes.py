"""A parsed file → its statements with every `include` replaced by the statements of that file.

In: the main file's tree and the source map. Out: all statements in reading order. A file is read once, however often
it is included; one that includes itself, directly or through others, is refused, and so is one that lies outside the
folder of the main file, be it by `..`, by an absolute path or behind a symbolic link.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ebpfc.compiler.ast.build import parse_source
from ebpfc.compiler.ast.nodes import FileSet, Include, SourceTree, Statement
from ebpfc.compiler.diagnostics.model import Diagnostic, Related, Sink
from ebpfc.compiler.source import SourceMap

MAX_NESTING = 64
"""So deep may includes nest."""


@dataclass(slots=True)
class FileReader:
    """Opens the files that a policy names; `places` are the true paths of the files read so far, by index."""

    sources: SourceMap
    sink: Sink
    root: Path
    places: dict[int, Path] = field(default_factory=dict)

    @classmethod
    def of_main(cls, sources: SourceMap, main: int, sink: Sink) -> FileReader:
        place = Path(os.path.realpath(sources.files[main].path.replace("\0", "_")))
        return cls(sources, sink, place.parent, {main: place})

    def locate(self, named: Include | FileSet) -> tuple[Path, str] | None:
        """The true path of what `named` asks for, and the path to show; None when it is outside."""
        file = named.span.file if named.span.file in self.places else min(self.places)
        shown = os.path.join(os.path.dirname(self.sources.files[file].path), named.path)  # noqa: PTH118, PTH120
        if "\0" in named.path:
            self.sink.error("PF0108", "a path holds no NUL byte", named.span, "not a path")
            return None
        place = Path(os.path.realpath(self.places[file].parent / named.path))
        if not place.is_relative_to(self.root):
            self.sink.error(
                "PF0311",
                "a policy reads only what lies in the folder of its main file",
                named.span,
                "leads out of the folder",
                ("move the file beside the policy, or into a folder below it",),
            )
            return None
        return place, shown

    def read(self, named: Include | FileSet) -> int | None:
        """Reads the file into the source map; None after a diagnostic at the statement."""
        found = self.locate(named)
        if found is None:
            return None
        place, shown = found
        index = self.sources.read(place, self.sink, shown=shown, at=named.span)
        if index is not None:
            self.places[index] = place
        return index

    def read_values(self, named: FileSet) -> int | None:
        """As `read`, but an empty file is a set of nothing."""
        before = len(self.sink.items)
        index = self.read(named)
        added: list[Diagnostic] = self.sink.items[before:]
        if index is None and [item.code for item in added] == ["PF0105"]:
            del self.sink.items[before:]
            index = self.sources.add_text(named.path, "")
        return index


def expand_includes(tree: SourceTree, reader: FileReader) -> tuple[Statement, ...]:
    """All statements of the policy in reading order; includes that fail are diagnostics and leave nothing."""
    return tuple(_expand(tree, reader, {}, {reader.places[tree.file]}))


def _expand(tree: SourceTree, reader: FileReader, opened: dict[Path, Include], done: set[Path]) -> list[Statement]:
    """`opened` are the files being read now, each with the include inside it that led on."""
    out: list[Statement] = []
    here = reader.places[tree.file]
    for statement in tree.statements:
        if not isinstance(statement, Include):
            out.append(statement)
            continue
        found = reader.locate(statement)
        if found is None:
            continue
        chain = {**opened, here: statement}
        if found[0] in chain:
            _report_loop(statement, chain, found[0], reader.sink)
            continue
        if found[0] in done:
            continue
        if len(chain) > MAX_NESTING:
            reader.sink.error(
                "PF0312", f"includes nest over {MAX_NESTING} deep", statement.span, "one too many",
                ("include the files from one place",),
            )  # fmt: skip
            continue
        done.add(found[0])
        index = reader.read(statement)
        inner = None if index is None else parse_source(reader.sources, index, reader.sink)
        if inner is not None:
            out.extend(_expand(inner, reader, chain, done))
    return out


def _report_loop(statement: Include, chain: dict[Path, Include], target: Path, sink: Sink) -> None:
    names = list(chain)
    related = tuple(Related(chain[name].span, "which includes") for name in names[names.index(target) : -1])
    sink.error(
        "PF0310",
        f"`{target.name}` includes itself",
        statement.span,
        "closes a loop",
        ("remove this include: a file is read once, wherever it is included first",),
        related,
    )
