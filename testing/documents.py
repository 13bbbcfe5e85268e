"""Markdown as a test: in, the text of a document; out, its fenced blocks, and whether its console sessions are true.

A block's first word is its language, the second a file name: "```pf web.pf" is a policy that later blocks can use.
A `console` block holds commands after `$ ` and what they print, both streams together. A line `...` stands for any
number of lines, `...` inside a line for any text. A command that ends in another way than 0 says so by a last line
`[exit N]`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ebpfc

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FencedBlock:
    """`line` is that of the opening fence, from 1; `section` the nearest heading above, or ""."""

    language: str
    name: str | None
    text: str
    line: int
    section: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command of a console block and what the document says that it prints."""

    command: str
    expected: str


def fenced_blocks(document: str) -> tuple[FencedBlock, ...]:
    """Every fenced block, in order."""
    blocks = []
    for match in _FENCE.finditer(document):
        words = match["info"].split()
        outside = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), document[: match.start()])
        headings = _HEADING.findall(outside)
        blocks.append(
            FencedBlock(
                language=words[0] if words else "",
                name=words[1] if len(words) > 1 else None,
                text=re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
                line=document.count("\n", 0, match.start()) + 1,
                section=headings[-1].strip() if headings else "",
            )
        )
    return tuple(blocks)


def prose(document: str) -> str:
    """The document without its fenced blocks."""
    return _FENCE.sub("", document)


def exchanges(block: FencedBlock) -> tuple[Exchange, ...]:
    """The commands of a console block; a line that ends in a backslash goes on."""
    pairs: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            pairs.append((line[2:], []))
        elif pairs and not pairs[-1][1] and pairs[-1][0].endswith("\\"):
            pairs[-1] = (f"{pairs[-1][0]}\n{line}", [])
        elif pairs:
            pairs[-1][1].append(line)
        else:
            raise ValueError(f"line {block.line}: a console block begins with a command")
    return tuple(Exchange(command, "\n".join(lines)) for command, lines in pairs)


def output_matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what the document shows, `...` standing for anything."""
    parts = []
    for line in expected.strip().splitlines():
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(piece) for piece in line.rstrip().split("...")) + r"[ \t]*\n")
    return re.fullmatch("".join(parts), printed.strip() + "\n" if printed.strip() else "") is not None


def own_commands(folder: Path) -> dict[str, str]:
    """Writes `ebpfc` and `ebpfctl` of this Python and this tree into `folder`; the environment that finds them."""
    folder.mkdir(parents=True)
    for name, module in (("ebpfc", "ebpfc"), ("ebpfctl", "ebpfc.cli.ebpfctl")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    return {
        "PATH": f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "PYTHONPATH": str(Path(ebpfc.__file__).parents[1]),
        "COLUMNS": "100",
    }


def run_command(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What a shell prints for `command` in `folder`, both streams, with `[exit N]` at the end when N is not 0."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + (f"[exit {done.returncode}]\n" if done.returncode else "")
