"""`python -m ebpfc.testing.kernels`: do our objects load on other kernels, and decide as the reference says?

In: which suites, how many policies and frames. Out: a table on standard output, every problem on standard error; exit
code 1 when an object did not load or decided otherwise, 2 when a policy could not be built, or a
kernel not be had or booted.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ebpfc.testing.kernels.boot import BootError, boot, qemu_available
from ebpfc.testing.kernels.debian import SUITES, FetchError, Mirrors, cache_folder, fetch_kernel
from ebpfc.testing.kernels.initramfs import guest_files, initramfs
from ebpfc.testing.kernels.policies import policies
from ebpfc.testing.kernels.report import Row, compare, table
from ebpfc.testing.kernels.subjects import BuildError, Subject, subjects

MEASURED = re.compile(r"(<!-- measured -->\n).*(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trial:
    """What every kernel is given; `files` holds the subjects' objects."""

    subjects: Sequence[Subject]
    files: dict[str, bytes]
    mirrors: Mirrors | None
    refresh: bool

    def row(self, suite: str) -> Row:
        """Fetches, boots, compares. FetchError, BootError."""
        kernel = fetch_kernel(suite, cache_folder(), self.mirrors, self.refresh)
        begun = time.monotonic()
        answers = boot(kernel.image, initramfs(self.files, kernel))
        return compare(self.subjects, answers, time.monotonic() - begun)

    def row_or_none(self, suite: str) -> Row | None:
        """As `row`; what failed is said at once, and the other suites go on."""
        try:
            return self.row(suite)
        except (FetchError, BootError) as failure:
            print(f"{suite}: {failure}", file=sys.stderr, flush=True)
            return None


def write_measured(page: Path, rows: Sequence[Row], subjects: int) -> None:
    """Puts the table and the day between the page's two marks."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    said = f"Measured on {day} with {subjects} objects:\n\n{table(rows)}\n\n"
    page.write_text(MEASURED.sub(lambda found: f"{found[1]}\n{said}{found[2]}", page.read_text()))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ebpfc.testing.kernels", description="our objects on other kernels")
    parser.add_argument("suites", nargs="*", choices=(*SUITES, []), help=f"Debian's suites ({' '.join(SUITES)})")
    parser.add_argument("--random", type=int, default=40, help="random policies (default %(default)s)")
    parser.add_argument("--stateful", type=int, default=24, help="random ones that remember (default %(default)s)")
    parser.add_argument("--frames", type=int, default=60, help="frames for each object and hook (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="kernels at once")
    parser.add_argument("--mirror", help="where Debian's packages are (default: as this machine's apt has it)")
    parser.add_argument("--refresh", action="store_true", help="look for newer kernels than those kept")
    parser.add_argument("--markdown", type=Path, help="a page to put the table in, between its marks")
    asked = parser.parse_args(argv)
    if missing := qemu_available():
        print(missing, file=sys.stderr)
        return 2
    try:
        chosen = subjects(list(policies(asked.random, asked.stateful)), asked.frames, asked.jobs)
    except BuildError as failure:
        print(failure, file=sys.stderr)
        return 2
    print(f"{len(chosen)} objects built", file=sys.stderr, flush=True)
    mirrors = Mirrors(asked.mirror) if asked.mirror else None
    trial = Trial(chosen, guest_files(chosen), mirrors, asked.refresh)
    with ThreadPoolExecutor(asked.jobs) as pool:
        results = list(pool.map(trial.row_or_none, asked.suites or SUITES))
    rows = [row for row in results if isinstance(row, Row)]
    for problem in (problem for row in rows for problem in row.problems):
        print(problem, file=sys.stderr)
    print(table(rows))
    if len(rows) < len(results):
        return 2
    if asked.markdown:
        write_measured(asked.markdown, rows, len(chosen))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
