"""The long run beside libpcap (`python -m ebpfc.testing.pcap_soak`): random expressions and packets aimed at them.

In: how many, from which seed. Out: progress on standard error, each failure, a last line of totals; exit code 1 when
anything failed. Needs root for those that the kernel judges too.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.runtime.errors import ControlError
from ebpfc.testing.libpcap import libpcap_reason
from ebpfc.testing.pcap_agreement import Tally, compare, read_by_libpcap, read_expression, refusal
from ebpfc.testing.pcap_batch import Question, ask_the_kernel
from ebpfc.testing.pcap_expressions import random_expression
from ebpfc.testing.pcap_frames import aimed_frames
from ebpfc.testing.pcap_manual import REFUSALS
from ebpfc.testing.pcap_tokens import asks_a_resolver, random_tokens

FRAMES = 40
BATCH = 25
"""Expressions in one object."""
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Chunk:
    seed: int
    count: int


def questions(seed: int, count: int, frames: int = FRAMES) -> Iterator[Question]:
    """So many expressions that both read, and frames for each: the same for one seed."""
    rng = Random(seed)
    while count:
        text = random_expression(rng)
        try:
            match = read_expression(text)
            read_by_libpcap(text)
        except (PolicyError, ValueError):
            continue
        count -= 1
        yield Question(text, match, tuple(aimed_frames(rng, match, frames)))


def beside_libpcap(chunk: Chunk) -> Tally:
    """Random expressions by the reference, libpcap and the documented differences."""
    tally = Tally()
    for question in questions(chunk.seed, chunk.count):
        tally.add(compare(question.text, question.match, read_by_libpcap(question.text), list(question.frames)))
    return tally


def in_the_kernel(chunk: Chunk) -> Tally:
    """Random expressions by the reference and the compiled program, `BATCH` in one object."""
    tally = Tally()
    asked = list(questions(chunk.seed, chunk.count))
    for first in range(0, len(asked), BATCH):
        batch = asked[first : first + BATCH]
        try:
            answers = ask_the_kernel(batch)
        except (PolicyError, ToolchainError, ControlError) as error:
            tally.failures.append(f"seed {chunk.seed}, batch {first}: {str(error)[:300]}")
            continue
        tally.compared += answers.compared
        tally.matched += answers.matched
        tally.failures += answers.failures
    return tally


def undocumented_refusals(chunk: Chunk) -> Tally:
    """Random words that libpcap takes, and we refuse for no documented reason."""
    rng, tally, seen = Random(chunk.seed), Tally(), Counter[str]()
    for _ in range(chunk.count):
        text = random_tokens(rng)
        if asks_a_resolver(text):
            continue
        tally.compared += 1
        codes = refusal(text)
        seen.update(codes or ())
        if codes is not None and not set(codes) <= REFUSALS.keys():
            tally.failures.append(f"{text}: refused with {', '.join(codes)}, and libpcap takes it")
    tally.matched = seen.total()
    return tally


def _run(what: str, work: Callable[[Chunk], Tally], total: int, seed: int, jobs: int) -> int:
    """Prints as it goes; returns how many failures there were."""
    chunks = [Chunk(seed + first, min(CHUNK, total - first)) for first in range(0, total, CHUNK)]
    tally, done = Tally(), 0
    with ProcessPoolExecutor(jobs) as pool:
        for chunk, result in zip(chunks, pool.map(work, chunks), strict=True):
            done += chunk.count
            for failure in result.failures:
                print(failure, flush=True)
            tally.add(result)
            print(f"\r{what}: {done} of {total}, {len(tally.failures)} failed ", end="", file=sys.stderr, flush=True)
    applied = ", ".join(f"{number or 'none'} {count}" for number, count in sorted(tally.applied.items()))
    print(file=sys.stderr)
    print(
        f"{what}: {done}, {tally.compared} compared, {len(tally.failures)} failed; {tally.unjudged} not judged",
        flush=True,
    )
    if applied:
        print(f"differences that applied: {applied}", flush=True)
    return len(tally.failures)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ebpfc.testing.pcap_soak", description="the long run beside libpcap"
    )
    parser.add_argument("--expressions", type=int, default=200_000, help="beside libpcap (default %(default)s)")
    parser.add_argument("--kernel", type=int, default=20_000, help="in the kernel (default %(default)s)")
    parser.add_argument("--texts", type=int, default=100_000, help="random words (default %(default)s)")
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    options = parser.parse_args(argv)
    if reason := libpcap_reason():
        parser.exit(2, f"{parser.prog}: {reason}\n")
    failed = _run("texts", undocumented_refusals, options.texts, options.first, options.jobs)
    failed += _run("expressions", beside_libpcap, options.expressions, options.first, options.jobs)
    failed += _run("in the kernel", in_the_kernel, options.kernel, options.first, options.jobs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
