"""The long run (`python -m ebpfc.testing.soak`): random policies and packets, reference beside kernel; wrong texts.

In: how many, from which seed. Out: progress on standard error, each failure with the seed that shows it again, a last
line of totals; exit code 1 when anything failed. Needs root for the packets.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from ebpfc.compiler.diagnostics.model import PolicyError
from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.testing.agreement import HOOKS, build_traced, disagreements
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import random_policy, write_policy

CHUNK = 20
SECONDS_FOR_A_TEXT = 5.0
RULES = (1, 2, 3, 5, 8, 14)
_DAMAGE = "(){}[]\"'\\/,:;<>=!&|+-*%^#\n\t \x00\u2028é0123456789abcxyz"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Seeds first .. first + count - 1, with so many frames each (0: texts)."""

    first: int
    count: int
    frames: int


@dataclass(frozen=True, slots=True)
class Result:
    done: int
    compared: int
    failures: tuple[str, ...]


def judge_chunk(chunk: Chunk) -> Result:
    """Random policies, each at all three hooks against the reference."""
    failures: list[str] = []
    compared = 0
    for seed in range(chunk.first, chunk.first + chunk.count):
        rng = Random(seed)
        text, _ = random_policy(rng, HOOKS, rules=rng.choice(RULES), netmask=True)
        try:
            compiled, built = build_traced(text, netmask=NETMASK)
            found = disagreements(compiled.policy, built, [random_frame(rng) for _ in range(chunk.frames)])
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}")
            continue
        compared += len(HOOKS) * chunk.frames
        failures += [f"seed {seed}: {d}" for d in found[:2]]
    return Result(chunk.count, compared, tuple(failures))


def refuse_chunk(chunk: Chunk) -> Result:
    """Damaged policies and random characters: a diagnostic or C, soon, and never another exception."""
    failures: list[str] = []
    for seed in range(chunk.first, chunk.first + chunk.count):
        text, started = damaged_text(Random(seed)), time.process_time()
        try:
            compile_text(text, Options())
        except PolicyError as error:
            if not any(d.severity == "error" for d in error.diagnostics):
                failures.append(f"seed {seed}: refused without a reason")
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}")
        if time.process_time() - started > SECONDS_FOR_A_TEXT:
            failures.append(f"seed {seed}: took over {SECONDS_FOR_A_TEXT:.0f} s")
    return Result(chunk.count, chunk.count, tuple(failures))


def damaged_text(rng: Random) -> str:
    """A policy with characters lost, doubled, moved or strange ones put in; one in ten is characters alone."""
    if rng.random() < 0.1:
        return "".join(rng.choice(_DAMAGE) for _ in range(rng.randint(0, 200)))
    text = write_policy(rng, HOOKS, rules=rng.choice(RULES))
    for _ in range(rng.randint(0, 6)):
        at, length = rng.randrange(len(text) + 1), rng.choice((1, 1, 2, 5, 20))
        piece = rng.choice(("", text[at : at + length] * 2, rng.choice(_DAMAGE), text[: length * 2]))
        text = text[:at] + piece + text[at + rng.choice((0, length)) :]
    return text


def _chunks(first: int, total: int, frames: int) -> Iterator[Chunk]:
    for start in range(first, first + total, CHUNK):
        yield Chunk(start, min(CHUNK, first + total - start), frames)


def _run(what: str, work: Callable[[Chunk], Result], chunks: list[Chunk], jobs: int) -> int:
    """Prints as it goes; returns how many failures there were."""
    done = compared = failed = 0
    total = sum(c.count for c in chunks)
    with ProcessPoolExecutor(jobs) as pool:
        for result in pool.map(work, chunks):
            done, compared, failed = done + result.done, compared + result.compared, failed + len(result.failures)
            for failure in result.failures:
                print(failure, flush=True)
            print(f"\r{what}: {done} of {total}, {failed} failed ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{what}: {done}, {compared} compared, {failed} failed", flush=True)
    return failed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ebpfc.testing.soak", description="the long run of the properties")
    parser.add_argument("--policies", type=int, default=10_000, help="random policies (default %(default)s)")
    parser.add_argument("--frames", type=int, default=500, help="frames for each, at each hook (default %(default)s)")
    parser.add_argument("--texts", type=int, default=100_000, help="damaged texts (default %(default)s)")
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    options = parser.parse_args(argv)
    failed = _run("texts", refuse_chunk, list(_chunks(options.first, options.texts, 0)), options.jobs)
    chunks = list(_chunks(options.first, options.policies, options.frames))
    failed += _run("policies", judge_chunk, chunks, options.jobs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
